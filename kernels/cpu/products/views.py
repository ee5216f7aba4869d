"""Views over memory that take their number type from a number: one text for float32 and float64.

`like` is a number of the type that is meant (an array would be counted by reference in every loop).
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

INNER: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": False,  # named, since what is left out would be taken over from the caller
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
"""How a function is compiled that only kernels call: nothing contracted, no way in from Python."""
CONTRACTED = INNER | {"fastmath": {"contract"}}
"""The same, where a multiplication and an addition may round once."""


def _line(typing, like, address, size):  # type: ignore[no-untyped-def]
    """`size` entries end to end at an address."""
    array = types.Array(like, 1, "C")

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        entry = context.get_data_type(like)
        width = context.get_constant(types.intp, context.get_abi_sizeof(entry))
        made = context.make_array(array)(context, builder)
        data = builder.inttoptr(args[1], entry.as_pointer())
        populate_array(made, data, [args[2]], [width], width, None)
        return made._getvalue()

    return array(like, types.intp, types.intp), code


def _size_of(typing, like):  # type: ignore[no-untyped-def]
    """Bytes in a number, a constant."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return context.get_constant(types.intp, like.bitwidth // 8)

    return types.intp(like), code


def _address_of(typing, array):  # type: ignore[no-untyped-def]
    """Where an array's first entry lies, as a signed integer (`array.ctypes.data` is unsigned)."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.intp))

    return types.intp(array), code


def _block(typing, array, row, rows, column, columns):  # type: ignore[no-untyped-def]
    """array[row : row + rows, column : column + columns], which must lie inside it.

    A slice would be checked and cut off at the edges, which is a lot of code to compile.
    """
    found = types.Array(array.dtype, 2, "A")

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        source = context.make_array(array)(context, builder, args[0])
        strides = cgutils.unpack_tuple(builder, source.strides)
        offset = builder.add(builder.mul(args[1], strides[0]), builder.mul(args[3], strides[1]))
        made = context.make_array(found)(context, builder)
        start = builder.gep(source.data, [offset], source_etype=ir.IntType(8))
        data = builder.bitcast(start, source.data.type)
        shape = [args[2], args[4]]
        populate_array(made, data, shape, strides, source.itemsize, None)
        return made._getvalue()

    return found(array, *[types.intp] * 4), code


def _stretch(typing, array, first, count):  # type: ignore[no-untyped-def]
    """array[first : first + count] of an array with one axis, which must lie inside it."""
    found = types.Array(array.dtype, 1, array.layout)

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        source = context.make_array(array)(context, builder, args[0])
        strides = cgutils.unpack_tuple(builder, source.strides)
        offset = builder.mul(args[1], strides[0])
        made = context.make_array(found)(context, builder)
        start = builder.gep(source.data, [offset], source_etype=ir.IntType(8))
        data = builder.bitcast(start, source.data.type)
        populate_array(made, data, [args[2]], strides, source.itemsize, None)
        return made._getvalue()

    return found(array, types.intp, types.intp), code


# As `Any`: for a type checker an intrinsic is an object that nothing can call.
line: Any = intrinsic(_line)
size_of: Any = intrinsic(_size_of)
address_of: Any = intrinsic(_address_of)
block: Any = intrinsic(_block)
stretch: Any = intrinsic(_stretch)
