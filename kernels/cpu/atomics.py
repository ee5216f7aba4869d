"""Words that several threads read and write at once.

As in `memory`, an intrinsic turns an address into one instruction. A load *acquires*: what another
thread wrote before it *released* the word is there afterwards. Changes do both.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from .memory import I64, IS_X86, intrinsic


@intrinsic
def load(typing, address):  # type: ignore[no-untyped-def]
    """The word at an address; acquires."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.load_atomic(builder.inttoptr(args[0], I64.as_pointer()), "acquire", 8)

    return types.intp(types.intp), code


@intrinsic
def store(typing, address, value):  # type: ignore[no-untyped-def]
    """Puts a word at an address; releases."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.store_atomic(args[1], builder.inttoptr(args[0], I64.as_pointer()), "release", 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), code


def _changed(operation: str) -> Any:
    """An intrinsic that changes the word at an address, and gives what it was."""

    @intrinsic
    def change(typing, address, value):  # type: ignore[no-untyped-def]
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            place = builder.inttoptr(args[0], I64.as_pointer())
            return builder.atomic_rmw(operation, place, args[1], "acq_rel")

        return types.intp(types.intp, types.intp), code

    return change


add = _changed("add")
"""`add(address, value)`: word += value; what the word was."""
exchange = _changed("xchg")
"""`exchange(address, value)`: word = value; what the word was."""
unite = _changed("or")
"""`unite(address, value)`: word |= value; what the word was."""


@intrinsic
def pause(typing):  # type: ignore[no-untyped-def]
    """Tells the processor that this is a loop that waits, where there is a way to tell it."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        if IS_X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            insert: Any = cgutils.get_or_insert_function
            builder.call(insert(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), code
