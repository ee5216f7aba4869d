"""Ops, VJPs and optimisers' rules as generated CUDA kernels: the numbers that NumPy makes of them.

To the bit where only + - * / and square roots, comparisons and selections take part, as for the
loops of the CPU; those tests are repeated here, with the same helpers.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from cuda.on_sim import DTYPES, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from backends import scalar_runs
from backends.scalar_formulas import USERS
from backends.scalar_pairs import assert_random_chain
from backends.scalar_runs import (
    PARAMS,
    SIZES,
    assert_forward,
    assert_same,
    assert_vjp,
    bits,
    run,
    values,
)
from backends.scalar_updates import HYPERS, assert_updates_like_numpy
from cuda.generated_on_sim import Together, generated
from cuda.gpu_machine import machine
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import Library
from tinygrad_ed.kernels.cuda.declared import Grid
from tinygrad_ed.kernels.cuda.sources import with_headers

from tinygrad_ed import registry
from tinygrad_ed.backends.scalar_loops import NotElementwise, emit, emit_op

pytestmark = needs_compiler
Case = Callable[[], Any]
ELEMENTWISE = [o for o in registry.values() if o.elementwise]
PAIRS = list(itertools.product(SIZES, repeat=2))
COVERING = [p for p in PAIRS if "full" in p or set(p) == {"row", "column"}]


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


# --- formulas -------------------------------------------------------------------------------------


def users_function(function: Any, dtype: str) -> None:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    arrays = {n: values("full", dtype, k) for k, n in enumerate(names)}
    full = dict.fromkeys(names, "full")
    loop = emit(function, full, outputs=["y"], dtype=dtype, language="cuda")
    assert_same(run(loop, arrays)[0], function(*arrays.values()), loop)


def mixed_product() -> None:
    a, b = values("full", "float32", 0), values("full", "float64", 1)
    layouts = ["full", ("full", "float64")]
    loop = emit_op(registry["multiply"], layouts, language="cuda")
    assert_same(run(loop, {"a": a, "b": b})[0], a * b, loop)


def numbers_before_the_loop(x, *, a, t, first):  # type: ignore[no-untyped-def]
    quotient = t / 7 - (t - 1) / t + (a > 0.5) * 3 + (not first)
    wide = np.sqrt(a) * t
    return x * (1 - a**t) + (quotient if first else -1), x - wide, x * float("-inf") + float("nan")


def assert_numbers(a: float, t: int, first: bool, dtype: str) -> None:
    """A text for all numbers: what is made of them is computed by the kernel, as Python does."""
    given = {"a": float, "t": int, "first": bool}
    x, numbers = values("full", dtype, 1), {"a": a, "t": t, "first": first}
    loop = emit(numbers_before_the_loop, {"x": "full"}, given, outputs=["u", "v", "w"],
                dtype=dtype, language="cuda")  # fmt: skip
    found, formula = run(loop, {"x": x}, numbers), numbers_before_the_loop(x, **numbers)
    for k, wanted in enumerate(formula):
        assert found[k].dtype == wanted.dtype
        np.testing.assert_array_equal(bits(found[k]), bits(wanted))


def awkward(int, template, errno, Entry, αβ, __a):  # type: ignore[no-untyped-def]
    """Names that C++ does not leave to variables."""
    o, place = int - template, errno * Entry
    double = αβ + __a
    return o * place / double


def cases() -> Iterator[tuple[str, Case]]:
    for dtype in DTYPES:
        forward = partial(assert_forward, dtype=dtype, language="cuda")
        vjp = partial(assert_vjp, dtype=dtype, language="cuda")
        for made in ELEMENTWISE:
            full, params = ["full"] * len(made.operand_names), PARAMS.get(made.name, {})
            yield f"{made.name}-{dtype}", partial(forward, made, full, params=params)
            if made.name not in ("add", "astype"):  # whose gradients are dy
                needs = [True] * len(full)
                yield f"{made.name}-vjp-{dtype}", partial(vjp, made, needs, full, params=params)
        for n in (-1, 0, 0.5, 2, 3, 1.5):
            power = registry["constant_power"]
            yield f"power-{n}-{dtype}", partial(forward, power, ["full"], params={"n": n})
        for function in USERS:
            yield f"{function.__name__}-{dtype}", partial(users_function, function, dtype)
        for k, (rule, hypers) in enumerate(HYPERS):
            update = partial(assert_updates_like_numpy, rule, hypers, dtype, "cuda")
            yield f"{rule.__name__}-{k}-{dtype}", update
        for seed in range(10):
            yield f"chain-{seed}-{dtype}", partial(assert_random_chain, seed, dtype, "cuda")
        for a, t, first in ((0.3, 3, True), (0.9, 1, False)):
            yield f"numbers-{t}-{dtype}", partial(assert_numbers, a, t, first, dtype)
    for patterns in COVERING:
        both = "-".join(patterns)
        for name in ("subtract", "divide"):
            forward = partial(assert_forward, registry[name], patterns, "float32")
            yield f"{name}-{both}", partial(forward, language="cuda")
        vjp = partial(assert_vjp, registry["divide"], (True, True), patterns, "float32")
        yield f"divide-vjp-{both}", partial(vjp, language="cuda")
    for three in (["column", "row", "scalar"], ["row", "full", "column"]):
        where = partial(assert_forward, registry["where"], three, "float32", language="cuda")
        yield f"where-{'-'.join(three)}", where
    yield "mixed", mixed_product
    yield "awkward", partial(users_function, awkward, "float32")


CASES = dict(cases())


@pytest.fixture(scope="module")
def together() -> Iterator[Together]:
    machine = Together()
    before = dict(scalar_runs.EXECUTE)
    scalar_runs.EXECUTE["cuda"] = machine.execute
    with np.errstate(all="ignore"):
        machine.note(CASES.values())
    yield machine
    scalar_runs.EXECUTE.clear()
    scalar_runs.EXECUTE.update(before)


@pytest.mark.parametrize("case", CASES)
def test_equals_the_formula(case: str, together: Together) -> None:
    CASES[case]()


# --- any grid, any order --------------------------------------------------------------------------


def broadcast(x, row, column, k, *, a):  # type: ignore[no-untyped-def]
    return x * row - column / a, np.maximum(x, k) + row


ALL = {"x": "full", "row": "row", "column": "column", "k": "scalar"}
LIBRARY = Library(machine(), np)


@settings(max_examples=40)
@given(
    st.integers(0, 9),
    st.integers(0, 40),
    st.integers(1, 5),
    st.sampled_from([32, 96, 256]),
    st.sampled_from(sim.ORDERS),
    st.booleans(),
)
def test_right_for_any_grid_in_any_order_within_its_arrays(
    rows: int, width: int, blocks: int, threads: int, order: str, watched: bool
) -> None:
    rng = np.random.default_rng(rows)
    sizes = {"full": rows * width, "row": width, "column": rows, "scalar": 1}
    arrays = {n: rng.normal(size=sizes[p]).astype("float32") for n, p in ALL.items()}
    cut = {"full": (rows, width), "row": (width,), "column": (rows, 1), "scalar": (1,)}
    formula = broadcast(**{n: a.reshape(cut[ALL[n]]) for n, a in arrays.items()}, a=0.7)
    for name in ("row", "column", "k"):
        arrays[name].flags.writeable = False
    # In place: an entry that is computed twice is wrong.
    loop = emit(broadcast, ALL, {"a": float}, outputs=["x", "v"], language="cuda")
    v = np.full(rows * width, 77, "float32")
    launch = generated(LIBRARY, loop).prepared([*arrays.values(), 0.7, v])
    assert launch is not None
    with sim.simulation(order, watched=watched):
        grid = Grid(launch.grid.kernel, blocks, threads)
        launch.kernel(grid, launch.words, launch.arrays)
    for found, wanted in zip((arrays["x"], v), formula, strict=True):
        np.testing.assert_array_equal(found, wanted.reshape(-1))


PLACES = """#include "operands.cuh"
#include "elementary.cuh"
__global__ void test(long long i, long long width, long long* found) {
  Place at = place(i, width);
  found[0] = at.row, found[1] = at.column;
}
"""


edges = st.sampled_from([0, 1 << 31, 1 << 32, 1 << 33])


@settings(max_examples=100)
@given(edges, st.integers(0, 99), edges, st.integers(1, 99))
def test_places_are_right_beyond_32_bits(i: int, beyond: int, width: int, wider: int) -> None:
    i, width = i + beyond, width + wider
    found = np.zeros(2, np.int64)
    kernel = sim.SimulatedKernel(with_headers("test.cu", PLACES), ["test"], "test")
    words = [np.int64(i), np.int64(width), np.uint64(found.ctypes.data)]
    kernel((1,), (1,), words, [found])
    assert tuple(found) == divmod(i, width)


# --- launches -------------------------------------------------------------------------------------


def test_a_text_is_one_kernel_whoever_asks() -> None:
    loop, same = (emit_op(registry["exp"], ["full"], language="cuda") for _ in range(2))
    other = emit_op(registry["exp"], ["full"], dtype="float64", language="cuda")
    kernel = generated(LIBRARY, loop)
    assert generated(LIBRARY, same) is kernel is not generated(LIBRARY, other)
    assert kernel.signature.roles == ("in", "out") and kernel.name == "exp_forward"


def test_what_does_not_fit_is_not_launched() -> None:
    kernel = generated(LIBRARY, emit_op(registry["subtract"], ["full", "full"], language="cuda"))
    a, y = np.ones((4, 6), "float32"), np.full((4, 6), 77, "float32")
    for args in ((a, a.astype("float64"), y), (a, a[:3], y), (a, a[:, ::2], y), (a, a, y[:3])):
        assert not kernel.launch(*args) and (y == 77).all()


def test_large_arrays_share_the_threads_that_run_at_once() -> None:
    kernel = generated(LIBRARY, emit_op(registry["negative"], ["full"], language="cuda"))
    for n, blocks in ((0, 1), (1, 1), (257, 2), (300_000, 1056), (3_000_000, 1056)):
        x = np.empty(n, "float32")
        launch = kernel.prepared([x, x])
        assert launch is not None and launch.grid[1:3] == (blocks, 256)


def steps_down(p, g, *, lr):  # type: ignore[no-untyped-def]
    return p - lr * g


def test_an_update_waits_for_what_was_refused_before_it() -> None:
    full = dict.fromkeys("pg", "full")
    loop = emit(steps_down, full, {"lr": float}, outputs=["p"], language="cuda")
    scratch, p = np.zeros(1, np.int64), np.ones(5, "float32")
    launch = generated(LIBRARY, loop).prepared([p, p.copy(), 0.5], scratch)
    assert launch is not None
    for refused, wanted in ((1, 1.0), (0, 0.5)):
        scratch[0] = refused
        launch.run()
        assert (p == wanted).all()


def test_types_without_kernels_are_refused() -> None:
    with pytest.raises(NotElementwise, match="int32 arrays"):
        emit_op(registry["exp"], [("full", "int32")], language="cuda")


def test_the_text_is_the_function_for_one_entry() -> None:
    assert emit_op(registry["sigmoid"], ["full"], language="cuda").text == (
        '#include "operands.cuh"\n'
        '#include "elementary.cuh"\n\n'
        "struct SigmoidForward {\n"
        "  Flat<const float> z_;\n"
        "  Flat<float> y_;\n"
        "};\n\n"
        "static __device__ void sigmoid_forward(const SigmoidForward& o) {\n"
        "  struct Entry { float z; };\n"
        "  each_entry(\n"
        "      o.z_.size,\n"
        "      [&](long long i) { return Entry{o.z_[i]}; },\n"
        "      [&](long long i, Entry entry) {\n"
        "        auto [z] = entry;\n"
        "        float e = exp(-fabs(z));\n"
        "        o.y_[i] = (z >= 0.0f ? 1.0f : e) / (1.0f + e);\n"
        "      });\n"
        "}\n"
        "__global__ void sigmoid_forward_kernel(SigmoidForward o) { sigmoid_forward(o); }\n"
    )
