"""An op is two plain functions: its formula, and its vector-Jacobian product (VJP).

    @op(source="D0-F2")
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    @sigmoid.vjp
    def _(dy, y, z):
        return dy * y * (1 - y)

*Positional* arguments are operands: arrays that may carry a gradient. *Keyword* arguments are
parameters (an axis, a shape): plain constants that never do. The VJP gets the upstream gradient,
the result, the operands and the parameters, and returns one gradient for each operand (None where
there is none); the tape sums them over broadcast axes afterwards.

Both functions use NumPy functions only, which dispatch on what they are given, so the same two
serve NumPy arrays, CuPy arrays, tensors being recorded (higher derivatives), complex arrays, and
everyone who reads their source. This file knows nothing of tensors: an operand that wants to be
recorded says so by having a method `_record_op`.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np

Array: TypeAlias = Any
"""Whatever NumPy functions dispatch on: a NumPy or CuPy array, a tensor, a Python number."""

Function: TypeAlias = Callable[..., Any]

AnyFunction = TypeVar("AnyFunction", bound=Function)

Shapes: TypeAlias = dict[str, tuple[int, ...] | None]
"""Operand name -> its shape, None for an operand that was left out."""

registry: dict[str, "Op"] = {}
"""Every op by name, in the order of the rule book's chapters."""


