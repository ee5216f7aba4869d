"""Machine code in this process: the processor, its features, and object files made callable."""

import functools
import os
import threading
from typing import Any

import llvmlite.binding as llvm


def lock_across_forks() -> Any:
    """A lock that a fork waits for: a child begins with no work half done by a thread it has not.

    Locks that are nested must be made in the order from the inner to the outer one.
    """
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock


_lock = lock_across_forks()
_engines: list[Any] = []  # an engine owns the memory of its code: kept as long as the process


@functools.cache
def prepared() -> None:
    """LLVM knows this processor's instructions from here on."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@functools.cache
def processor() -> tuple[str, str]:
    """LLVM's name of this processor, and its features."""
    prepared()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def vector_bytes() -> int:
    """Width of the vectors that the register-tiled kernels use: 64, 32 or 16 bytes; 0 for none.

    `TINYGRAD_ED_VECTOR` = avx512, avx2, generic or plain chooses a narrower one.
    """
    features = set(processor()[1].split(","))
    best = 64 if "+avx512f" in features else 32 if {"+avx2", "+fma"} <= features else 16
    forced = os.environ.get("TINYGRAD_ED_VECTOR", "")
    widths = {"avx512": 64, "avx2": 32, "generic": 16, "plain": 0, "": best}
    if forced not in widths:
        raise ValueError(
            f"TINYGRAD_ED_VECTOR={forced!r}: one of {', '.join(k for k in widths if k)}"
        )
    if widths[forced] > best:
        raise ValueError(f"TINYGRAD_ED_VECTOR={forced!r}, but this processor has no such vectors")
    return widths[forced]


def target_machine() -> Any:
    """A compiler for this processor (a fresh one: it must not be shared between threads)."""
    name, features = processor()
    if vector_bytes() < 64 and "+avx512f" in features:
        # Narrower by wish: LLVM's own vectoriser must keep to it as well.
        features += ",-avx512f" if vector_bytes() == 32 else ",-avx512f,-avx2,-avx,-fma"
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )


def load(code: bytes, symbol: str) -> int:
    """The address of a symbol of an object file."""
    prepared()
    with _lock:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
        engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        engine.finalize_object()
        address = int(engine.get_function_address(symbol))
        _engines.append(engine)
    if address == 0:
        raise ImportError(f"the object file has no symbol {symbol}")
    return address
