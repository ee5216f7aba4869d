"""Tracing: a step runs as it always does, on a back end that notes down what it computes.

The arrays that the step makes while it is traced become the buffers of the program: they are kept,
and a later run writes the same places again. Hence views stay views, an array that two lines share is
shared, and nothing has to be allocated afterwards.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..backends import Backend
from ..backends.base import Kernel
from ..backends.cpu.environment import Environment
from ..backends.cpu.table import CpuBackend
from ..errors import CaptureError
from ..ops.counted import Counted
from ..ops.registry import Array, Op
from ..tape import Node
from .gradients import Gradients
from .instructions import Context, Formula, Instruction, Launch, address_of
from .settings import Setting

PACKAGE = Path(__file__).parent.parent


def users_line() -> str:
    """Where the user's code is right now: "file.py:12"."""
    frame = sys._getframe(1)
    while frame.f_back and Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


class Trace:
    """What one run of a step computed.

    Attributes:
        inputs: The arrays that it was given.
        instructions: What it computed, in order.
        backend: The device's back end as it is traced.
        counters: Where counted numbers come from, with what they held when the step began.
        facts: What the program takes for granted: (how to look, what must be seen).
        written: Versions of what the step wrote to, with who wrote.
        gradients: What became of the leaves' gradients.
    """

    def __init__(self, backend: Backend, inputs: Sequence[Array]) -> None:
        self.device, self.inputs = backend, list(inputs)
        self.instructions: list[Instruction] = []
        self.counters: dict[int, tuple[Array, int]] = {}
        self.facts: list[tuple[Callable[[], Any], Any]] = []
        self.known: dict[int, Node] = {}
        self.written: list[tuple[Any, str]] = []
        self.gradients = Gradients()
        self.context = Context("", None)
        self.backend: Backend = (
            _TracedCpu(self) if isinstance(backend, CpuBackend) else _TracedFormulas(self)
        )

    def traced(self, backend: Backend, operands: Sequence[Any] = ()) -> Backend:
        """The back end to compute on instead of this one, with these operands.

        Raises:
            CaptureError: It is another device than the step was captured for.
        """
        if backend is not self.device and backend is not self.backend:
            raise CaptureError(
                f"{users_line()}: this step was captured for device {self.device.name!r} and meets "
                f"a tensor on {backend.name!r}: move the model, or pass device= to tg.capture"
            )
        for leaf in operands:
            if isinstance(leaf, Node) and leaf._op is None:
                self.takes_for_granted(leaf)
        return self.backend

    def takes_for_granted(self, leaf: Node) -> None:
        """A leaf stays where it is, and goes on requiring a gradient or not."""
        if id(leaf) not in self.known and not any(leaf._array is a for a in self.inputs):
            self.known[id(leaf)] = leaf
            if leaf._needs:
                self.assumes(lambda: (id(leaf._array), leaf._needs), (id(leaf._array), True))

    def counted(self, number: Counted) -> None:
        """A number that counts: how far it is from where its counter stood when the step began."""
        start = int(number) - number.ahead
        _, start = self.counters.setdefault(address_of(number.counter), (number.counter, start))
        number.offset = int(number) - start

    def assumes(self, look: Callable[[], Any], value: Any) -> None:
        """The program holds as long as a look gives this value."""
        self.facts.append((look, value))

    def numbers(
        self, numbers: Mapping[str, Any], group: Any, block: Any, run: Any
    ) -> dict[str, Any]:
        """What an optimiser's rule takes, as numbers that the program counts or looks up again."""

        def flags() -> Any:
            return {k: _decides(v) for k, v in group.hypers.items()}

        self.assumes(flags, flags())
        self.context = Context("step", None)
        found: dict[str, Any] = {}
        for name, value in numbers.items():
            if name == "t":
                found[name] = Counted(block.t[run.start : run.end], ahead=1)
            elif isinstance(value, tuple):
                parts = enumerate(value)
                found[name] = tuple(Setting(v, group, name, k) for k, v in parts)
            else:
                is_flag = isinstance(value, bool)
                found[name] = value if is_flag else Setting(float(value), group, name)
        return found

    def forbids(self, what: str) -> None:
        """Something that a program cannot do.

        Raises:
            CaptureError: Always; the user's line is named.
        """
        raise CaptureError(f"{users_line()}: {what}")

    def formula(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        params: Mapping[str, Any],
        purpose: str,
    ) -> Any:
        """Runs a formula and notes it down, unless its result is only another view of an operand."""
        for value in params.values():
            if isinstance(value, Counted):
                self.counted(value)
        result = function(*inputs, **params)
        several = isinstance(result, tuple | list)
        values: list[Array | None] = []
        outputs: list[Array | None] = []
        for value in result if several else (result,):
            array = None if value is None else self.device.result(value)
            values.append(array)
            is_view = array is not None and any(
                isinstance(a, np.ndarray) and np.may_share_memory(array, a) for a in inputs
            )
            outputs.append(None if is_view else array)
        if any(o is not None for o in outputs):
            self.instructions.append(
                Formula(
                    function,
                    list(inputs),
                    dict(params),
                    outputs,
                    users_line(),
                    purpose,
                    self.context,
                )
            )
        return values if several else values[0]

    def in_place(self, function: Callable[..., Any], target: Array, source: Array) -> None:
        """Notes down that a formula of target and source goes into target, and does it."""
        line = Formula(function, [target, source], {}, [target], users_line(), "", self.context)
        line.run()
        self.instructions.append(line)


