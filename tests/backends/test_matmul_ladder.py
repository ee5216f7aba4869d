"""Every rung of the product against the derived bound, against each other, and at its borders."""

import ctypes
import mmap
import re
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

pytest.importorskip("numba")

from backends.product_helpers import (
    DTYPES,
    LOWER,
    VECTORS,
    Array,
    assert_within_bound,
    bits,
    booleans,
    drawn,
    guarded_product,
    laid_out,
    layouts,
    seeds,
    sizes,
)
from numba import njit
from tinygrad_ed.kernels.cpu.products import RUNGS, WORK_BYTES, multiply, product_of, use_packed
from tinygrad_ed.kernels.cpu.products.ladder import compiled
from tinygrad_ed.kernels.cpu.products.vectors import WIDTHS, vector_bytes


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None)
@given(sizes, sizes, sizes, layouts, layouts, booleans, booleans, seeds)
def test_every_rung_stays_within_the_bound_and_gives_the_same_bits(
    dtype: str,
    M: int,
    K: int,
    N: int,
    layout_A: str,
    layout_B: str,
    trans_a: bool,
    trans_b: bool,
    seed: int,
) -> None:
    A, B = drawn(M, K, N, dtype, seed)
    A, B = laid_out(A, layout_A), laid_out(B, layout_B)
    given_A, given_B = A.T if trans_a else A, B.T if trans_b else B
    found = {
        rung: guarded_product(A, B, rung=rung) if not (trans_a or trans_b) else
        multiply(given_A, given_B, np.empty((M, N), dtype), trans_a=trans_a, trans_b=trans_b,
                 rung=rung)
        for rung in RUNGS
    }  # fmt: skip
    assert_within_bound(A, B, found["tiled"])
    for rung in LOWER:
        assert bits(found[rung]) == bits(found["tiled"]), rung


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=80, deadline=None)
@given(sizes, sizes, sizes, layouts, layouts, seeds)
def test_every_vector_width_and_route_gives_the_same_bits(
    dtype: str, M: int, K: int, N: int, layout_A: str, layout_B: str, seed: int
) -> None:
    A, B = drawn(M, K, N, dtype, seed)
    A, B = laid_out(A, layout_A), laid_out(B, layout_B)
    oracle = guarded_product(A, B, rung="packed")
    for vector in VECTORS:
        for copy in (False, True):
            assert bits(guarded_product(A, B, vector=vector, copy=copy)) == bits(oracle)


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_blocks_of_k_rows_and_columns_continue_each_other(
    vector: str, trans_a: int, trans_b: int
) -> None:
    # Deeper than one block of k, more rows than one, more columns than one
    for M, K, N in ((131, 1100, 37), (37, 40, 1100), (5, 2100, 1030)):
        A, B = drawn(M, K, N, "float32", 0)
        A, B = (A.T.copy().T if trans_a else A), (B.T.copy().T if trans_b else B)
        C = [guarded_product(A, B, vector=vector, copy=copy) for copy in (False, True)]
        assert bits(C[0]) == bits(C[1])
        assert_within_bound(A, B, C[0])


def test_large_shapes_are_packed_and_small_ones_are_not() -> None:
    assert use_packed(1024, 1024, 1024, 4) and use_packed(2048, 2048, 64, 4)
    assert not use_packed(64, 256, 784, 4) and not use_packed(1, 10_000, 10_000, 4)


@pytest.mark.parametrize("rung", RUNGS)
@settings(max_examples=40, deadline=None)
@given(sizes.filter(bool), sizes.filter(bool), sizes.filter(bool), booleans, booleans, seeds)
def test_nan_and_infinity_propagate_as_in_numpy(
    rung: str, M: int, K: int, N: int, copy: bool, turned: bool, seed: int
) -> None:
    A, B = drawn(M, K, N, "float32", seed)
    rng = np.random.default_rng(seed)
    for a in (A, B):
        for value in (np.nan, np.inf, -np.inf, 0.0):
            a[rng.integers(a.shape[0]), rng.integers(a.shape[1])] = value
    if turned:
        A, B = np.asfortranarray(A), np.asfortranarray(B)
    with np.errstate(invalid="ignore"):
        expected = (A[:, :, None].astype(np.float64) * B[None]).sum(1)
    C = guarded_product(A, B, rung=rung, copy=copy)
    assert np.array_equal(np.isnan(C), np.isnan(expected))
    assert np.array_equal(np.isposinf(C), np.isposinf(expected))
    assert np.array_equal(np.isneginf(C), np.isneginf(expected))


@pytest.mark.parametrize("dtype", DTYPES)
def test_shares_of_rows_and_columns_give_the_bits_of_the_whole(dtype: str) -> None:
    A, B = drawn(70, 90, 97, dtype, 1)
    for copy in (False, True):
        whole = guarded_product(A, B, copy=copy)
        for cut in (1, 24, 33, 64, 69):
            rows = [guarded_product(a, B, copy=copy) for a in (A[:cut], A[cut:])]
            columns = [guarded_product(A, b, copy=copy) for b in (B[:, :cut], B[:, cut:])]
            assert bits(np.vstack(rows)) == bits(whole)
            assert bits(np.hstack(columns)) == bits(whole)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux to forbid a page")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vector", VECTORS)
