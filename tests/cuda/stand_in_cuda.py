"""`cupy.cuda` of a stand-in for CuPy: streams, graphs, modules, and what the runtime says."""

import ctypes
import types
from collections.abc import Sequence
from typing import Any

import numpy as np
from cuda.stand_in_arrays import WORK, Job, OutOfMemoryError
from tinygrad_ed.kernels.cuda.machines import OPTIONS
from tinygrad_ed.kernels.sim import SimulatedKernel

LAUNCHED: list[str] = []
"""The kernels that ran, in order."""
GRAPHS: list[int] = []
"""How many launches each recorded graph has."""


class CUDARuntimeError(RuntimeError):
    """`cupy.cuda.runtime.CUDARuntimeError`."""


class CompileException(Exception):
    """`cupy.cuda.compiler.CompileException`."""


class Graph:
    """`cupy.cuda.Graph`: what was recorded, with the arguments as they were."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = list(jobs)
        GRAPHS.append(len(self.jobs))

    def launch(self, stream: Any = None) -> None:
        for job in self.jobs:
            WORK.later(job)


class Stream:
    """`cupy.cuda.Stream`; all streams of a thread wait in one queue."""

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.null, self.ptr = null, 0 if null else id(self)
        self.is_current = False

    def __enter__(self) -> "Stream":
        self.is_current = True
        return self

    def __exit__(self, *error: object) -> None:
        self.is_current = False

    def begin_capture(self, mode: Any = None) -> None:
        if self.null:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        assert self.is_current and WORK.graph is None
        WORK.graph = []

    def end_capture(self) -> Graph:
        jobs, WORK.graph = WORK.graph, None
        assert jobs is not None
        return Graph(jobs)

    def synchronize(self) -> None:
        WORK.wait("synchronization")


class Event:
    """`cupy.cuda.Event`."""

    def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
        self.is_recorded = False

    def record(self, stream: Any = None) -> None:
        self.is_recorded = True

    def synchronize(self) -> None:
        if self.is_recorded:
            WORK.wait("synchronization")


class RawKernel:
    """`cupy.RawKernel` of a module."""

    def __init__(self, module: "RawModule", name: str) -> None:
        self.simulated, self.name = SimulatedKernel(module.code, module.names, name), name
        self.cooperative, self.most = module.cooperative, 48 << 10

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        return self.most

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, size: int) -> None:
        assert size <= 227 << 10, "more than a block of an H200 may have"
        self.most = size

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *,
        shared_mem: int = 0, stream: Any = None,
    ) -> None:  # fmt: skip
        for arg in args:
            if isinstance(arg, np.ndarray) and arg.size != 1:
                raise TypeError(f"You are trying to pass a numpy.ndarray of shape {arg.shape}")
        if shared_mem > self.most or block[0] > 1024:
            raise CUDARuntimeError("cudaErrorInvalidValue: invalid argument")
        given = [np.array(arg) for arg in args]  # the driver copies them at once

        def job() -> None:
            LAUNCHED.append(self.name)
            how: Any = {"cooperative": True} if self.cooperative else {}
            self.simulated(grid, block, given, (), shared_mem, **how)

        WORK.later(job)


class RawModule:
    """`cupy.RawModule`; compiles nothing until a kernel is launched."""

    def __init__(
        self, *, code: str, options: tuple[str, ...] = (), name_expressions: Any = None,
        enable_cooperative_groups: bool = False,
    ) -> None:  # fmt: skip
        assert options == OPTIONS
        self.code, self.names = code, tuple(name_expressions)
        self.cooperative = enable_cooperative_groups

    def get_function(self, name: str) -> RawKernel:
        if "#error" in self.code:
            raise CompileException("kernel.cu(1): warning: odd\nkernel.cu(3): error: no such thing")
        return RawKernel(self, name)


class PinnedMemory:
    """`cupy.cuda.alloc_pinned_memory`: memory of the host that shows its bytes."""

    def __new__(cls, size: int) -> Any:
        WORK.refuse("allocation")
        made: Any = _Pinned(max(64, size))  # CuPy's are longer than was asked for, too
        made[:] = b"\xff" * len(made)
        return made


class _Bytes(ctypes.Array[ctypes.c_char]):
    _type_, _length_ = ctypes.c_char, 64


class _Pinned(_Bytes):
    def __init__(self, size: int) -> None:
        assert size == len(self)

    ptr = property(lambda self: ctypes.addressof(self))


class Device:
    """`cupy.cuda.Device`."""

    attributes = {"MultiProcessorCount": 4}  # noqa: RUF012
    compute_capability = "90"
    mem_info = (130 << 30, 140 << 30)


def runtime(**changes: Any) -> Any:
    """`cupy.cuda.runtime` of a machine with one GPU."""
    about = {"name": b"Stand-in GPU", "major": 9, "minor": 0}
    found: dict[str, Any] = {
        "CUDARuntimeError": CUDARuntimeError,
        "getDeviceCount": lambda: 1,
        "driverGetVersion": lambda: 13000,
        "runtimeGetVersion": lambda: 12090,
        "getDeviceProperties": lambda number: about,
        "memGetInfo": lambda: Device.mem_info,
        "deviceSynchronize": lambda: WORK.wait("synchronization"),
    }
    return types.SimpleNamespace(**{**found, **changes})


def cuda(**changes: Any) -> Any:
    """`cupy.cuda`; changes are to its runtime."""
    return types.SimpleNamespace(
        runtime=runtime(**changes),
        Stream=Stream,
        Event=Event,
        Graph=Graph,
        Device=Device,
        alloc_pinned_memory=PinnedMemory,
        get_current_stream=lambda: Stream(null=True),
        is_available=lambda: True,
        compiler=types.SimpleNamespace(CompileException=CompileException),
        memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
        nvrtc=types.SimpleNamespace(getVersion=lambda: (12, 9)),
    )