class _Environment(Environment):
    """Kernels are launched and noted down."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def launcher(self, kernel: Any) -> Callable[..., bool]:
        def launch(*args: Any) -> bool:
            if not kernel.launch(*args):
                return False
            trace = self.trace
            for arg in args:
                if isinstance(arg, Counted):
                    trace.counted(arg)
            purpose = trace.context.purpose
            trace.instructions.append(
                Launch(kernel, list(args), users_line(), purpose, trace.context)
            )
            return True

        return launch

    def ordered(self, array: Array) -> Array:
        if array.flags.c_contiguous:
            return array
        copy: Array = self.trace.formula(np.array, [array], {"order": "C"}, "in C order")
        return copy


class _TracedKernel:
    """A kernel of the traced back end: if it declines half-way, what it noted down is dropped."""

    def __init__(self, trace: Trace, op: Op, kernel: Kernel) -> None:
        self.trace, self.op, self.kernel = trace, op, kernel

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        trace, validate = self.trace, self.op.validate
        check = None if validate is None else lambda: validate(*arrays, **params)
        trace.context = Context(self.op.called, check)
        before = len(trace.instructions)
        y = self.kernel.forward(arrays, params)
        if y is None:
            del trace.instructions[before:]
        return y

    def vjp(self, dy: Array, *rest: Any) -> Any:
        trace = self.trace
        trace.context = Context(f"{self.op.called} backward", None)
        before = len(trace.instructions)
        found = self.kernel.vjp(dy, *rest)
        if found is None:
            del trace.instructions[before:]
        return found


class _TracedTable(dict[Op, Any]):
    def __init__(self, trace: Trace, table: dict[Op, Kernel | None]) -> None:
        super().__init__()
        self.trace, self.table = trace, table

    def __missing__(self, op: Op) -> Any:
        kernel = self.table[op]
        self[op] = None if kernel is None else _TracedKernel(self.trace, op, kernel)
        return self[op]


class _Traced(Backend):
    """What has no kernel is noted down as a formula."""

    trace: Trace

    def formula(
        self, function: Callable[..., Any], inputs: Sequence[Any], params: Mapping[str, Any]
    ) -> Any:
        return self.trace.formula(function, inputs, params, self.trace.context.purpose)

    def forward(self, op: Op, arrays: Sequence[Array], params: dict[str, Any]) -> Array:
        self.trace.context = Context(op.called, None)
        return super().forward(op, arrays, params)

    def vjp(self, op: Op, *rest: Any) -> Sequence[Array | None]:
        self.trace.context = Context(f"{op.called} backward", None)
        return super().vjp(op, *rest)

    def one(self, dtype: np.dtype[Any]) -> Array:
        return self.trace.device.one(dtype)

    def add(self, first: Array, second: Array) -> Array:
        self.trace.context = Context("paths add up", None)
        return super().add(first, second)

    def sum_to(self, gradient: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
        self.trace.context = Context("sum over broadcast axes", None)
        return super().sum_to(gradient, axes, shape)

    def copy(self, target: Array, source: Array) -> None:
        self.trace.context = Context("gradient", None)
        self.trace.in_place(_second, target, source)

    def add_into(self, target: Array, source: Array) -> None:
        self.trace.context = Context("gradient", None)
        self.trace.in_place(np.add, target, source)


def _second(target: Array, source: Array) -> Array:
    return source


def _decides(value: Any) -> Any:
    """What an `if` of a rule may ask of a number: whether it is 0; a flag decides by itself."""
    if isinstance(value, tuple):
        return tuple(map(_decides, value))
    return value if isinstance(value, bool) else value != 0


class _TracedFormulas(_Traced):
    """A device without kernels."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace.device.name)
        self.trace = trace


class _TracedCpu(_Traced, CpuBackend):
    """Device "cpu"."""

    def __init__(self, trace: Trace) -> None:
        CpuBackend.__init__(self, _Environment(trace))
        self.trace = trace
        self.kernels = _TracedTable(trace, self.kernels)  # type: ignore[assignment]
