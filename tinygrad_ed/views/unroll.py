"""`tg.unroll(loss)`: the tape as the flat NumPy program one would write by hand.

The program is a reading: `walk_back` gives the order and the sums, and every line is taken from the
source of the op that ran. It needs only NumPy and gives the same bits as device "numpy".
"""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import TapeError
from ..gradients import ArrayReading, seed_of
from ..ops.registry import Op
from ..recording import no_grad
from ..tape import Node, check_unchanged, recorded_nodes, walk_back
from ..tensor import Tensor
from .emit import Emitter, Variable
from .inline import Inliner, NotStraight, without_unused
from .program import Program
from .tidy import Tidy

COMMENT_COLUMN = 56


@dataclass(frozen=True)
class Named:
    """A gradient while the walk goes on: what the program calls it, and its numbers."""

    name: str
    array: Any


def unroll(loss: Tensor, seed: Any = None) -> Program:
    """The forward and backward pass that led to this tensor, as a program of plain NumPy.

    `print(program)` shows it, `program.run()` executes it, `program.save("file.py")` writes it.

    Args:
        loss: A recorded tensor; `backward()` may or may not have been called on it.
        seed: Upstream gradient where it is not a scalar (ones by default).

    Raises:
        TapeError: Not recorded, or an operand was changed in place since.
        OSError: The source of an op is not to be had (it was typed at a prompt).
    """
    if not isinstance(loss, Tensor) or loss.op is None:
        raise TapeError(
            "unroll needs a recorded result: a tensor computed from one that requires "
            "a gradient, outside tg.no_grad()"
        )
    return _Writer(loss).program(seed)


