"""The back ends on which a step is traced: they compute as always, and note down what they do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backends import Backend, get_backend
from ..backends.base import Kernel, copied
from ..backends.table.backend import KernelBackend
from ..backends.table.elementwise import ElementwiseKernel
from ..backends.table.environment import Environment, Library
from ..backends.table.updates import Updates
from ..ops.registry import Array, Op
from .arrays import is_array
from .instructions import Context

if TYPE_CHECKING:
    from .trace import Trace


def traced_backend(trace: "Trace") -> Backend:
    """The back end of a trace's device as it is traced."""
    has_kernels = isinstance(trace.device, KernelBackend)
    return _TracedKernels(trace) if has_kernels else _TracedFormulas(trace)


def library_of(device: Backend) -> Library:
    """Where a program's kernels come from; a device without any still counts its steps by one."""
    if isinstance(device, KernelBackend):
        return device.environment.library
    cpu: Any = get_backend("cpu")
    found: Library = cpu.environment.library
    return found


class _Environment(Environment):
    """Kernels are launched and noted down."""

    def __init__(self, trace: "Trace") -> None:
        device: Any = trace.device
        super().__init__(device.environment.library)
        self.trace = trace

    def launcher(self, kernel: Any) -> Callable[..., bool]:
        def launch(*args: Any) -> bool:
            if not kernel.launch(*args):
                return False
            self.trace.launched(kernel, args)
            return True

        return launch

    def ordered(self, array: Array) -> Array:
        if array.flags.c_contiguous:
            return array
        copy: Array = self.trace.formula(copied, [array], {})
        return copy


class _TracedKernel:
    """A kernel of the traced back end: if it declines half-way, what it noted down is dropped."""

    def __init__(self, trace: "Trace", op: Op, kernel: Kernel) -> None:
        self.trace, self.op, self.kernel = trace, op, kernel

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        trace, op = self.trace, self.op
        trace.context = Context(op.called, op, None, list(arrays), params)
        before = len(trace.instructions)
        y = self.kernel.forward(arrays, params)
        if y is None:
            del trace.instructions[before:]
        else:
            trace.results.append((y, op, params))
        return y

    def vjp(self, dy: Array, y: Array, arrays: Sequence[Array], *rest: Any) -> Any:
        trace = self.trace
        trace.context = Context(f"{self.op.called} backward", grads=self.op)
        before = len(trace.instructions)
        found = self.kernel.vjp(dy, y, arrays, *rest)
        if found is None:
            del trace.instructions[before:]
        else:
            _note_slopes(trace, found, arrays)
        return found


def _note_slopes(trace: "Trace", gradients: Sequence[Any], arrays: Sequence[Any]) -> None:
    for gradient, array in zip(gradients, arrays, strict=False):
        if is_array(gradient) and is_array(array):
            trace.slopes.append((gradient, array))


class _TracedTable(dict[Op, Any]):
    def __init__(self, trace: "Trace", environment: Environment, own: Mapping[Any, Any]) -> None:
        super().__init__()
        self.trace, self.environment, self.own = trace, environment, own

    def __missing__(self, op: Op) -> Any:
        device = self.trace.device.kernels[op]
        kernel: Any = None
        if isinstance(device, ElementwiseKernel):
            kernel = _TracedElementwise(self.environment, device)
        elif device is not None:
            kernel = self.own[op]
        self[op] = None if kernel is None else _TracedKernel(self.trace, op, kernel)
        return self[op]


class _TracedElementwise(ElementwiseKernel):
    """An elementwise op by the plans that the device has made for it."""

    def __init__(self, environment: Environment, device: ElementwiseKernel) -> None:
        super().__init__(environment, device.op)
        self.device = device

    def _plan(self, *how: Any) -> Any:
        plan = self.device._plan(*how)
        return None if plan is None else plan.on(self.environment)


class _TracedUpdates(Updates):
    """Optimisers' rules with the loops that the device has made of them."""

    def __init__(self, environment: Environment, device: Updates) -> None:
        super().__init__(environment)
        self.device = device

    def _loop(self, *how: Any) -> Any:
        found = self.device._loop(*how)
        if found is None:
            return None
        return replace(found, launch=self.environment.launcher(found.kernel))


class _Traced(Backend):
    """What has no kernel is noted down as a formula."""

    trace: "Trace"

    def formula(
        self, function: Callable[..., Any], inputs: Sequence[Any], params: Mapping[str, Any]
    ) -> Any:
        return self.trace.formula(function, inputs, params)

    def forward(self, op: Op, arrays: Sequence[Array], params: dict[str, Any]) -> Array:
        self.trace.context = Context(op.called, op, None, list(arrays), params)
        y = super().forward(op, arrays, params)
        self.trace.results.append((y, op, params))
        return y

    def vjp(self, op: Op, dy: Array, y: Array, arrays: Sequence[Array], *rest: Any) -> Any:
        self.trace.context = Context(f"{op.called} backward", grads=op)
        found = super().vjp(op, dy, y, arrays, *rest)
        _note_slopes(self.trace, found, arrays)
        return found

    def one(self, dtype: np.dtype[Any]) -> Array:
        return self.trace.device.one(dtype)

    def add(self, first: Array, second: Array) -> Array:
        self.trace.context = Context("paths add up")
        return super().add(first, second)

    def sum_to(self, gradient: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
        self.trace.context = Context("sum over broadcast axes")
        return super().sum_to(gradient, axes, shape)

    def copy(self, target: Array, source: Array) -> None:
        self.trace.context = Context("gradient")
        self.trace.in_place(second, target, source)

    def add_into(self, target: Array, source: Array) -> None:
        self.trace.context = Context("gradient")
        self.trace.in_place(np.add, target, source)


def second(target: Array, source: Array) -> Array:
    """What a copy leaves in its target."""
    return source


class _TracedFormulas(_Traced):
    """A device without kernels."""

    def __init__(self, trace: "Trace") -> None:
        super().__init__(trace.device.name)
        self.trace = trace


class _TracedKernels(_Traced, KernelBackend):
    """A device with kernels."""

    def __init__(self, trace: "Trace") -> None:
        environment = _Environment(trace)
        KernelBackend.__init__(self, trace.device.name, environment)
        self.trace = trace
        self.kernels: Any = _TracedTable(trace, environment, self.kernels)
        device: Any = trace.device  # what it has made of sources is not made again
        self.updates = _TracedUpdates(environment, device.updates)
        self.plus = _TracedElementwise(environment, device.plus)

    def add_into(self, target: Array, source: Array) -> None:
        self.copy(target, self.add(target, source))
