"""The stand-in for CuPy notices what CuPy would not take, and what a GPU would do late."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cuda import stand_in, stand_in_arrays
from cuda.on_sim import needs_compiler
from cuda.stand_in_arrays import StandInArray
from cuda.stand_in_cuda import Stream
from tinygrad_ed.kernels.cuda.machines import CupyMachine

ALLOCATE, SCALE = "allocation", "__global__ void twice(double* x) { x[0] *= 2; }"


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = stand_in.cupy()
    monkeypatch.setitem(sys.modules, "cupy", module)
    yield module
    stand_in_arrays.WORK.queue.clear()


LEAKS: dict[str, Callable[[Any], Any]] = {
    "an array of NumPy in a sum": lambda x: x + np.ones(3),
    "on the other side": lambda x: np.ones(3) * x,
    "in a function": lambda x: np.concatenate([x, np.ones(3)]),
    "assigned": lambda x: x.__setitem__(slice(0, 2), np.ones(2)),
    "as an index": lambda x: x[np.array([0, 1])],
    "made of one": np.asarray,
    "copied to one": lambda x: np.array(x, order="C"),
    "made contiguous by NumPy": np.ascontiguousarray,
    "an argument that CuPy lacks": lambda x: np.sum(x, where=x > 0),
    "a function that CuPy lacks": lambda x: np.block([x, x]),
    "a ufunc's where": lambda x: np.add(x, x, where=x > 0),
}


@pytest.mark.parametrize("how", LEAKS)
def test_what_cupy_would_not_take_raises(how: str, cupy: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        LEAKS[how](cupy.array(np.arange(3.0)))


def test_arrays_are_views_of_memory_as_in_cupy(cupy: Any) -> None:
    x = cupy.array(np.arange(12.0).reshape(3, 4))
    assert x.base is None
    for view in (x.T, x[1:], x[0, 1], x.reshape(-1), x.T.T[::-1], np.transpose(x)):
        assert view.base is x and np.may_share_memory(view, x)
    assert x.T.reshape(-1).base is None  # a copy
    place = cupy.ndarray((2,), "float64", memptr=x.data + 8, strides=(16,))
    assert place.get().tolist() == [1, 3] and place.base is None
    assert np.may_share_memory(place, x)
    assert not hasattr(x.flags, "writeable")
    x += 1
    assert type(x) is StandInArray and place.get().tolist() == [2, 4]


@needs_compiler
def test_kernels_run_when_somebody_waits(cupy: Any) -> None:
    x = cupy.ones(1)
    kernel = cupy.RawModule(
        code=SCALE, options=("--std=c++17", "--fmad=false"), name_expressions=("twice",)
    ).get_function("twice")
    pinned = cupy.cuda.alloc_pinned_memory(8)
    seen = np.frombuffer(pinned, np.float64, 1)
    seen[0] = 0
    kernel((1,), (1,), (np.uint64(x.data.ptr),))
    x.data.copy_to_host_async(pinned.ptr, 8)
    event = cupy.cuda.Event(disable_timing=True)
    event.record()
    assert seen[0] == 0  # too early
    event.synchronize()
    assert seen[0] == 2
    with pytest.raises(TypeError, match="pass a numpy"):
        kernel((1,), (1,), (np.zeros(2),))


@needs_compiler
def test_a_graph_keeps_its_launches_and_runs_nothing_while_it_is_recorded(cupy: Any) -> None:
    x, machine = cupy.ones(1), CupyMachine()
    kernel = cupy.RawModule(
        code=SCALE, options=("--std=c++17", "--fmad=false"), name_expressions=("twice",)
    ).get_function("twice")
    launch = machine.recorded(lambda: kernel((1,), (1,), (np.uint64(x.data.ptr),)))
    assert x.item() == 1
    launch()
    launch()
    assert x.item() == 4


WRONG: dict[str, Callable[[Any, Any], Any]] = {
    "memory": lambda cupy, x: cupy.empty(3),
    "a sum": lambda cupy, x: x + 1,
    "a copy to the host": lambda cupy, x: x.get(),
    "a copy from the host": lambda cupy, x: x.set(np.ones(1)),
    "a number": lambda cupy, x: float(x),
    "waiting": lambda cupy, x: cupy.cuda.Stream(null=True).synchronize(),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_a_recorded_run_must_not_do_raises(how: str, cupy: Any) -> None:
    x = cupy.ones(1)
    with pytest.raises(RuntimeError, match="capturing"):
        CupyMachine().recorded(lambda: WRONG[how](cupy, x))
    assert x.item() == 1  # and the stream is as it was


def test_the_default_stream_cannot_be_recorded() -> None:
    with pytest.raises(RuntimeError, match="legacy"):
        Stream(null=True).begin_capture()
