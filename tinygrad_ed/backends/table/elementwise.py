"""Any elementwise op: its formula and its VJP re-emitted as one loop each."""

import inspect
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ops.registry import Array, Op
from ..base import Arrays, Gradients, Homes, Needs, Params
from ..scalar_loops import NotElementwise, ScalarLoop, emit_op, emit_vjp
from .environment import SERVED, Environment, Launchers
from .generated import made, pattern_of
from .plan import Plan

LIMIT = 256
"""Plans for one op: one that meets ever new shapes or constants begins anew."""


class ElementwiseKernel:
    """An elementwise op. A loop is made for each way the operands lie against the result.

    What a call with these shapes and types comes down to is worked out once, as a *plan*. Numbers
    that are floats are read when the loop runs; whole numbers and texts are built in.
    """

    def __init__(self, environment: Environment, op: Op) -> None:
        self.environment, self.op = environment, op
        self.plans: dict[Any, Plan | None] = {}
        self.sums = {k: Launchers(environment, f"sum_{k}") for k in ("all", "rows", "columns")}

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """The op's value."""
        plan = self._plan(arrays, params, None)
        if plan is None:
            return None
        y = self.environment.empty(plan.shape, plan.dtype)
        if plan.run(arrays, params, [y]):
            return y
        ordered = [self._ordered(a) for a in arrays]
        return y if plan.run(ordered, params, [y]) else None

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """The op's gradients, each added up where its operand was broadcast."""
        everything = [dy, y, *arrays]
        plan = self._plan(everything, params, needs)
        if plan is None:
            return None
        outputs = [self.environment.empty(plan.shape, plan.dtype) for _ in plan.outputs]
        if not plan.run(everything, params, outputs):
            everything = [self._ordered(a) for a in everything]
            if not plan.run(everything, params, outputs):
                return None
        gradients: list[Array | None] = []
        for k, array in enumerate(arrays):
            if not needs[k] or k in plan.nothing:
                gradients.append(None)
                continue
            wide = everything[plan.aliases[k]] if k in plan.aliases else outputs[plan.outputs[k]]
            if wide.shape != array.shape:
                wide = self._summed(wide, array)
                if wide is None:
                    return None
            gradients.append(wide)
        return gradients

    def _ordered(self, a: Any) -> Any:
        return self.environment.ordered(a) if isinstance(a, self.environment.ndarray) else a

    def _summed(self, wide: Array, like: Array) -> Array | None:
        """A gradient added up over the entries that a broadcast operand was repeated for."""
        if wide.size == like.size:  # nothing was repeated: there are only more axes of size 1
            return self._ordered(wide).reshape(like.shape)
        total = self.environment.empty(like.shape, like.dtype)
        if wide.size == 0:
            total[...] = 0
            return total
        pattern = pattern_of(like, wide.shape)
        wide = self._ordered(wide)
        if pattern == "scalar":
            done = self.sums["all"][wide.dtype](wide, total, 0)
        elif pattern == "row":
            done = self.sums["rows"][wide.dtype](wide, total, 0)
        else:
            done = self.sums["columns"][wide.dtype](wide, total, wide.size // like.size, 0)
        return total if done else None

    # --- plans ------------------------------------------------------------------------------------

    def _plan(self, arrays: Sequence[Any], params: Params, needs: Needs | None) -> Plan | None:
        """What a call like this one comes down to; None if the formula must run."""
        ndarray = self.environment.ndarray
        key: Any = [(a.shape, a.dtype) if isinstance(a, ndarray) else type(a) for a in arrays]
        if params:
            # with its type: True equals 1, and a formula can tell them apart
            key += [float if isinstance(v, float) else (type(v), v) for v in params.values()]
        try:
            key = (needs, *key)
            plan = self.plans.get(key)
        except TypeError:  # a parameter that cannot be a key
            return None
        if key not in self.plans or not (plan is None or plan.is_current()):
            if len(self.plans) >= LIMIT:
                self.plans.clear()
            plan = self.plans[key] = self._made(arrays, params, needs)
        return plan

    def _made(self, arrays: Sequence[Any], params: Params, needs: Needs | None) -> Plan | None:
        operands = arrays if needs is None else arrays[2:]
        ndarray, language = self.environment.ndarray, self.environment.library.language
        try:
            shapes = [a.shape for a in operands if isinstance(a, ndarray)]
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            return None
        if not shapes or (needs is not None and any(a.shape != shape for a in arrays[:2])):
            return None
        floats = {a.dtype for a in arrays if isinstance(a, ndarray) and a.dtype.kind != "b"}
        dtype = SERVED.get(floats.pop()) if len(floats) == 1 else None
        layouts = [_layout(a, shape) if isinstance(a, ndarray) else None for a in operands]
        if dtype is None or "" in layouts or not _agree(operands, layouts, shape):
            return None
        names = zip(self.op.operand_names, operands, strict=False)
        numbers = {k: float if isinstance(v, float) else v for k, v in params.items()}
        numbers |= {k: float for k, a in names if isinstance(a, int | float)}
        try:
            if needs is None:
                loop = emit_op(self.op, layouts, numbers, dtype, language)
            else:
                loop = emit_vjp(self.op, needs, layouts, numbers, dtype, language)
        except (NotElementwise, OSError):
            return None
        function = self.op.forward if needs is None else self.op.backward
        assert function is not None
        parameters = inspect.signature(function).parameters.values()
        positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        aliased = [arrays[positional.index(name)] for name in loop.aliases.values()]
        if needs is None and aliased:
            return None  # the value is an operand: there is nothing to compute
        if needs is not None and not _are_gradients(loop, aliased, shape, dtype):
            return None
        found = made(self.environment, loop, dtype) if loop.text else loop
        return Plan(found, positional, shape, dtype)


def _are_gradients(
    loop: ScalarLoop, aliased: Sequence[Any], shape: tuple[int, ...], dtype: str
) -> bool:
    """Whether all that a VJP gives has the result's shape and type, operands that it hands on too.

    It may give a mask, or an operand that is broadcast; what comes of that, the formula says.
    """
    written = [o.dtype for o in loop.operands if o.kind == "out"]
    found = [getattr(a, "shape", None) == shape and a.dtype == dtype for a in aliased]
    return all(found) and all(each == dtype for each in written)


def _agree(operands: Sequence[Any], layouts: Sequence[Any], shape: tuple[int, ...]) -> bool:
    """Whether all rows are equally long: a loop goes over one kind of rows.

    (4, 3) against (2, 4, 3) is a row of 12 entries, (3,) is one of 3, and (2, 4, 1) makes eight.
    """
    n, lengths = math.prod(shape), set()
    for operand, layout in zip(operands, layouts, strict=True):
        pattern = layout[0] if isinstance(layout, tuple) else layout
        if pattern == "row":
            lengths.add(operand.size)
        elif pattern == "column" and operand.size:
            lengths.add(n // operand.size)
    return len(lengths) < 2


def _layout(operand: Any, shape: tuple[int, ...]) -> Any:
    """How an operand lies against the result, for the emitter; "" if no loop can be made."""
    pattern = pattern_of(operand, shape) or ""
    return (pattern, "bool") if pattern and operand.dtype.kind == "b" else pattern
