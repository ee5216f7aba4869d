"""Any elementwise op on the CPU: its formula and its VJP re-emitted as one loop each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ops.registry import Array, Op
from ..scalar_loops import NotElementwise, ScalarLoop, emit_op, emit_vjp
from .environment import SERVED, Environment, Launchers
from .generated import Generated, made, pattern_of, summed

LIMIT = 64
"""Loops for one op: one that is called with ever new constants goes back to its formula."""


class ElementwiseKernel:
    """An elementwise op. A loop is made for each way the operands lie against the result.

    Numbers that are floats are read when the loop runs; whole numbers and texts are built in.
    """

    def __init__(self, environment: Environment, op: Op) -> None:
        self.environment, self.op = environment, op
        self.loops: dict[Any, Generated | ScalarLoop | None] = {}
        self.sums = [Launchers(environment, f"sum_{k}") for k in ("all", "rows", "columns")]

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """The op's value."""
        shape = None
        for a in arrays:
            if isinstance(a, np.ndarray):
                if shape is None or a.shape == shape:
                    shape = a.shape
                else:
                    try:
                        shape = np.broadcast_shapes(shape, a.shape)
                    except ValueError:
                        return None
        if shape is None:
            return None
        found = self._loop(arrays, params, shape, None)
        if not isinstance(found, Generated):
            return None
        dtype = next(o.dtype for o in found.loop.operands if o.kind == "out")
        y = np.empty(shape, dtype)
        inputs, numbers = self._named(arrays, params)
        output = next(o.of for o in found.loop.operands if o.kind == "out")
        return y if found.run(inputs, numbers, {output: y}) else None

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
        homes: Sequence[Array | None] | None = None,
    ) -> Sequence[Array | None] | None:
        """The op's gradients, each added up where its operand was broadcast."""
        if dy.dtype != y.dtype:
            return None
        found = self._loop(arrays, params, y.shape, needs)
        if found is None:
            return None
        loop = found.loop if isinstance(found, Generated) else found
        dy = self.environment.ordered(dy)
        inputs, numbers = self._named(arrays, params)
        everything = self._with_result(inputs, dy, y)
        outputs = {o.of: np.empty(y.shape, o.dtype) for o in loop.operands if o.kind == "out"}
        if isinstance(found, Generated) and not found.run(everything, numbers, outputs):
            return None
        by_number = {o.output: outputs[o.of] for o in loop.operands if o.kind == "out"}
        gradients: list[Array | None] = []
        sums = [launchers[y.dtype] for launchers in self.sums]
        for k, (array, need) in enumerate(zip(arrays, needs, strict=True)):
            if not need or k in loop.nothing:
                gradients.append(None)
                continue
            wide = by_number[k] if k in by_number else everything[loop.aliases[k]]
            pattern = pattern_of(array, y.shape)
            gradient = None if pattern is None else summed(sums, wide, pattern, array)
            if gradient is None or gradient.dtype != array.dtype:
                return None
            gradients.append(gradient)
        return gradients

    def _named(
        self, arrays: Sequence[Array], params: dict[str, Any]
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and numbers by the names of the formula's arguments."""
        inputs, numbers = {}, dict(params)
        for name, a in zip(self.op.operand_names, arrays, strict=False):
            if isinstance(a, np.ndarray):
                inputs[name] = self.environment.ordered(a)
            else:
                numbers[name] = a
        return inputs, numbers

    def _with_result(self, inputs: dict[str, Array], dy: Array, y: Array) -> dict[str, Array]:
        """The operands as the VJP names them: upstream gradient and result come first."""
        import inspect

        assert self.op.backward is not None
        names = list(inspect.signature(self.op.backward).parameters)
        renamed = dict(zip(self.op.operand_names, names[2:], strict=False))
        return {names[0]: dy, names[1]: y, **{renamed[k]: a for k, a in inputs.items()}}

    def _loop(
        self,
        arrays: Sequence[Array],
        params: dict[str, Any],
        shape: tuple[int, ...],
        needs: tuple[bool, ...] | None,
    ) -> Generated | ScalarLoop | None:
        """The loop for operands that lie like these; without text if nothing is to be computed."""
        layouts: list[Any] = []
        dtype = None
        for a in arrays:
            if not isinstance(a, np.ndarray):
                layouts.append(None if a is None else float)
                continue
            pattern = pattern_of(a, shape)
            if pattern is None:
                return None
            if a.dtype.kind == "b":
                layouts.append((pattern, "bool"))
                continue
            if a.dtype not in SERVED or (dtype is not None and a.dtype != dtype):
                return None
            dtype = a.dtype
            layouts.append(pattern)
        if dtype is None:
            return None
        built_in = tuple(v for v in params.values() if not isinstance(v, float))
        try:
            key = (tuple(layouts), dtype, needs, built_in)
            found = self.loops.get(key, self)
        except TypeError:  # a parameter that cannot be a key
            return None
        loop = found.loop if isinstance(found, Generated) else found
        if found is self or (isinstance(loop, ScalarLoop) and not loop.is_current()):
            if len(self.loops) >= LIMIT:
                return None
            found = self.loops[key] = self._made(layouts, params, SERVED[dtype], needs)
        return found  # type: ignore[return-value]

    def _made(
        self,
        layouts: Sequence[Any],
        params: dict[str, Any],
        dtype: str,
        needs: tuple[bool, ...] | None,
    ) -> Generated | ScalarLoop | None:
        placed = [None if layout is float else layout for layout in layouts]
        numbers = {k: float if isinstance(v, float) else v for k, v in params.items()}
        names = zip(self.op.operand_names, layouts, strict=False)
        numbers |= {name: float for name, layout in names if layout is float}
        try:
            if needs is None:
                loop = emit_op(self.op, placed, numbers, dtype)
            else:
                loop = emit_vjp(self.op, needs, placed, numbers, dtype)
        except (NotElementwise, OSError):
            return None
        return made(self.environment, loop, dtype) if loop.text else loop
