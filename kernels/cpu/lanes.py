"""Sums and rows in sixteen lanes: how a reduction becomes vector code without being reordered.

The compiler may not reorder a sum, so `total += x[i]` stays one addition after the other. Here the
order is written down instead: entry i goes into lane i mod 16, each lane is a float64, and the
lanes are folded in halves at the end. Sixteen additions then run side by side, and the result
depends on nothing but the entries: not on the vector width, a thread count or what is fused around.

A sum of n entries differs from the exact one by at most γ_m Σ|x| of float64 with m = n / 16 + 5,
and one rounding to the type of the entries.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.np import arrayobj

from .polynomials import EXACT, intrinsic
from .products.views import stretch

LANES = 16

populate_array: Any = arrayobj.populate_array


@intrinsic
def lanes(typing_context, kind):  # type: ignore[no-untyped-def]
    """Sixteen numbers of a type (`np.float64`, `x.dtype`) on the stack of the function around it.

    The compiler sees that nothing else points there, and keeps them in registers.
    """
    array: Any = types.Array(kind.dtype, 1, "C")

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        entry = context.get_data_type(kind.dtype)
        with builder.goto_entry_block():
            place = builder.alloca(ir.ArrayType(entry, LANES))
        data = builder.bitcast(place, entry.as_pointer())
        size = context.get_constant(types.intp, LANES)
        width = context.get_constant(types.intp, context.get_abi_sizeof(entry))
        made = context.make_array(array)(context, builder)
        populate_array(made, data, [size], [width], width, None)
        return made._getvalue()

    return array(kind), generate


def _vector_of(context: Any, builder: Any, kind: Any, array: Any) -> tuple[Any, Any]:
    """The place of an array's first sixteen numbers, and the numbers as one vector."""
    vector = ir.VectorType(context.get_data_type(kind.dtype), LANES)
    data = context.make_array(kind)(context, builder, array).data
    place = builder.bitcast(data, vector.as_pointer())
    return place, builder.load(place, align=kind.dtype.bitwidth // 8)


def _lanewise(combine: Callable[[Any, Any, Any], Any]) -> Any:
    """`apply(x, y)`: x = combine(x, y) for the first sixteen numbers of two arrays, as one vector.

    Numbers of y may be narrower than those of x. Said in LLVM's own language, because it takes a
    loop of so few and so short steps apart into sixteen single ones.
    """

    @intrinsic
    def apply(typing_context, x, y):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
            target, a = _vector_of(context, builder, x, operands[0])
            _, b = _vector_of(context, builder, y, operands[1])
            if a.type != b.type:
                b = builder.fpext(b, a.type)
            builder.store(combine(builder, a, b), target, align=x.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(x, y), generate

    return apply


def _larger(builder: Any, a: Any, b: Any) -> Any:
    replaced = builder.or_(
        builder.fcmp_ordered("<", a, b),
        builder.fcmp_unordered("uno", b, b),  # b is NaN
    )
    return builder.select(replaced, b, a)


add_to = _lanewise(lambda builder, a, b: builder.fadd(a, b))
"""`add_to(x, y)`: x = x + y, lane by lane."""
take_from = _lanewise(lambda builder, a, b: builder.fsub(a, b))
"""`take_from(x, y)`: x = x - y, lane by lane."""
divide_by = _lanewise(lambda builder, a, b: builder.fdiv(a, b))
"""`divide_by(x, y)`: x = x / y, lane by lane."""
raise_to = _lanewise(_larger)
"""`raise_to(x, y)`: x = the larger of x and y, lane by lane; NaN if either is."""


@intrinsic
def clear(typing_context, x):  # type: ignore[no-untyped-def]
    """All lanes 0."""

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        place, found = _vector_of(context, builder, x, operands[0])
        builder.store(ir.Constant(found.type, None), place, align=x.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(x), generate


@njit(**EXACT)
def accumulate(sums, x):  # type: ignore[no-untyped-def]
    """Adds x[i] to lane i mod 16."""
    whole = x.size // LANES * LANES
    for i in range(0, whole, LANES):
        add_to(sums, stretch(x, i, LANES))
    rest = stretch(x, whole, x.size - whole)
    for lane in range(rest.size):
        sums[lane] += np.float64(rest[lane])


@intrinsic
def folded(typing_context, sums):  # type: ignore[no-untyped-def]
    """The sum of the lanes: each half onto the other, down to one."""

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        _, found = _vector_of(context, builder, sums, operands[0])
        half = LANES // 2
        while half:
            kind = ir.VectorType(ir.IntType(32), half)
            low, high = (
                builder.shuffle_vector(found, found, ir.Constant(kind, list(range(k, k + half))))
                for k in (0, half)
            )
            found, half = builder.fadd(low, high), half // 2
        return builder.extract_element(found, ir.IntType(32)(0))

    return sums.dtype(sums), generate


@njit(**EXACT)
def total(x):  # type: ignore[no-untyped-def]
    """Σ x of a flat array, as a float64."""
    sums = lanes(np.float64)
    clear(sums)
    accumulate(sums, x)
    return folded(sums)
