"""Every rung of the product against the derived bound, against each other, and at its borders."""

import ctypes
import mmap
import re
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from numba import njit, types
from tinygrad_ed.kernels.cpu.products import RUNGS, WORK_BYTES, multiply, product_of, use_packed
from tinygrad_ed.kernels.cpu.products.finish import ACTIVATIONS, finish
from tinygrad_ed.kernels.cpu.products.ladder import compiled
from tinygrad_ed.kernels.cpu.products.vectors import WIDTHS, vector_bytes

Array = np.ndarray[Any, Any]
DTYPES = ["float32", "float64"]
VECTORS = ["avx512", "avx2", "generic"]
LOWER = [rung for rung in RUNGS if rung != "tiled"]

sizes = st.integers(0, 20) | st.sampled_from([1, 24, 31, 33, 48, 63, 65, 100, 130])
layouts = st.sampled_from(["C", "F", "negative", "strided", "read-only", "broadcast"])
seeds = st.integers(0, 99)
booleans = st.booleans()


def gamma(k: int, dtype: Any) -> float:
    """γ_k = k u / (1 - k u): the relative error that k rounded operations can build up."""
    u = float(np.finfo(dtype).eps) / 2
    return k * u / (1 - k * u)


def assert_within_bound(A: Array, B: Array, C: Array) -> None:
    """|computed - exact| of a product is at most γ_K |A| |B|, in whatever order it is summed."""
    wide_A, wide_B = A.astype(np.longdouble), B.astype(np.longdouble)
    error = gamma(A.shape[1] + 1, A.dtype) * (np.abs(wide_A) @ np.abs(wide_B))
    assert C.dtype == A.dtype
    assert np.all(np.abs(C - wide_A @ wide_B) <= error + np.finfo(A.dtype).smallest_subnormal)


def laid_out(a: Array, layout: str) -> Array:
    """The same numbers in another memory layout."""
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "negative":
        return a[::-1, ::-1].copy()[::-1, ::-1]
    if layout == "strided":
        wide = np.full((2 * a.shape[0], 3 * a.shape[1]), np.nan, a.dtype)
        wide[::2, ::3] = a
        return wide[::2, ::3]
    if layout == "read-only":
        a = a.copy()
        a.flags.writeable = False
    if layout == "broadcast" and a.size:
        return np.broadcast_to(a[:1], a.shape)
    return a


def guarded_product(A: Array, B: Array, **options: Any) -> Array:
    """A @ B written into a part of a larger array, whose other entries must stay as they are."""
    M, N = A.shape[0], B.shape[1]
    whole = np.full((M + 2, N + 34), 7.0, A.dtype)
    multiply(A, B, whole[1:-1, 17 : 17 + N], **options)
    C = whole[1:-1, 17 : 17 + N].copy()
    whole[1:-1, 17 : 17 + N] = 7.0
    assert np.all(whole == 7.0), "written outside"
    return C


def bits(C: Array) -> bytes:
    return C.tobytes()


def drawn(M: int, K: int, N: int, dtype: str, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)


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


def finish_signature(number: Any) -> Any:
    read_only = (types.Array(number, 1, "A", True), types.intp, types.Array(number, 2, "A", True))
    return types.void(types.Array(number, 2, "A"), *read_only, types.intp)


@njit([finish_signature(types.float32), finish_signature(types.float64)])
def finish_alone(C, bias, activation, gate, gate_kind):  # type: ignore[no-untyped-def]
    finish(C, bias, activation, gate, gate_kind)


codes = st.sampled_from(list(ACTIVATIONS))


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=80, deadline=None)
@given(
    sizes, sizes, sizes, codes, codes, st.sampled_from(["none", "line", "strided"]),
    layouts, booleans, st.sampled_from(VECTORS), st.sampled_from(["tiled", "packed"]), seeds,
)  # fmt: skip
def test_fused_gives_the_bits_of_a_pass_afterwards(
    dtype: str,
    M: int,
    K: int,
    N: int,
    activation: str | None,
    gate_kind: str | None,
    bias_layout: str,
    gate_layout: str,
    copy: bool,
    vector: str,
    rung: str,
    seed: int,
) -> None:
    A, B = drawn(M, K, N, dtype, seed)
    gate = laid_out(drawn(M, N, 1, dtype, seed + 1)[0], gate_layout)
    numbers = np.random.default_rng(seed).standard_normal(3 * N).astype(dtype)
    bias = {"none": None, "line": numbers[:N], "strided": numbers[::3]}[bias_layout]
    fused = guarded_product(
        A, B, bias=bias, activation=activation, gate=gate, gate_kind=gate_kind, copy=copy,
        vector=vector, rung=rung,
    )  # fmt: skip
    apart = guarded_product(A, B, copy=copy, vector=vector, rung=rung)
    given_bias = numbers[:0] if bias is None else bias
    finish_alone(apart, given_bias, ACTIVATIONS[activation], gate, ACTIVATIONS[gate_kind])
    assert bits(fused) == bits(apart)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_finish_is_what_numpy_computes_step_by_step(dtype: str) -> None:
    A, B = drawn(37, 20, 45, dtype, 3)
    bias, gate = B[0].copy(), drawn(37, 45, 1, dtype, 4)[0]
    A[3, 3], gate[5, 5] = np.nan, np.nan
    z = guarded_product(A, B) + bias
    one = np.ones((), dtype)[()]

    def equal(C: Array, expected: Array) -> bool:
        return bool(np.array_equal(C, expected, equal_nan=True))

    assert equal(guarded_product(A, B, bias=bias), z)
    assert equal(guarded_product(A, B, bias=bias, activation="relu"), np.maximum(z, 0))
    slopes = {"relu": gate > 0, "tanh": one - gate * gate}
    dy = guarded_product(A, B)
    for kind, slope in slopes.items():
        assert equal(guarded_product(A, B, gate=gate, gate_kind=kind), dy * slope)
    sloped = guarded_product(A, B, gate=gate, gate_kind="sigmoid")
    assert equal(sloped, dy * gate * (one - gate))
    for kind, f in {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}.items():
        C = guarded_product(A, B, bias=bias, activation=kind)
        np.testing.assert_allclose(C, f(z.astype(np.longdouble)), rtol=8 * np.finfo(dtype).eps)


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
