"""From the lines of a tape to the steps of its derivation, each run as it is read."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..ops.class_losses import at_labels, one_hot
from ..ops.random import keep_mask
from ..ops.registry import Function
from ..ops.source import drop_unused, names_read
from ..tensor import Tensor
from ..views.inline import NotStraight
from ..views.line import Line, target_of
from ..views.lines import Writer
from ..views.names import Names
from .expressions import in_one, without_ones
from .index_forms.of_step import index_of, index_of_gradient, index_of_sum
from .steps import Array, Formula, Step

KEPT: frozenset[Function] = frozenset({at_labels, keep_mask, one_hot})
"""Functions that a reader knows by their names."""


class Reader:
    """Reads one tape.

    Args:
        root: What the derivation is of, on device "numpy".
        seed: Upstream gradient where it is not a scalar.
        wanted: Only what leads to the gradient of this leaf or result, if any.
    """

    def __init__(
        self,
        root: Tensor,
        seed: Any = None,
        wanted: Tensor | None = None,
    ) -> None:
        self.root = root
        self.names = Names(root, "explain", short=True)
        self.writer = Writer(self.names, hands_on=True, kept=KEPT)
        lines = [("forward", line) for line in self.writer.forward()]
        lines += [("backward", line) for line in self.writer.backward(root, seed)]
        self.lines = lines if wanted is None else self._leading_to(wanted, lines)
        emitter = self.names.emitter
        read = {name for _, line in self.lines for name in names_read(line.statement)}
        given = {**emitter.constants, **emitter.arrays}  # the seed, indices, constants of an op
        self.inputs = {name: t._array for name, t in self.names.inputs.items()}
        self.inputs |= {name: array for name, array in given.items() if name in read}
        self.scope: dict[str, Any] = {"np": np, **given, **self.inputs}

    def _leading_to(self, wanted: Tensor, lines: list[tuple[str, Line]]) -> list[tuple[str, Line]]:
        """The lines without those that the gradient of `wanted` does not depend on."""
        statements = [line.statement for _, line in lines]
        kept = {id(s) for s in drop_unused(statements, {self.gradient_of(wanted, lines)})}
        return [(phase, line) for phase, line in lines if id(line.statement) in kept]

    def gradient_of(self, wanted: Tensor, lines: list[tuple[str, Line]] | None = None) -> str:
        """What holds the whole gradient of a leaf or a result: dW, or dW_2 if dW is another's."""
        name = self.names.of(wanted)
        if name in self.writer.gradients:
            return self.writer.gradients[name]
        targets = [line.target for _, line in lines or self.lines if line.source is wanted]
        return targets[-1] if targets else f"d{name}"

    def is_part(self, name: str, wanted: Tensor) -> bool:
        """Whether a name is the gradient of a tensor or a contribution to it, in its shape."""
        if name == self.gradient_of(wanted):
            return True
        own = any(line.source is wanted and line.target == name for _, line in self.lines)
        return own and np.shape(self.scope[name]) == wanted.shape

    def steps(self) -> list[Step]:
        """The steps, in the order in which they are computed."""
        for helper in self.names.emitter.helpers.values():
            exec(helper, self.scope)
        steps: list[Step] = []
        waiting: list[ast.stmt] = []
        inputs: dict[str, Any] = {}
        for phase, line in self.lines:
            assigned = {target_of(statement) for statement in waiting}
            for name in sorted(names_read(line.statement) - assigned):
                if isinstance(self.scope.get(name), np.ndarray):
                    inputs[name] = self.scope[name]  # before the line: it may give it a new value
            module = ast.fix_missing_locations(ast.Module([line.statement], []))
            with np.errstate(all="ignore"):
                exec(compile(module, "<derivation>", "exec"), self.scope)
            value = self.scope.get(line.target)
            if isinstance(value, np.generic):
                self.scope[line.target] = np.asarray(value)
            waiting.append(line.statement)
            if line.kind != "local":
                steps.append(self._step(len(steps) + 1, phase, line, waiting, inputs))
                waiting, inputs = [], {}
        return steps

    def gradient_names(self) -> dict[str, str]:
        """Of every name that holds a gradient, what it is the gradient of."""
        found = {}
        for _, line in self.lines:
            if line.source is not None and line.target:
                found[line.target] = self.names.of(line.source)
        return found

    def _step(
        self,
        number: int,
        phase: str,
        line: Line,
        statements: list[ast.stmt],
        inputs: Mapping[str, Array],
    ) -> Step:
        targets = [name for s in statements if (name := target_of(s))]
        formulas = tuple(self._formulas(line))
        op = line.node._op if line.kind in ("result", "gradient") else None
        return Step(
            number=number,
            phase=phase,
            kind=line.kind,
            name=line.target,
            title=self._title(line),
            lines=tuple(statements),
            values={k: v for k in targets if isinstance(v := self.scope[k], np.ndarray)},
            inputs=inputs,
            formulas=formulas,
            op=op,
            through=self.names.of(line.node) if line.kind == "gradient" else None,
        )

    def _title(self, line: Line) -> str:
        root = self.names.of(self.root)
        source = "" if line.source is None else self.names.of(line.source)
        if line.kind == "result":
            op = line.node._op
            assert op is not None
            return op.called.replace("_", " ")
        if line.kind == "seed":
            return f"{root} changes with itself as 1 to 1: here the chain rule starts"
        if line.kind == "sum":
            return f"{source} was spread along axes: its gradient is the sum along them"
        if line.kind == "add":
            return f"paths meet in {source}: their contributions add up"
        if line.kind == "cast":
            return f"in the number type of {source}"
        assert line.node._op is not None
        called = line.node._op.called.replace("_", " ")
        return f"back through {called}: how {root} changes with {source}"

    # --- what stands beside the lines -----------------------------------------------------------

    def _formulas(self, line: Line) -> Iterable[Formula]:
        op, node = line.node._op, line.node
        if line.kind == "sum":
            yield from self._formula_of_sum(line)
        if op is None or line.kind not in ("result", "gradient"):
            return
        operands = [self.writer.variable(s) for s in node._sources]
        names = dict(zip(op.names_of(len(operands)), operands, strict=True))
        if line.kind == "result":
            if op.textbook_form is not None:
                code = self._inlined(op.textbook_form, operands, node._params)
                if isinstance(code, ast.expr):
                    yield Formula("textbook", line.target, code)
            index = index_of(op, node, line.target, names)
            if index:
                yield Formula("index", line.target, index)
            return
        assert op.backward is not None and line.source is not None
        which = line.operand
        y = self.writer.variable(node)
        if op.elementwise:
            slopes = self._inlined(op.backward, [1, y, *operands], node._params)
            slope = slopes.elts[which] if isinstance(slopes, ast.Tuple) else slopes
            if slope is not None:
                y_name, source = self.names.of(node), self.names.of(line.source)
                yield Formula("local derivative", y_name, without_ones(slope), source)
        if self.scope[line.target].shape != np.shape(node._arrays[which]):
            return  # the sum over the axes that the operand was spread along is a step of its own
        index = index_of_gradient(op, node, which, line.upstream, line.target, names)
        if index:
            yield Formula("index", line.target, index)

    def _formula_of_sum(self, line: Line) -> Iterable[Formula]:
        """The sum over broadcast axes by entries."""
        (wide,) = names_read(line.statement) & set(self.scope) - {"np"}
        shapes = self.scope[wide].shape, self.scope[line.target].shape
        if shapes[0]:
            index = index_of_sum(line.target, wide, *shapes)
            if index:
                yield Formula("index", line.target, index)

    def _inlined(
        self, function: Function, operands: list[Any], params: Mapping[str, Any]
    ) -> ast.expr | None:
        """A function's body on these operands as one expression; None where it is none."""
        emitter = self.names.emitter
        state = emitter.state()
        try:
            code = in_one(*self.writer.inliner.inline(function, operands, dict(params)))
        except (NotStraight, OSError):
            code = None
        emitter.restore(state)
        return None if code is None else self.writer.tidied(code)
