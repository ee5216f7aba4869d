"""What the kernels' tests share: calling a kernel, bounds on rounding, reading assembly."""

import ctypes
import platform
import re
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_ed.ops import reduce

Array = np.ndarray[Any, Any]

WIDE = np.longdouble
"""What formulas run in, so that a difference is the kernel's own rounding."""
SLACK = 1.05 if np.finfo(WIDE).nmant > 52 else 3.0
"""For products of roundings, which the bounds take to first order; and for the formula's own where
the machine has no wider type."""

dtypes = st.sampled_from(["float32", "float64"])
heights = st.integers(0, 40) | st.sampled_from([16, 32, 63, 64, 65])
widths = st.integers(1, 12) | st.sampled_from([16, 33])
reductions = st.sampled_from(["mean", "sum"])


def launch(name: str, dtype: Any, *operands: Any) -> bool:
    """Runs a kernel; False if it refuses what it is given."""
    from tinygrad_ed.kernels.cpu import loaded

    return bool(loaded.get(name, np.dtype(dtype).name).launch(*operands))


def enter(
    name: str, dtype: str, *operands: Any, part: int = 0, parts: int = 1, work: int | None = None
) -> int:
    """Calls a kernel's machine code as a captured program does; what it objects to.

    Args:
        name: The kernel.
        dtype: Its number type.
        operands: Arrays in C order, their (address, size), numbers; None where there is none.
        part: Which share to compute.
        parts: Of how many.
        work: The address of scratch memory; None for memory that is full of rubbish.
    """
    from tinygrad_ed.kernels.cpu import loaded
    from tinygrad_ed.kernels.operands import FIRST, ROW, WORDS

    kernel = loaded.get(name, dtype)
    row, place = np.zeros(ROW, np.int64), FIRST
    for kind, given in zip(kernel.signature.kinds, operands, strict=True):
        here = row[place : place + WORDS[kind]]
        if kind == "Real":
            here.view(np.float64)[0] = given
        elif kind == "Int":
            here[0] = given
        elif isinstance(given, np.ndarray):
            here[:2] = given.ctypes.data, given.size
        else:
            here[:2] = (0, -1) if given is None else given
        place += WORDS[kind]
    scratch = np.full(1 << 16, np.nan)
    entry = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)(kernel.entry)
    place = scratch.ctypes.data if work is None else work
    return int(entry(row.ctypes.data, part, parts, place))


def unit(dtype: Any) -> float:
    return float(np.finfo(dtype).eps) / 2


def empty(n: int, dtype: Any) -> Array:
    return np.full(n, 77, dtype)


def assert_within(got: Array, exact: Array, bound: Array) -> None:
    tiny = 4 * np.finfo(got.dtype).smallest_normal
    difference = np.abs(got.astype(WIDE) - exact)
    assert np.all(difference <= SLACK * bound + tiny), float(np.max(difference / (bound + tiny)))


def additions(n: float, dtype: Any) -> float:
    """What n additions in float64, one after the other, add to the error, in units u."""
    return n * unit(np.float64) / unit(dtype)


def scores(N: int, K: int, dtype: str, seed: int, scale: float = 4.0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, (N, K)).astype(dtype), rng.integers(0, K, N)


def special_scores(dtype: str) -> tuple[Array, Array]:
    inf, nan = np.inf, np.nan
    rows = [
        [1, 2, 3],
        [nan, 0, 0],
        [inf, 0, 0],
        [0, inf, 1],
        [-inf] * 3,
        [-inf, 1, 2],
        [0, -inf, 1],
    ]
    return np.array(rows, dtype), np.array([2, 1, 0, 0, 1, 0, 2])


def class_terms(z: Array) -> tuple[Array, Array, Array]:
    """In the wide type: p, distances d = max - z, and the relative error of p in units u.

    z - max is rounded, which moves e^(z - max) by d u of its value, exp adds 2 u, and the sum over
    the row the mean of these, its own additions and one rounding.
    """
    wide = z.astype(WIDE)
    p, d = reduce.softmax(wide), np.max(wide, axis=-1, keepdims=True) - wide
    in_sum = np.sum(p * (d + 2), axis=-1, keepdims=True) + 1 + additions(z.shape[-1], z.dtype)
    return p, d, in_sum


def loops_of(assembly: str) -> list[list[str]]:
    """The innermost loops: from a label to a jump back to it, with no other such loop inside."""
    lines = [line.strip() for line in assembly.splitlines()]
    labels = {line[:-1]: i for i, line in enumerate(lines) if re.fullmatch(r"\.L\w+:", line)}
    spans = []
    for i, line in enumerate(lines):
        jump = re.fullmatch(r"j\w+\s+(\.L\w+)", line)
        if jump and labels.get(jump[1], i) < i:
            spans.append((labels[jump[1]], i))
    inner = [a for a in spans if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in spans)]
    return [lines[low : high + 1] for low, high in inner]


def runs_as_vector_code(function: Any) -> bool:
    """Whether an innermost loop multiplies whole vectors and calls nothing."""
    assembly = next(iter(function.inspect_asm().values()))
    return any(
        any(re.match(r"v(mul|fn?m(add|sub)\d+)p[sd]\s.*%[yz]mm", line) for line in loop)
        and not any(re.match(r"call", line) for line in loop)
        for loop in loops_of(assembly)
    )


def has_avx2() -> bool:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    return bool(features.get("avx2") and features.get("fma"))
