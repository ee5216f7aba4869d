"""What this machine can do at most: vector multiply-adds per second, and bytes per second.

Both are loops of LLVM's vector instructions in the widest vector of this processor. The compiler's
optimisation passes are never run on them: the text is what is executed.
"""

import ctypes
import functools
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .loading import prepared, processor

LLVM_NAME = {"float32": "float", "float64": "double"}
BATCH = 100_000
"""Rounds of the multiply-add loop in one call."""
LINE = 64
STREAMS = 8
"""Vectors that one round of the reading loop takes."""


@functools.cache
def features() -> frozenset[str]:
    """What this processor has, by LLVM's names."""
    return frozenset(name[1:] for name in processor()[1].split(",") if name.startswith("+"))


def widest() -> int:
    """Bytes in the widest vector register: 64 (AVX-512), 32 (AVX) or 16.

    The processor's own, whatever `TINYGRAD_ED_VECTOR` tells the kernels to use.
    """
    return 64 if "avx512f" in features() else 32 if "avx" in features() else 16


def machine_code(text: str, name: str) -> tuple[Any, int]:
    """The function of that name as machine code: what keeps it alive, and its address."""
    from llvmlite import binding

    prepared()
    cpu, flags = processor()
    target = binding.Target.from_default_triple()
    machine = target.create_target_machine(cpu=cpu, features=flags, opt=3)
    module = binding.parse_assembly(text)
    module.verify()
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine, engine.get_function_address(name)


def attributes() -> str:
    """Without these LLVM splits 64-byte vectors on processors where it prefers narrower ones."""
    bits = 8 * widest()
    return f'nounwind "min-legal-vector-width"="{bits}" "prefer-vector-width"="{bits}"'


def fma_text(dtype: str) -> tuple[str, int]:
    """A loop of independent multiply-adds a <- a b + c, and the flops of one round.

    Independent, because a multiply-add takes several cycles while one or two start in each: there
    must be at least as many chains as are under way, and as many as fit the registers.
    """
    number = LLVM_NAME[dtype]
    lanes = widest() // np.dtype(dtype).itemsize
    x86 = "sse2" in features()
    chains = 12 if x86 and widest() < 64 else 16  # of 16 or 32 registers; b and c need two
    vector = f"<{lanes} x {number}>"
    fused = not x86 or "fma" in features()

    def splat(name: str, value: str) -> str:
        return (
            f"  %{name}.0 = insertelement {vector} poison, {number} {value}, i32 0\n"
            f"  %{name} = shufflevector {vector} %{name}.0, {vector} poison, "
            f"<{lanes} x i32> zeroinitializer\n"
        )

    def grow(k: int) -> str:
        if fused:
            call = f"call {vector} @llvm.fma.v{lanes}f{8 * np.dtype(dtype).itemsize}"
            return f"  %r{k} = {call}({vector} %a{k}, {vector} %b, {vector} %c)\n"
        return (
            f"  %p{k} = fmul {vector} %a{k}, %b\n"
            f"  %r{k} = fadd {vector} %p{k}, %c\n"
        )  # fmt: skip

    starts = "".join(f"  %s{k} = fadd {vector} %c, %{'c' if k == 0 else f's{k - 1}'}\n"
                     for k in range(chains))  # fmt: skip
    total = "".join(
        f"  %t{k} = fadd {vector} %r{k}, %{'b' if k == 0 else f't{k - 1}'}\n" for k in range(chains)
    )
    text = f"""
declare {vector} @llvm.fma.v{lanes}f{8 * np.dtype(dtype).itemsize}({vector}, {vector}, {vector})
define {number} @run(i64 %n, {number} %factor, {number} %term) {attributes()} {{
entry:
{splat("b", "%factor")}{splat("c", "%term")}{starts}  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{
        "".join(
            f"  %a{k} = phi {vector} [ %s{k}, %entry ], [ %r{k}, %loop ]{chr(10)}"
            for k in range(chains)
        )
    }{"".join(map(grow, range(chains)))}  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
{total}  %one = extractelement {vector} %t{chains - 1}, i32 0
  ret {number} %one
}}
"""
    return text, 2 * lanes * chains


