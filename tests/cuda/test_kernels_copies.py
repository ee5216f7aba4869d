"""Kernels on the simulator whose results are exact: copies, dropout, slopes, counting."""

import numpy as np
import pytest
from backends.kernel_rounding import dtypes, empty
from cuda.kernel_runs import LIBRARY, launch
from cuda.on_sim import Array, drawn, layouts, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels.cuda import Cell
from tinygrad_ed.kernels.sim import SimulatedKernel

from tinygrad_ed.ops import activations, random

pytestmark = needs_compiler
sizes = st.integers(0, 40) | st.sampled_from([64, 65, 70, 100])
places = st.integers(0, 3)
"""How far an array begins from a multiple of 16 bytes, in numbers."""


def placed(values: Array, offset: int) -> Array:
    """A copy that begins `offset` numbers after a multiple of 16 bytes."""
    memory = np.zeros(values.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 16 + offset * values.itemsize
    made = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    made[...] = values
    return made


def assert_same_bits(a: Array, b: Array) -> None:
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a.view(f"u{a.itemsize}"), b.view(f"u{a.itemsize}"))


@settings(max_examples=40)
@given(sizes, sizes, layouts, dtypes)
def test_a_matrix_of_any_layout_in_order(R: int, C: int, layout: str, dtype: str) -> None:
    x, y = drawn((R, C), dtype, R + C, layout), empty(R * C, dtype)
    assert launch("ordered", dtype, y, x)
    np.testing.assert_array_equal(y.reshape(R, C), x)
    assert launch("ordered", dtype, y.reshape(C, R), x.T)
    np.testing.assert_array_equal(y.reshape(C, R), x.T)


@settings(max_examples=60)
@given(
    st.sampled_from([1, 2, 3, 4, 5, 8, 12, 16, 31, 32]),
    st.integers(1, 20),
    st.integers(0, 5),
    places,
    st.sampled_from(["uint8", "float32", "float64"]),
    st.integers(0, 99),
)
def test_rows_are_gathered(D: int, rows: int, start: int, at: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = placed(rng.integers(0, 99, (9, D)).astype(dtype), at)
    order = rng.integers(0, 9, start + rows + 2)
    batch = placed(np.full((rows, D), 77, dtype), (at * seed) % 4)
    assert LIBRARY.get("gather", "uint8").launch(
        batch.reshape(-1).view(np.uint8), data.reshape(-1).view(np.uint8), order, start, rows
    )
    np.testing.assert_array_equal(batch, data[order[start : start + rows]])


def test_gathering_is_the_same_on_any_grid_and_counts_from_memory() -> None:
    data, order, counter = np.arange(60, dtype=np.uint8), np.array([3, 0, 5, 1]), np.array([1])
    batch = np.zeros(20, np.uint8)
    assert launch("gather", "uint8", batch, data, order, Cell(counter.ctypes.data, 1), 2)
    np.testing.assert_array_equal(batch, data.reshape(6, 10)[[5, 1]].reshape(-1))


calls = st.integers(0, 2**32 - 1)
keys = st.integers(0, 2**63 - 1)
chances = st.floats(0, 1, exclude_max=True)


@settings(max_examples=60)
@given(st.integers(0, 300) | st.just(3000), places, chances, keys, calls, dtypes)
def test_dropout_has_the_bits_of_the_op(
    n: int, at: int, p: float, seed: int, call: int, dtype: str
) -> None:
    x = np.random.default_rng(n).standard_normal(n).astype(dtype)
    x[: n // 8] = 0.0
    x[n // 16 : n // 8] *= -1
    x[n // 8 : n // 4 : 3] = np.nan
    x[n // 8 + 1 : n // 4 : 3] = -np.inf
    y = placed(np.full_like(x, 77), at)
    with np.errstate(over="ignore"):
        expected = random.dropout(x, p=p, seed=seed, call=call)
    assert launch("dropout", dtype, placed(x, at), y, p, seed, call)
    assert_same_bits(y, expected)


WORDS = """
template <class T>
__global__ void words(unsigned long long* counter, unsigned* found, unsigned call, long long seed) {
  Words random = philox(*counter, call, seed);
  for (int i = 0; i < 4; i++) found[i] = random.word[i];
}
"""


@settings(max_examples=30)
@given(st.integers(0, 2**64 - 1) | st.integers(2**32 - 20, 2**32 + 20), calls, keys)
def test_the_words_of_any_counter_are_the_formulas(counter: int, call: int, seed: int) -> None:
    text = LIBRARY.get("dropout", "float32").declared.source + WORDS
    words = SimulatedKernel(text, ["words<float>"], "words<float>")
    counters, found = np.array([counter], np.uint64), np.zeros((1, 4), np.uint32)
    addresses = [np.uint64(a.ctypes.data) for a in (counters, found)]
    words((1,), (1,), [*addresses, np.uint32(call), np.uint64(seed)], (counters, found))
    np.testing.assert_array_equal(found, random.philox(counters, call, seed))


@settings(max_examples=25)
@given(st.integers(0, 700), dtypes, st.sampled_from(["relu", "sigmoid", "tanh"]))
def test_the_slope_of_an_activation(n: int, dtype: str, activation: str) -> None:
    rng = np.random.default_rng(n)
    z, dy = rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)
    op = getattr(activations, activation)
    y, dz = op(z), empty(n, dtype)
    kind = ["relu", "sigmoid", "tanh"].index(activation) + 1
    assert launch("slope", dtype, dz, dy, y, kind)
    np.testing.assert_array_equal(dz, op.backward(dy, y, z))


@settings(max_examples=25)
@given(st.integers(0, 700), dtypes, st.floats(0, 0.9))
def test_the_slope_of_dropped_units_is_that_of_both_ops(n: int, dtype: str, p: float) -> None:
    rng = np.random.default_rng(n)
    z, dy = rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)
    active = activations.relu(z)
    how = {"p": p, "seed": 3, "call": n}
    y = random.dropout(active, **how)
    upstream = random.dropout.backward(dy, y, active, **how)
    dz = empty(n, dtype)
    assert launch("slope_of_dropped", dtype, dz, dy, y, p)
    np.testing.assert_array_equal(dz, activations.relu.backward(upstream, active, z))


@pytest.mark.parametrize("n", [0, 1, 300])
def test_counters_move_on(n: int) -> None:
    counter = np.arange(n) - 5
    assert launch("advance", "float32", counter, 3)
    np.testing.assert_array_equal(counter, np.arange(n) - 2)
