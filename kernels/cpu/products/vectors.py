"""Vectors of the processor in LLVM's own language.

What Numba's loops leave to LLVM's vectoriser the register-tiled product says itself. A few words
are enough: a vector type, a load and a store that touch only the lanes of a mask, and `fmuladd`,
which rounds once wherever the processor can.
"""

import os
import platform
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils

I1, I8, I32, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
WIDTHS = {"avx512": 64, "avx2": 32, "generic": 16, "plain": 0}
"""Bytes in a vector, by the name that TINYGRAD_ED_VECTOR may force; 0: no vectors of our own."""


def vector_bytes() -> int:
    """Bytes in a vector of this processor, or of the width that TINYGRAD_ED_VECTOR names.

    Raises:
        ValueError: The variable names no width.
    """
    forced = os.environ.get("TINYGRAD_ED_VECTOR")
    if forced:
        if forced not in WIDTHS:
            raise ValueError(f"TINYGRAD_ED_VECTOR is {forced!r}; choose from {sorted(WIDTHS)}")
        return WIDTHS[forced]
    has = llvm.get_host_cpu_features()
    if all(has.get(f"avx512{part}", False) for part in ("f", "bw", "dq", "vl")):
        return 64
    if has.get("avx2", False) and has.get("fma", False):
        return 32
    known = platform.machine().lower() in ("x86_64", "amd64", "aarch64", "arm64")
    return 16 if known else 0


def k64(value: int) -> ir.Constant:
    """A 64-bit constant."""
    return ir.Constant(I64, value)


@dataclass
class Vectors:
    """Emits vector instructions for one number type and one width.

    Attributes:
        builder: Where the instructions go.
        number: The type of an entry, float or double.
        size: Bytes in an entry.
        lanes: Entries in a vector.
        kept_masks: Masks have registers of their own (AVX-512).
    """

    builder: Any
    number: Any
    size: int
    lanes: int
    kept_masks: bool

    def __post_init__(self) -> None:
        self.type = ir.VectorType(self.number, self.lanes)
        self.mask_type = ir.VectorType(I1, self.lanes)
        self.suffix = f"v{self.lanes}f{8 * self.size}"
        self.undefined = ir.Constant(self.type, ir.Undefined)

    def constant(self, value: float) -> Any:
        """The same number in all lanes."""
        return ir.Constant(self.type, [value] * self.lanes)

    def pointer(self, address: Any, offset: Any = 0) -> Any:
        """A pointer to a byte: a base pointer or address plus an offset in bytes."""
        base = address
        if base.type == I64:
            base = self.builder.inttoptr(base, I8.as_pointer())
        if isinstance(offset, int):
            if offset == 0:
                return base
            offset = k64(offset)
        return self.builder.gep(base, [offset], source_etype=I8)

    def _function(self, name: str, result: Any, arguments: list[Any]) -> Any:
        kind = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(self.builder.module, kind, name)

    def _typed(self, pointer: Any, kind: Any) -> Any:
        return self.builder.bitcast(pointer, kind.as_pointer())

    def load(self, pointer: Any, mask: Any = None) -> Any:
        """A vector; lanes outside the mask are not read and give 0."""
        there = self._typed(pointer, self.type)
        if mask is None:
            return self.builder.load(there, align=self.size)
        kind = [self.type.as_pointer(), I32, self.mask_type, self.type]
        read = self._function(f"llvm.masked.load.{self.suffix}.p0", self.type, kind)
        align = ir.Constant(I32, self.size)
        return self.builder.call(read, [there, align, mask, self.constant(0.0)])

    def store(self, vector: Any, pointer: Any, mask: Any = None) -> None:
        """Writes a vector; lanes outside the mask are left alone."""
        there = self._typed(pointer, self.type)
        if mask is None:
            self.builder.store(vector, there, align=self.size)
            return
        kind = [self.type, self.type.as_pointer(), I32, self.mask_type]
        write = self._function(f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), kind)
        self.builder.call(write, [vector, there, ir.Constant(I32, self.size), mask])

    def everywhere(self, pointer: Any) -> Any:
        """One number of memory in all lanes."""
        value = self.builder.load(self._typed(pointer, self.number), align=self.size)
        first = self.builder.insert_element(self.undefined, value, ir.Constant(I32, 0))
        return self.shuffle(first, self.undefined, [0] * self.lanes)

    def shuffle(self, a: Any, b: Any, lanes: list[int]) -> Any:
        """A vector of chosen lanes of a (0, 1, ...) and b (lanes, lanes + 1, ...)."""
        chosen = ir.Constant(ir.VectorType(I32, len(lanes)), lanes)
        return self.builder.shuffle_vector(a, b, chosen)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """A b + c, rounded once where the processor can."""
        fused = self._function(f"llvm.fmuladd.{self.suffix}", self.type, [self.type] * 3)
        return self.builder.call(fused, [a, b, c])

    def fetch(self, pointer: Any) -> None:
        """Asks for two cache lines early; any address is allowed."""
        kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
        ask = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        for line in range(2):
            there = self.builder.gep(pointer, [k64(64 * line)], source_etype=I8)
            to_write, near, data = (ir.Constant(I32, flag) for flag in (1, 3, 1))
            self.builder.call(ask, [there, to_write, near, data])

    def hidden(self, value: Any) -> Any:
        """The same 64-bit number, its origin hidden from the optimiser.

        So that it stays in a register: LLVM would rather compute it again in every round of a loop.
        """
        keep = ir.InlineAsm(ir.FunctionType(I64, [I64]), "", "=r,0", side_effect=False)
        return self.builder.call(keep, [value])

    def mask(self, count: Any) -> Any:
        """True in the first `count` lanes (a 64-bit number that fits in 32)."""
        kind = ir.VectorType(I32, self.lanes)
        empty = ir.Constant(kind, ir.Undefined)
        narrow = self.builder.trunc(count, I32)
        first = self.builder.insert_element(empty, narrow, ir.Constant(I32, 0))
        zeros = ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        counts = self.builder.shuffle_vector(first, empty, zeros)
        numbers = ir.Constant(kind, list(range(self.lanes)))
        found = self.builder.icmp_signed("<", numbers, counts)
        if not self.kept_masks:
            return found
        bits = ir.IntType(self.lanes)
        kept = self.hidden(self.builder.zext(self.builder.bitcast(found, bits), I64))
        return self.builder.bitcast(self.builder.trunc(kept, bits), self.mask_type)


def vectors_for(builder: Any, number: Any, width: int) -> Vectors:
    """The emitter for a Numba number type; `width` bytes in a vector, 0 for one entry."""
    size = number.bitwidth // 8
    kind = ir.FloatType() if size == 4 else ir.DoubleType()
    return Vectors(builder, kind, size, max(1, width // size), width == 64)