class _Writer:
    """Writes the lines: forward by going through the nodes, backward by walking the tape."""

    def __init__(self, loss: Tensor) -> None:
        self.loss = loss
        self.nodes = recorded_nodes(loss)[::-1]
        self.names: dict[int, str] = {}
        self.inputs: dict[str, Tensor] = {}
        self.lines: list[str] = []
        self.emitter = Emitter()
        self.inliner = Inliner(self.emitter)
        self.ranks: dict[str, int] = {}
        self.paths = Counter(
            id(s)
            for node in self.nodes
            for s in node._sources
            if isinstance(s, Node) and s.requires_grad
        )
        self.arrived: Counter[int] = Counter()
        self.arrays = ArrayReading()
        self._name_everything()

    def program(self, seed: Any) -> Program:
        for node in self.nodes:
            self._forward(node)
        name = self.names[id(self.loss)]
        start = Named(self.emitter.fresh(f"d{name}"), np.ones_like(self.loss._array))
        if seed is None:
            self.line(f"{start.name} = np.ones_like({name})", "the chain rule starts with 1")
        else:
            start = Named(start.name, seed_of(self.loss, seed))
            self.emitter.arrays[start.name] = self.loss._backend.to_numpy(start.array)
        gradients = {}
        forward, self.lines = self.lines, []
        with no_grad(), np.errstate(all="ignore"):
            for leaf, gradient in walk_back(self.loss, start, self):
                if leaf._op is None:
                    gradients[self.names[id(leaf)]] = gradient.name
        backward = self.lines
        arrays = {k: t._backend.to_numpy(t._array) for k, t in self.inputs.items()}
        return Program(
            inputs={**arrays, **self.emitter.arrays},
            constants=self.emitter.constants,
            helpers=list(self.emitter.helpers.values()),
            forward=forward[:-1] if seed is None else forward,
            backward=forward[-1:] * (seed is None) + backward,
            result=name,
            gradients={k: gradients[k] for k in self.inputs if k in gradients},
        )

    def line(self, text: str, comment: str = "") -> None:
        """One line of the program, its comment lined up."""
        self.lines.append(f"{text:<{COMMENT_COLUMN}}  # {comment}" if comment else text)

    # --- names ---------------------------------------------------------------------------------

    def _name_everything(self) -> None:
        """Leaves by their own names or the op's, results by name, symbol or op, and numbered."""
        kinds = Counter(_kind(node) for node in self.nodes if not node.name)
        layers = sum(node._op.starts_layer for node in self.nodes if node._op)
        layer, numbers = 0, Counter[str]()
        for node in self.nodes:
            op, kind = node._op, _kind(node)
            assert op is not None
            for k, source in enumerate(node._sources):
                if isinstance(source, Tensor) and id(source) not in self.names:
                    default = op.operand_names[0 if op.variadic else k]
                    self._name(source, source.name or default)
                    self.inputs[self.names[id(source)]] = source
            layer += op.starts_layer
            numbers[kind] += not node.name
            if kind in ("Z", "A"):  # numbered by layers: Z1, A1, Z2 …
                number = str(layer) if layers > 1 and layer else ""
            else:
                number = "" if kind[:1].isupper() and kinds[kind] == 1 else str(numbers[kind])
            self._name(node, node.name or kind + number)

    def _name(self, node: Node, wanted: str) -> None:
        self.names[id(node)] = self.emitter.fresh(wanted)
        self.ranks[self.names[id(node)]] = node._array.ndim

    def variable(self, source: Any) -> Any:
        """An operand as the emitter takes it: a variable, or the plain number that it is."""
        if isinstance(source, Node):
            return Variable(self.names[id(source)], tuple(source._array.shape), source._array.dtype)
        return source

    # --- forward -------------------------------------------------------------------------------

    def _forward(self, node: Node) -> None:
        op = node._op
        assert op is not None
        check_unchanged(node)
        operands = [self.variable(s) for s in node._sources]
        self._number_like(node)
        statements, result = self._body(op.forward, operands, node._params, op.name)
        last = statements[-1] if statements else None
        named = ast.unparse(result) if isinstance(result, ast.Name) else None
        if isinstance(last, ast.Assign) and ast.unparse(last.targets[0]) == named:
            statements, result = statements[:-1], last.value
        for statement in without_unused(statements, [result]):
            self.line(self.text(statement))
        text = self.text(result)
        if node._array.ndim == 0 and node is not self.loss:
            text = f"np.asarray({text})"  # NumPy would go on with a scalar, the tape does not
        source = f" [{op.source}]" if op.source else ""
        self.line(f"{self.names[id(node)]} = {text}", f"{op.called}{source} {node._array.shape}")

    def _number_like(self, node: Node) -> None:
        """Local names get the number of the result they belong to: Z1 goes with A1."""
        digits = re.search(r"\d*$", self.names[id(node)])
        self.emitter.suffix = digits.group() if digits else ""

    def text(self, code: ast.AST) -> str:
        """Program text of a statement or expression, tidied."""
        return ast.unparse(ast.fix_missing_locations(Tidy(self.ranks).visit(code)))

    def _body(self, function: Any, operands: list[Any], params: dict[str, Any], name: str) -> Any:
        """The function's body in line, or a call of its copy where it is no straight line."""
        state = self.emitter.state()
        try:
            try:
                return self.inliner.inline(function, operands, params)
            except NotStraight:
                self.emitter.restore(state)
            copied = ast.Name(self.emitter.helper(function, name), ast.Load())
            positional = [self.emitter.literal(o) for o in operands]
            keywords = [ast.keyword(k, self.emitter.literal(v)) for k, v in params.items()]
        except OSError as error:
            raise OSError(f"{name} cannot be printed: {error}") from error
        return [], ast.Call(copied, positional, keywords)

    # --- backward: the Reading that walk_back asks ----------------------------------------------

    def vjp(self, node: Node, upstream: Named) -> tuple[list[Named | None], bool]:
        op = node._op
        assert op is not None and op.backward is not None
        values, _ = self.arrays.vjp(node, upstream.array)
        dy = Variable(upstream.name, tuple(np.shape(upstream.array)), upstream.array.dtype)
        operands = [dy, self.variable(node), *(self.variable(s) for s in node._sources)]
        self._number_like(node)
        statements, result = self._body(op.backward, operands, node._params, f"{op.name}_backward")
        results: list[ast.expr]
        if isinstance(result, ast.Tuple):
            results = result.elts
        elif len(node._sources) == 1 and not op.variadic:
            results = [result]
        else:  # a copied VJP returns its tuple whole
            whole = self.emitter.fresh(f"gradients_of_{op.name}")
            statements = [*statements, ast.Assign([ast.Name(whole, ast.Store())], result)]
            results = [
                ast.Subscript(ast.Name(whole, ast.Load()), ast.Constant(k), ast.Load())
                for k in range(len(node._sources))
            ]
        wanted = [r for r, need in zip(results, node._wants, strict=True) if need]
        self._name_locals(node, [*statements, *results], results, values)
        for statement in without_unused(statements, wanted):
            self.line(self.text(statement))
        found: list[Named | None] = []
        for source, expression, value in zip(node._sources, results, values, strict=True):
            if value is None or not (isinstance(source, Node) and source.requires_grad):
                found.append(None)
                continue
            found.append(self._bind(source, expression, value, op))
        return found, False

    def _name_locals(
        self, node: Node, code: list[Any], results: list[ast.expr], values: Any
    ) -> None:
        """A local variable that is returned as a gradient gets the gradient's name at once."""
        names = [n for part in code for n in ast.walk(part) if isinstance(n, ast.Name)]
        assigned = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        rows = zip(node._sources, node._wants, results, values, strict=True)
        for source, wanted, result, value in rows:
            if not wanted or value is None or not self._fits(value, source):
                continue
            if isinstance(result, ast.Name) and result.id in assigned:
                old, new = result.id, self._gradient_name(source)
                assigned.remove(old)
                for name in names:
                    name.id = new if name.id == old else name.id

    @staticmethod
    def _fits(value: Any, source: Node) -> bool:
        """Whether a contribution needs no sum over broadcast axes and no cast."""
        array = source._array
        return bool(np.shape(value) == array.shape and value.dtype == array.dtype)

    def _bind(self, source: Node, expression: ast.expr, value: Any, op: Op) -> Named:
        """Gives a contribution its name; one that only hands a variable on needs no line."""
        text = self.text(expression)
        if isinstance(expression, ast.Name):
            return Named(text, value)
        if self._fits(value, source):
            name = self._gradient_name(source)
        else:
            name = self.emitter.fresh(f"d{self.names[id(source)]}_wide")
        self.line(f"{name} = {text}", f"{op.called} backward {np.shape(value)}")
        return Named(name, value)

    def _gradient_name(self, source: Node) -> str:
        """dW, or dW_1, dW_2 … where several paths lead back to W."""
        self.arrived[id(source)] += 1
        name = f"d{self.names[id(source)]}"
        several = self.paths[id(source)] > 1
        return self.emitter.fresh(f"{name}_{self.arrived[id(source)]}" if several else name)

    def sum_to(self, gradient: Named, axes: tuple[int, ...], source: Node) -> Named:
        value = self.arrays.sum_to(gradient.array, axes, source)
        text = f"np.sum({gradient.name}, axis={axes[0] if len(axes) == 1 else axes})"
        if len(np.shape(gradient.array)) - len(axes) != source._array.ndim:
            text = f"np.reshape({text}, {source._array.shape})"
        done = value.dtype == source._array.dtype
        name = self._gradient_name(source) if done else self.emitter.fresh(f"{gradient.name}_sum")
        self.line(f"{name} = {text}", f"sum over broadcast axes {np.shape(value)}")
        return Named(name, value)

    def cast(self, gradient: Named, source: Node) -> Named:
        value = self.arrays.cast(gradient.array, source)
        name = self._gradient_name(source)
        self.line(f"{name} = {gradient.name}.astype({source._array.dtype.name!r})")
        return Named(name, value)

    def add(self, first: Named, second: Named, source: Node) -> Named:
        name = f"d{self.names[id(source)]}"
        if name not in (first.name, second.name):
            name = self.emitter.fresh(name)
        self.line(f"{name} = {first.name} + {second.name}", "the paths add up")
        return Named(name, self.arrays.add(first.array, second.array, source))

    def shape(self, gradient: Named) -> tuple[int, ...]:
        return tuple(np.shape(gradient.array))

    def dtype(self, gradient: Named) -> Any:
        return gradient.array.dtype


def _kind(node: Node) -> str:
    """What results of this op with these parameters are called: its symbol, else its name."""
    assert node._op is not None
    return node._op.symbol_for(node._params) or node._op.name