def read_text() -> str:
    """A loop that reads STREAMS vectors a round, front to back, again and again."""
    lanes = widest() // 8
    vector = f"<{lanes} x i64>"
    several = range(STREAMS)
    phis = "".join(f"  %a{k} = phi {vector} [ %o{k}, %again ], [ %r{k}, %loop ]\n" for k in several)
    carried = "".join(
        f"  %o{k} = phi {vector} [ zeroinitializer, %entry ], [ %r{k}, %next_pass ]\n"
        for k in several
    )
    loads = "".join(
        f"  %p{k} = getelementptr {vector}, ptr %at, i64 {k}\n"
        f"  %v{k} = load {vector}, ptr %p{k}, align {widest()}\n"
        f"  %r{k} = xor {vector} %a{k}, %v{k}\n"
        for k in several
    )
    total = "".join(
        f"  %t{k} = xor {vector} %r{k}, {f'%t{k - 1}' if k else 'zeroinitializer'}\n"
        for k in several
    )
    return f"""
define i64 @run(i64 %address, i64 %rounds, i64 %passes) {attributes()} {{
entry:
  %start = inttoptr i64 %address to ptr
  br label %again
again:
  %pass = phi i64 [ 0, %entry ], [ %pass.next, %next_pass ]
{carried}  br label %loop
loop:
  %i = phi i64 [ 0, %again ], [ %next, %loop ]
  %at = phi ptr [ %start, %again ], [ %at.next, %loop ]
{phis}{loads}  %at.next = getelementptr {vector}, ptr %at, i64 {STREAMS}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %rounds
  br i1 %more, label %loop, label %next_pass
next_pass:
  %pass.next = add i64 %pass, 1
  %on = icmp slt i64 %pass.next, %passes
  br i1 %on, label %again, label %done
done:
{total}  %one = extractelement {vector} %t{STREAMS - 1}, i32 0
  ret i64 %one
}}
"""


@functools.cache
def fma_loop(dtype: str) -> tuple[Callable[[], object], int, Any]:
    """A call of the multiply-add loop, the flops of it, and what must stay alive."""
    text, flops = fma_text(dtype)
    engine, address = machine_code(text, "run")
    number = {"float32": ctypes.c_float, "float64": ctypes.c_double}[dtype]
    run = ctypes.CFUNCTYPE(number, ctypes.c_int64, number, number)(address)
    # a <- 0.999999 a + 1e-7 tends to 0.1: no overflow, no denormals.
    return (lambda: run(BATCH, 0.999999, 1e-7)), BATCH * flops, engine


@functools.cache
def read_loop() -> tuple[Callable[[int, int, int], object], Any]:
    """The reading loop as a call of (address, rounds, passes), and what must stay alive."""
    engine, address = machine_code(read_text(), "run")
    return ctypes.CFUNCTYPE(ctypes.c_int64, *(3 * [ctypes.c_int64]))(address), engine


def best_rate(calls: Sequence[Callable[[], object]], work: float, seconds: float) -> float:
    """Work per second of the fastest of several short runs, each thread with its own call.

    The fastest, because this is a ceiling: whatever disturbs a run only slows it. A call must let
    other threads run meanwhile, as every call through ctypes does.
    """
    best = 0.0
    end = time.perf_counter() + seconds
    while True:
        gate = threading.Barrier(len(calls) + 1)

        def when_all_are_ready(call: Callable[[], object], gate: threading.Barrier = gate) -> None:
            gate.wait()
            call()

        threads = [threading.Thread(target=when_all_are_ready, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        gate.wait()
        start = time.perf_counter()
        for thread in threads:
            thread.join()
        now = time.perf_counter()
        best = max(best, len(calls) * work / (now - start))
        if now >= end:
            return best


def fma_peak(dtype: str = "float32", threads: int = 1, seconds: float = 0.2) -> float:
    """Floating-point operations per second of vector multiply-adds; each counts for two.

    Args:
        dtype: "float32" or "float64".
        threads: How many do it at once.
        seconds: How long to try for.
    """
    call, flops, _ = fma_loop(dtype)
    return best_rate([lambda: [call() for _ in range(10)]] * threads, 10 * flops, seconds)


def bandwidth(size: int, threads: int = 1, seconds: float = 0.2) -> float:
    """Bytes per second of reading so many bytes again and again; each thread reads its own.

    Args:
        size: Bytes of the working set of each thread.
        threads: How many read at once.
        seconds: How long to try for.
    """
    call, _ = read_loop()
    each_round = STREAMS * widest()
    rounds = max(1, size // each_round)
    passes = max(1, 2**26 // (rounds * each_round))
    rooms = [np.ones(rounds * each_round + LINE, np.uint8) for _ in range(threads)]

    def reading(room: NDArray[np.uint8]) -> Callable[[], object]:
        start = -(-room.ctypes.data // LINE) * LINE
        return lambda: call(start, rounds, passes)

    return best_rate([reading(room) for room in rooms], rounds * each_round * passes, seconds)


def cache_sizes() -> dict[str, int]:
    """Bytes of the first core's data caches by level ("L1", "L2", …); guesses where unknown."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = (
            (index / name).read_text(encoding="ascii").strip() for name in ("type", "level", "size")
        )
        if kind != "Instruction" and size.endswith("K"):
            found[f"L{level}"] = 1024 * int(size[:-1])
    return found or {"L1": 32 * 2**10, "L2": 2**20, "L3": 16 * 2**20}


def bandwidths(threads: int = 1, seconds: float = 0.2) -> dict[str, float]:
    """Bytes per second from each cache (a working set of half its size) and from memory."""
    sizes = cache_sizes()
    levels = {name: size // 2 for name, size in sizes.items()}
    levels["memory"] = min(8 * max(sizes.values()), 2**29) // threads
    return {name: bandwidth(size, threads, seconds) for name, size in levels.items()}