class Op:
    """A formula with its VJP; calling it computes the formula, or records it on the tape.

    Attributes:
        name: The name of the forward function.
        called: What the user calls, where that is another function (`concatenate`); for messages.
        forward: The computable formula, the one that runs.
        backward: The VJP, or None: then the op is a composition and records its parts.
        textbook_form: The formula as it stands in a book, where that is not the computable one.
        composed_form: The same function put together from smaller ops, beside a fused one.
        source: Catalogue id or paper.
        symbol: What its result is called in a derivation (`Z`, `A`, `L`), or a function of the
            parameters that says so.
        index: Index formula of a structured op: `Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]`, or a
            function `(shapes, params) -> formula` of the operands' shapes by name (None for one
            that was left out), "" where none holds; see `index_for`.
        elementwise: True if each entry of the result comes from the same entry of the operands.
        starts_layer: True for a product: derivations number Z1, A1, Z2 … by layers.
        expects_logits: True for a loss that applies softmax or sigmoid itself.
        gives_probabilities: True for an op whose result must not be fed to such a loss.
    """

    def __init__(
        self,
        forward: Function,
        *,
        source: str = "",
        called: str = "",
        symbol: str | Callable[[dict[str, Any]], str] = "",
        index: str | Callable[[Shapes, dict[str, Any]], str] = "",
        elementwise: bool = False,
        starts_layer: bool = False,
        expects_logits: bool = False,
        gives_probabilities: bool = False,
    ) -> None:
        self.name = forward.__name__
        self.called = called or forward.__name__
        self.forward = forward
        self.backward: Function | None = None
        self.textbook_form: Function | None = None
        self.composed_form: Function | None = None
        self.validate: Function | None = None
        self.source = source
        self.symbol = symbol
        self.index = index
        self.elementwise = elementwise
        self.starts_layer = starts_layer
        self.expects_logits = expects_logits
        self.gives_probabilities = gives_probabilities
        self.pruned: dict[tuple[bool, ...], Function] = {}
        self.__doc__ = forward.__doc__
        self.__name__ = self.__qualname__ = forward.__name__
        self.__wrapped__ = forward
        parameters = list(inspect.signature(forward).parameters.values())
        self.operand_names = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.optional = [
            p.default
            for p in parameters
            if p.kind not in (p.KEYWORD_ONLY, p.VAR_POSITIONAL) and p.default is not p.empty
        ]
        self.parameter_names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.defaults = {
            p.name: p.default
            for p in parameters
            if p.kind is p.KEYWORD_ONLY and p.default is not p.empty
        }

        self.required = [name for name in self.parameter_names if name not in self.defaults]
        self.most_operands = sys.maxsize if self.variadic else len(self.operand_names)

    def __call__(self, *operands: Array, **params: Any) -> Array:
        """The formula's value; on a tensor, a tensor that remembers where it came from."""
        if params or self.required or len(operands) > self.most_operands:
            operands, params = self._sorted(operands, params)
        for operand in operands:
            record = getattr(operand, "_record_op", None)
            if record is not None:
                return record(self, operands, params)
        params = {**self.defaults, **params}
        if self.textbook_form is not None and any(np.iscomplexobj(a) for a in operands):
            return self.textbook_form(*operands, **params)
        if self.validate is not None:
            self.validate(*operands, **params)
        return self.forward(*operands, **params)

    def _sorted(
        self, operands: tuple[Array, ...], params: dict[str, Any]
    ) -> tuple[tuple[Array, ...], dict[str, Any]]:
        """Parameters given by position (`sum(x, 0)`) by name, operands given by name in place."""
        n = self.most_operands
        if params and len(operands) < n and not self.variadic:
            for name in self.operand_names[len(operands) :]:  # and operands given by name
                if name not in params:
                    break
                operands = (*operands, params[name])
                params = {k: v for k, v in params.items() if k != name}
        for name, value in params.items():
            if hasattr(value, "_record_op"):
                raise TypeError(
                    f"{self.called}: {name} is a parameter and carries no gradient, so it must be "
                    f"a plain value: pass {name}={name}.item()"
                )
        if len(operands) > n:
            names = dict(zip(self.parameter_names, operands[n:], strict=False))
            if len(names) < len(operands) - n or names.keys() & params.keys():
                everything = ", ".join([*self.operand_names, *self.parameter_names])
                raise TypeError(
                    f"{self.called} takes ({everything}), each once, "
                    f"got {len(operands)} by position{' and ' if params else ''}{', '.join(params)}"
                )
            operands, params = operands[:n], {**names, **params}
        if self.required and (missing := [k for k in self.required if k not in params]):
            raise TypeError(f"{self.called} needs {' and '.join(f'{k}=' for k in missing)}")
        return operands, params

    def symbol_for(self, params: dict[str, Any]) -> str:
        """What a result with these parameters is called in a derivation; "" if nothing special."""
        return self.symbol(params) if callable(self.symbol) else self.symbol

    def index_for(self, operands: Sequence[Array], params: dict[str, Any]) -> str:
        """The index formula that holds for these operands and parameters; "" if none does."""
        shapes: Shapes = {
            name: None if x is None else tuple(x.shape if hasattr(x, "shape") else np.shape(x))
            for name, x in zip(self.names_of(len(operands)), operands, strict=False)
        }
        if callable(self.index):
            return self.index(shapes, {**self.defaults, **params})
        from .index.parse import fits

        return self.index if self.index and fits(self.index, shapes) else ""

    def complete(self, operands: Sequence[Array]) -> tuple[Array, ...]:
        """The operands with the optional ones that were left out (a layer without b: None)."""
        missing = len(self.operand_names) - len(operands)
        if self.variadic or not 0 < missing <= len(self.optional):
            return tuple(operands)
        return (*operands, *self.optional[-missing:])

    def names_of(self, count: int) -> list[str]:
        """What so many operands are called; those of a variadic op by their number."""
        if self.variadic:
            return [f"{self.operand_names[0]}[{k}]" for k in range(count)]
        return self.operand_names[:count]

    def vjp(self, function: AnyFunction) -> AnyFunction:
        """Decorator: the vector-Jacobian product `(dy, y, *operands, **params) -> gradients`."""
        self.backward = function
        self.pruned = {}
        return function

    def textbook(self, function: AnyFunction) -> AnyFunction:
        """Decorator: the formula as printed in a book; complex arrays run it."""
        self.textbook_form = function
        return function

    def composed(self, function: AnyFunction) -> AnyFunction:
        """Decorator: the same function made of smaller ops; a test holds the two together."""
        self.composed_form = function
        return function

    def check(self, function: AnyFunction) -> AnyFunction:
        """Decorator: looks at operands and parameters first, and raises what teaches."""
        self.validate = function
        return function

    def backward_for(self, needs: tuple[bool, ...]) -> Function:
        """The VJP without the work for operands that need no gradient.

        The unwanted entries of its `return` are replaced by None and what only they used is
        dropped, in the function's own source: `matmul` on data and weights computes one product,
        not two. Without source (typed at a prompt) the whole VJP serves.
        """
        if self.backward is None:
            raise TypeError(f"op {self.name!r} has no VJP: define one with @{self.name}.vjp")
        if all(needs):
            return self.backward
        found = self.pruned.get(needs)
        if found is None:
            from .source import prune

            found = self.pruned[needs] = prune(self.backward, needs)
        return found

    def __repr__(self) -> str:
        return f"<op {self.name}{f' [{self.source}]' if self.source else ''}>"


@overload
def op(function: Function) -> Op: ...
@overload
def op(**attributes: Any) -> Callable[[Function], Op]: ...
def op(function: Function | None = None, **attributes: Any) -> Op | Callable[[Function], Op]:
    """Decorator that turns a formula into an `Op`; usable bare or with the attributes of `Op`.

    The formula's positional arguments are operands, its keyword-only ones parameters.
    """
    if function is not None:
        return Op(function)
    return lambda formula: Op(formula, **attributes)


def rule(**attributes: Any) -> Callable[[Function], Op]:
    """Decorator for the library's own chapters: the op joins `registry`.

    With it the op joins the battery of checks that every op must pass.
    """

    def wrap(formula: Function) -> Op:
        made = Op(formula, **attributes)
        if made.name in registry:
            raise ValueError(f"two ops are called {made.name!r}")
        registry[made.name] = made
        return made

    return wrap
