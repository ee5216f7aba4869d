"""Memory as a kernel sees it: words at an address, and array views over them.

A kernel is called with addresses, not with Python objects. These few intrinsics turn an address
into what Numba code can work with; they compile to nothing but the loads and stores themselves.
"""

import functools
import platform
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.np.arrayobj import populate_array

I64 = ir.IntType(64)
intrinsic: Any = extending.intrinsic
"""Numba's decorator; for a type checker, what it makes could not be called."""
IS_X86 = platform.machine().lower() in ("x86_64", "amd64")


@functools.cache
def flat_view(number: Any) -> Any:
    """`view(address, size)`: entries of one Numba type, end to end."""
    array = types.Array(number, 1, "C")

    @intrinsic
    def view(typing, address, size):  # type: ignore[no-untyped-def]
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            entry = context.get_data_type(number)
            width = context.get_constant(types.intp, context.get_abi_sizeof(entry))
            made = context.make_array(array)(context, builder)
            data = builder.inttoptr(args[0], entry.as_pointer())
            populate_array(made, data, [args[1]], [width], width, None)
            return made._getvalue()

        return array(types.intp, types.intp), code

    return view


@intrinsic
def line(typing, like, address, size):  # type: ignore[no-untyped-def]
    """So many entries end to end at an address, of the number type of an array."""
    array = types.Array(like.dtype, 1, "C")

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        entry = context.get_data_type(like.dtype)
        width = context.get_constant(types.intp, context.get_abi_sizeof(entry))
        made = context.make_array(array)(context, builder)
        data = builder.inttoptr(args[1], entry.as_pointer())
        populate_array(made, data, [args[2]], [width], width, None)
        return made._getvalue()

    return array(like, types.intp, types.intp), code


@functools.cache
def matrix_view(number: Any) -> Any:
    """`view(address, rows, columns, row_stride, column_stride)`; strides in entries, any sign."""
    array = types.Array(number, 2, "A")

    @intrinsic
    def view(typing, address, rows, columns, row_stride, column_stride):  # type: ignore[no-untyped-def]
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            entry = context.get_data_type(number)
            width = context.get_constant(types.intp, context.get_abi_sizeof(entry))
            made = context.make_array(array)(context, builder)
            data = builder.inttoptr(args[0], entry.as_pointer())
            strides = [builder.mul(args[3], width), builder.mul(args[4], width)]
            populate_array(made, data, list(args[1:3]), strides, width, None)
            return made._getvalue()

        return array(*[types.intp] * 5), code

    return view


@intrinsic
def word(typing, address):  # type: ignore[no-untyped-def]
    """The 64-bit integer at an address."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.load(builder.inttoptr(args[0], I64.as_pointer()))

    return types.intp(types.intp), code


@intrinsic
def half_word(typing, address):  # type: ignore[no-untyped-def]
    """The 32-bit integer at an address."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        found = builder.load(builder.inttoptr(args[0], ir.IntType(32).as_pointer()))
        return builder.sext(found, I64)

    return types.intp(types.intp), code


@intrinsic
def byte(typing, address):  # type: ignore[no-untyped-def]
    """The byte at an address, 0 to 255."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        found = builder.load(builder.inttoptr(args[0], ir.IntType(8).as_pointer()))
        return builder.zext(found, I64)

    return types.intp(types.intp), code


@intrinsic
def put_word(typing, address, value):  # type: ignore[no-untyped-def]
    """Stores a 64-bit integer."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.store(args[1], builder.inttoptr(args[0], I64.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), code


@intrinsic
def real_word(typing, address):  # type: ignore[no-untyped-def]
    """The float64 at an address."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.load(builder.inttoptr(args[0], ir.DoubleType().as_pointer()))

    return types.float64(types.intp), code


@intrinsic
def single_word(typing, address):  # type: ignore[no-untyped-def]
    """The float32 at an address, as a float64."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        found = builder.load(builder.inttoptr(args[0], ir.FloatType().as_pointer()))
        return builder.fpext(found, ir.DoubleType())

    return types.float64(types.intp), code


@intrinsic
def put_real(typing, address, value):  # type: ignore[no-untyped-def]
    """Stores a float64."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.store(args[1], builder.inttoptr(args[0], ir.DoubleType().as_pointer()))
        return context.get_dummy_value()

    return types.void(types.intp, types.float64), code


@intrinsic(prefer_literal=True)
def stack(typing, words):  # type: ignore[no-untyped-def]
    """The address of so many words (a literal) on the stack, for as long as the caller runs."""
    count = words.literal_value

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        found = cgutils.alloca_once(builder, ir.ArrayType(I64, count))
        return builder.ptrtoint(found, I64)

    return types.intp(words), code


def _caller(result: Any, arguments: int) -> Any:
    """An intrinsic that calls the C function at an address with integer arguments."""

    @intrinsic
    def call(typing, function, a, b, c, d):  # type: ignore[no-untyped-def]
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            kind = context.get_value_type(result) if result is not types.void else ir.VoidType()
            of = ir.FunctionType(kind, [I64] * arguments)
            found = builder.call(
                builder.inttoptr(args[0], of.as_pointer()), list(args[1 : 1 + arguments])
            )
            return context.get_dummy_value() if result is types.void else found

        return result(*[types.intp] * 5), code

    return call


call_kernel = _caller(types.intp, 4)
"""`call_kernel(entry, row, part, parts, work)`: 0, or what the kernel objects to."""
call_for_word = _caller(types.intp, 1)
"""`call_for_word(function, a, 0, 0, 0)`: a C function from a word to a word."""
call_for_real = _caller(types.float64, 1)
"""`call_for_real(function, a, 0, 0, 0)`: a C function from a word to a double."""

FLUSH = 0x8040
"""Bits of the x86 control register: results that underflow, and operands that did, count as 0."""


@intrinsic
def flush_denormals(typing):  # type: ignore[no-untyped-def]
    """Numbers below the normal range count as 0 from here on; returns what was set before.

    Dead ReLU units drive Adam's moments there, and arithmetic on them is many times slower. Only
    kernels run between this and `restore`: the user's own code never sees the change.
    """

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        if not IS_X86:
            return ir.Constant(I64, 0)
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
        save = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse.stmxcsr")
        load = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse.ldmxcsr")
        cell = cgutils.alloca_once(builder, ir.IntType(32))
        there = builder.bitcast(cell, ir.IntType(8).as_pointer())
        builder.call(save, [there])
        before = builder.load(cell)
        builder.store(builder.or_(before, ir.Constant(ir.IntType(32), FLUSH)), cell)
        builder.call(load, [there])
        return builder.zext(before, I64)

    return types.intp(), code


@intrinsic
def restore(typing, before):  # type: ignore[no-untyped-def]
    """Undoes `flush_denormals`."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        if IS_X86:
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
            load = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse.ldmxcsr")
            cell = cgutils.alloca_once(builder, ir.IntType(32))
            builder.store(builder.trunc(args[0], ir.IntType(32)), cell)
            builder.call(load, [builder.bitcast(cell, ir.IntType(8).as_pointer())])
        return context.get_dummy_value()

    return types.void(types.intp), code
