"""The rungs by name; the product with its finish on any of them; a call for NumPy arrays."""

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types

from .blocked import blocked
from .finish import ACTIVATIONS, finish
from .loop_order import loop_order
from .naive import naive
from .packed import packed
from .tiled import WORK_BYTES, make_product, use_packed
from .vectors import WIDTHS, vector_bytes
from .views import CONTRACTED, INNER

__all__ = ["RUNGS", "WORK_BYTES", "multiply", "product_of", "use_packed"]

Array = np.ndarray[Any, Any]
Function = Callable[..., None]


def tiled(width: int | None = None) -> Function:
    """The top rung for vectors of `width` bytes, or of this processor's."""
    width = vector_bytes() if width is None else width
    if width == 0:
        return packed
    product = njit(**INNER)(make_product(width))

    def tiled(A, B, C, packed, work):  # type: ignore[no-untyped-def]
        product(A, B, C, C[0, :0], 0, C[:0, :0], 0, packed, work)

    return tiled


RUNGS: dict[str, Function] = {
    "naive": naive,
    "loop_order": loop_order,
    "blocked": blocked,
    "packed": packed,
    "tiled": tiled(),
}
"""Name of a rung -> function, from the ground up."""


@functools.cache
def product_of(rung: str = "tiled", width: int | None = None) -> Function:
    """The product with its finish, in Numba's dialect, on a rung.

        product(A, B, C, bias, activation, gate, gate_kind, packed, work)

    C = f(A @ B + bias) * g'(gate), where bias (N,) may be empty, `activation` is a code of
    `finish.ACTIVATIONS`, and `gate` (M, N; empty for code 0) is the value of an activation whose
    slope multiplies. Same bits as the bare product with `finish` after it.

    Args:
        rung: A key of RUNGS.
        width: Bytes in a vector, for the top rung; None for this processor's.

    Raises:
        KeyError: No such rung.
    """
    width = vector_bytes() if width is None else width
    if rung == "tiled" and width:
        return make_product(width)
    bare = njit(**CONTRACTED)(packed if rung == "tiled" else RUNGS[rung])

    def product(A, B, C, bias, activation, gate, gate_kind, packed, work):  # type: ignore[no-untyped-def]
        bare(A, B, C, packed, work)
        finish(C, bias, activation, gate, gate_kind)

    return product


@functools.cache
def compiled(rung: str, width: int, dtype: np.dtype[Any]) -> Function:
    """`product_of(rung, width)` for NumPy arrays of one number type and any strides."""
    number = getattr(types, dtype.name)
    matrix, vector = types.Array(number, 2, "A", readonly=True), types.Array(number, 1, "A", True)
    result, code = types.Array(number, 2, "A"), types.intp
    signature = types.void(matrix, matrix, result, vector, code, matrix, code, code, code)
    made: Function = njit(signature, error_model="numpy", fastmath={"contract"})(
        product_of(rung, width)
    )
    return made


class _Scratch(threading.local):
    """Scratch memory of a thread, and its first address that is a multiple of 64."""

    def __init__(self) -> None:
        self.memory = np.empty(WORK_BYTES + 64, np.uint8)
        self.address = -(-self.memory.ctypes.data // 64) * 64


_scratch = _Scratch()


@functools.cache
def _launcher(rung: str, dtype: np.dtype[Any]) -> Callable[..., bool] | None:
    """The kernel that the engine itself runs, ready to be called."""
    from ..loaded import get  # which imports this package to compile

    if rung not in RUNGS or dtype not in (np.float32, np.float64):
        return None
    return get("product" if rung == "tiled" else f"product_{rung}", dtype.name).launch


def multiply(
    A: Array,
    B: Array,
    out: Array,
    *,
    trans_a: bool = False,
    trans_b: bool = False,
    rung: str = "tiled",
    bias: Array | None = None,
    activation: str | None = None,
    gate: Array | None = None,
    gate_kind: str | None = None,
    copy: bool | None = None,
    vector: str | None = None,
) -> Array:
    """Out = f(A @ B + bias) * g'(gate) for NumPy arrays of any strides; one thread.

    Args:
        A: (M, K), or (K, M) with `trans_a`.
        B: (K, N), or (N, K) with `trans_b`.
        out: (M, N), unit column stride, apart from the others in memory.
        trans_a: Multiply by A's transpose.
        trans_b: Multiply by B's transpose.
        rung: A key of RUNGS.
        bias: (N,) or None.
        activation: A key of `finish.ACTIVATIONS`.
        gate: (M, N), the value of the activation `gate_kind`.
        gate_kind: A key of `finish.ACTIVATIONS`.
        copy: Whether the top rung packs blocks; None to choose by the shape.
        vector: A key of `vectors.WIDTHS`; None for this processor's.

    Raises:
        KeyError: No such rung, activation or vector.
        ValueError: The shapes do not agree, the arrays are not all float32 or all float64, or `out`
            has no unit column stride.
    """
    left, right = A.T if trans_a else A, B.T if trans_b else B
    (M, K), N = left.shape, right.shape[1]
    none = np.empty((0, 0), out.dtype)
    chosen = copy is not None or vector is not None or gate is not None or gate_kind is not None
    if not chosen and out.flags.c_contiguous:
        launch = _launcher(rung, out.dtype)
        if launch is not None and launch(left, right, out, bias, ACTIVATIONS[activation], None, 0):
            return out  # the kernel has compared shapes and types; else find out what does not fit
    b, y = none[0:0].reshape(0) if bias is None else bias, none if gate is None else gate
    agree = right.shape[0] == K and out.shape == (M, N)
    agree = agree and (bias is None or b.shape == (N,))
    agree = agree and (ACTIVATIONS[gate_kind] == 0 or y.shape == (M, N))
    if not agree:
        shapes = f"A {left.shape}, B {right.shape}, out {out.shape}, bias {b.shape}, gate {y.shape}"
        raise ValueError(f"the shapes do not agree: {shapes}")
    dtypes = {a.dtype for a in (left, right, out, b, y)}
    if len(dtypes) > 1 or out.dtype not in (np.float32, np.float64):
        raise ValueError(f"one of float32 and float64 is needed, given {dtypes}")
    if N > 1 and out.size and out.strides[1] != out.itemsize:
        raise ValueError(f"out needs unit column stride, its strides are {out.strides}")
    if copy is None:
        copy = use_packed(M, N, K, out.itemsize)
    width = vector_bytes() if vector is None else WIDTHS[vector]
    call = compiled(rung, width if rung == "tiled" else 0, out.dtype)
    call(
        left, right, out, b, ACTIVATIONS[activation], y, ACTIVATIONS[gate_kind], int(copy),
        _scratch.address,
    )  # fmt: skip
    return out