def test_nothing_outside_the_arrays_is_touched(dtype: str, vector: str) -> None:
    """Each array ends where a forbidden page begins, then begins where one ends."""
    PROT_NONE = 0
    page, libc = mmap.PAGESIZE, ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    kept = []

    def bordered(shape: tuple[int, ...], at_end: bool) -> Array:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        inside = -(-size // page) * page
        memory = mmap.mmap(-1, inside + 2 * page)
        kept.append(memory)
        start = np.frombuffer(memory, np.uint8).ctypes.data
        for edge in (start, start + page + inside):
            assert libc.mprotect(edge, page, PROT_NONE) == 0
        offset = page + (inside - size if at_end else 0)
        return np.frombuffer(memory, dtype, int(np.prod(shape)), offset).reshape(shape)

    for M, K, N in ((13, 19, 45), (1, 7, 33), (9, 5, 1), (12, 16, 32), (7, 3, 3)):
        for at_end in (False, True):
            for trans_a in (False, True):
                for trans_b in (False, True):
                    A = bordered((K, M) if trans_a else (M, K), at_end)
                    B = bordered((N, K) if trans_b else (K, N), at_end)
                    C, bias, gate = (bordered(s, at_end) for s in ((M, N), (N,), (M, N)))
                    A[:], B[:], bias[:], gate[:] = 1.0, 2.0, 0.5, 1.0
                    for copy in (False, True):
                        multiply(
                            A, B, C, trans_a=trans_a, trans_b=trans_b, bias=bias, gate=gate,
                            gate_kind="relu", activation="relu", copy=copy, vector=vector,
                        )  # fmt: skip
                        assert np.all(C == 2 * K + 0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vector", VECTORS)
def test_scratch_memory_is_large_enough(dtype: str, vector: str) -> None:
    number = np.dtype(dtype)
    call = compiled("tiled", WIDTHS[vector], number)
    guard = 4096
    memory = np.full(WORK_BYTES + 2 * guard, 7, np.uint8)
    work = memory.ctypes.data + guard
    none = np.empty((0, 0), number)
    deepest = WORK_BYTES // number.itemsize // 64 - 64 // number.itemsize
    for M, K, N in ((3, deepest, 63), (3, deepest + 20, 63), (121, 1023, 1025), (40, 513, 2049)):
        A, B, C = np.ones((M, K), number), np.ones((N, K), number).T, np.empty((M, N), number)
        for copy in (0, 1):
            call(A, B, C, none[0:0].reshape(0), 0, none, 0, copy, work)
            assert np.all(C == K)
            assert np.all(memory[:guard] == 7) and np.all(memory[-guard:] == 7)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_bare_rung_is_the_product_without_a_finish(rung: str) -> None:
    A, B = drawn(13, 11, 37, "float32", 0)
    work = np.empty(WORK_BYTES + 64, np.uint8)
    C = np.empty((13, 37), "float32")
    njit(error_model="numpy", fastmath={"contract"})(RUNGS[rung])(
        A, B, C[:, :], 0, -(-work.ctypes.data // 64) * 64
    )
    assert bits(C) == bits(guarded_product(A, B, rung=rung))


def test_the_vector_width_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, width in WIDTHS.items():
        monkeypatch.setenv("TINYGRAD_ED_VECTOR", name)
        assert vector_bytes() == width
    monkeypatch.setenv("TINYGRAD_ED_VECTOR", "mmx")
    with pytest.raises(ValueError, match=r"'mmx'.*avx2"):
        vector_bytes()
    monkeypatch.setenv("TINYGRAD_ED_VECTOR", "plain")
    assert product_of("tiled") is not product_of("tiled", 16)
    A, B = drawn(9, 8, 7, "float32", 0)
    plain = multiply(A, B, np.empty((9, 7), "float32"), vector="plain")
    assert bits(plain) == bits(guarded_product(A, B, rung="packed"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"out": np.empty((3, 5), "f4")}, "shapes do not agree"),
        ({"bias": np.empty(3, "f4")}, "shapes do not agree"),
        ({"gate_kind": "relu"}, "shapes do not agree"),
        ({"out": np.empty((3, 4))}, "float32 and float64"),
        ({"out": np.empty((4, 3), "f4").T}, "unit column stride"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    given = {"A": np.ones((3, 2), "f4"), "B": np.ones((2, 4), "f4"), "out": np.empty((3, 4), "f4")}
    with pytest.raises(ValueError, match=message):
        multiply(**(given | change))


def inner_loops(assembly: str) -> list[list[str]]:
    """The bodies of loops without a jump or label inside."""
    lines = assembly.split("\n")
    labels = {line[:-1]: at for at, line in enumerate(lines) if re.fullmatch(r"\.L\w+:", line)}
    found = []
    for at, line in enumerate(lines):
        jump = re.fullmatch(r"\s+j\w+\s+(\.L\w+)", line)
        if jump and labels.get(jump[1], at) < at:
            body = lines[labels[jump[1]] + 1 : at]
            if not any(re.match(r"\.L|\s+j", inside) for inside in body):
                found.append(body)
    return found


@pytest.mark.skipif(vector_bytes() not in (32, 64), reason="needs AVX2 or AVX-512")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_inner_loop_of_the_top_rung_keeps_its_sums_in_registers(dtype: str) -> None:
    width = vector_bytes()
    (assembly,) = compiled("tiled", width, np.dtype(dtype)).inspect_asm().values()
    sums = {64: 24, 32: 12}[width]
    loops = [
        body for body in inner_loops(assembly) if sum("vfmadd" in line for line in body) == sums
    ]
    assert loops, f"no loop with {sums} multiply-adds"
    for body in loops:
        register = {64: "zmm", 32: "ymm"}[width]
        assert all(register in line for line in body if "vfmadd" in line)
        assert not any("rsp" in line or "call" in line for line in body), "a spill or a call"
