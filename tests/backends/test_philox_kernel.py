"""The random bits of the CPU kernels are the formula's, bit for bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from backends.kernel_rounding import enter, has_avx2, launch, loops_of
from numba import njit
from tinygrad_ed.kernels.cpu import assembly
from tinygrad_ed.kernels.cpu import philox as kernel

from tinygrad_ed.ops import random

Array = np.ndarray[Any, Any]

four_words = kernel.words


@njit(error_model="numpy")
def words(counters, call, seed):  # type: ignore[no-untyped-def]
    found = np.empty((counters.size, 4), np.uint64)
    for i in range(counters.size):
        low, high = counters[i] & kernel.LOW, counters[i] >> kernel.WORD
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = four_words(
            low, high, np.uint64(call), np.uint64(seed)
        )
    return found


def dropout(x: Array, p: float, seed: int, call: int) -> Array:
    y = np.full_like(x, 77)
    assert launch("dropout", x.dtype, x, y, p, seed, call)
    return y


def assert_same_bits(a: Array, b: Array) -> None:
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a.view(f"u{a.itemsize}"), b.view(f"u{b.itemsize}"))


counters = st.integers(0, 2**64 - 1) | st.integers(0, 40) | st.integers(2**32 - 20, 2**32 + 20)
seeds = st.integers(0, 2**63 - 1)
calls = st.integers(0, 2**32 - 1)
chances = st.floats(0, 1, exclude_max=True)


def test_the_published_vector_of_philox() -> None:
    """Counter and key 0 in the known-answer table of Random123, the authors' own program."""
    expected = [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert words(np.zeros(1, np.uint64), 0, 0)[0].tolist() == expected


@given(st.lists(counters, min_size=1, max_size=40), calls, st.integers(0, 2**64 - 1))
def test_words_are_the_formulas(drawn: list[int], call: int, seed: int) -> None:
    places = np.array(drawn, np.uint64)
    expected = random.philox(places, call, seed)
    np.testing.assert_array_equal(words(places, call, np.uint64(seed)), expected)


@given(st.integers(0, 200), chances, seeds, calls, st.sampled_from(["float32", "float64"]))
def test_dropout_has_the_bits_of_the_op(n: int, p: float, seed: int, call: int, dtype: str) -> None:
    x = np.random.default_rng(n).standard_normal(n).astype(dtype)
    x[: n // 8] = 0.0
    x[n // 16 : n // 8] *= -1
    x[n // 8 : n // 4 : 3] = np.nan
    x[n // 8 + 1 : n // 4 : 3] = -np.inf
    with np.errstate(over="ignore"):
        expected = random.dropout(x, p=p, seed=seed, call=call)
    assert_same_bits(dropout(x, p, seed, call), expected)


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(1, 7), seeds)
def test_any_division_of_the_work_draws_the_same_mask(n: int, parts: int, seed: int) -> None:
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    y, written = np.full_like(x, 77), np.zeros(n, int)
    for part in range(parts):
        alone = np.full_like(x, 77)
        enter("dropout", "float32", x, alone, 0.4, seed, 3, part=part, parts=parts)
        enter("dropout", "float32", x, y, 0.4, seed, 3, part=part, parts=parts)
        written += alone != 77
    assert_same_bits(y, dropout(x, 0.4, seed, 3))
    np.testing.assert_array_equal(written, 1)


def test_places_beyond_32_bits_carry_into_the_second_word() -> None:
    """One share of an array too large for this machine, of which only that share is there."""
    border = 4 * 2**32  # where the counter's lower word begins again
    n, share = border + 64, 48
    parts = -(-n // share)
    start = border // share * share
    assert start < border < start + share
    x, y = np.ones(share, np.float32), np.full(share, 77, np.float32)
    here = [(a.ctypes.data - 4 * start, n) for a in (x, y)]
    enter("dropout", "float32", *here, 0.5, 11, 5, part=start // share, parts=parts)
    blocks = np.arange(start // 4, (start + share) // 4, dtype=np.uint64)
    kept = random.philox(blocks, 5, 11).reshape(-1) >= 2**31
    np.testing.assert_array_equal(y, np.where(kept, 2, 0))


def test_nothing_is_dropped_with_chance_zero() -> None:
    x = np.random.default_rng(0).standard_normal(1000)
    assert_same_bits(dropout(x, 0.0, 1, 2), x)


@pytest.mark.skipif(not has_avx2(), reason="reads the assembly of x86-64 with AVX2")
def test_the_rounds_run_as_vector_code() -> None:
    text = assembly.assembly_of("dropout", "float32")
    assert any(
        sum("vpmuludq" in line and ("%ymm" in line or "%zmm" in line) for line in lines) >= 15
        and not any(line.startswith("call") for line in lines)
        for lines in loops_of(text)
    )
