"""The machine code of a kernel as text, and what its innermost loop is made of.

A kernel's speed is decided in one loop. How many multiply-adds it does, on vectors of which width,
with how many loads, and whether the compiler ran out of registers: these are facts of the text, the
same on every run, while times are not.

The counts are for x86-64; elsewhere the loop is found and shown, and nothing is counted.
"""

import importlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..operands import Int, Matrix, MatrixOut, Work, signature_of
from . import loaded
from .loading import target_machine

WIDTHS = {"zmm": 64, "ymm": 32, "xmm": 16}
"""Bytes in a vector register of x86-64."""

_LABEL = re.compile(r"^([.\w$]+):")
_JUMP = re.compile(r"^\s+(?:j\w+|b|b\.\w+|cbn?z|tbn?z)\s+(?:.*[\s,])?([.\w$]+)$")
_FUSED = re.compile(r"vfn?m(?:add|sub)(?:132|213|231)([ps])[sd]$")
_ANY_FUSED = re.compile(r"\s+(?:fml[as]|fn?m(?:add|sub))\s")
"""The same on AArch64."""
_REGISTER = re.compile(r"%([xyz]mm)(\d+)")
_MEMORY = re.compile(r"[^\s,(]*\(([^)]*)\)")
_MASK = re.compile(r"(?:\s*\{[^}]*\})+$")
_UNTOUCHED = ("lea", "prefetch", "nop")
"""What takes an address and leaves the memory there alone."""
_ONLY_LOOK = ("cmp", "test", "bt", "call", "jmp", "push", "mul", "div", "imul", "idiv")
"""What may have memory as its last operand and does not write it."""
_CHANGE = (
    "add",
    "adc",
    "sub",
    "sbb",
    "and",
    "or",
    "xor",
    "inc",
    "dec",
    "neg",
    "not",
    "sh",
    "sa",
    "ro",
)
"""What reads the memory that it writes."""


@dataclass(frozen=True)
class Counts:
    """What one round of a loop does (x86-64).

    Attributes:
        multiply_adds: Fused multiply-adds of whole vectors.
        single_multiply_adds: The same of single numbers.
        width: Bytes of the widest vector among them; 0 if there are none.
        vectors: Instructions on vector registers, those on a single number included.
        loads: Instructions that read memory, the stack included.
        broadcasts: Those of them that put one number into all lanes.
        stores: Instructions that write memory, the stack included.
        spills: Stores to the stack: there were too few registers.
        reloads: Loads from the stack.
        registers: Vector registers in use.
    """

    multiply_adds: int
    single_multiply_adds: int
    width: int
    vectors: int
    loads: int
    broadcasts: int
    stores: int
    spills: int
    reloads: int
    registers: int


@dataclass(frozen=True)
class Loop:
    """A loop without a loop inside.

    Attributes:
        lines: Its instructions, from its label to the jump back.
        counts: What they are; None on another processor than x86-64.
    """

    lines: tuple[str, ...]
    counts: Counts | None

    @property
    def rank(self) -> tuple[int, int, int]:
        """How much it looks like the loop that matters; tuples compare from the left.

        Of two with as many multiply-adds, the one that has less beside them.
        """
        if self.counts is None:
            return 0, sum(bool(_ANY_FUSED.match(line)) for line in self.lines), -len(self.lines)
        c = self.counts
        fused = c.multiply_adds + c.single_multiply_adds
        return c.multiply_adds, fused, -len(self.lines) if fused else c.vectors


def assembly_of(name: str, dtype: str) -> str:
    """The machine code that a kernel of `loaded.FILES` becomes on this processor, as text.

    Args:
        name: The kernel.
        dtype: Its number type, "float32" or "float64".

    Raises:
        KeyError: There is no such kernel.
        ImportError: Numba is missing.
    """
    file = importlib.import_module(f".{loaded.FILES[name]}", __package__)
    return _assembly(getattr(file, name), dtype)


def assembly_of_rung(rung: str, dtype: str) -> str:
    """The machine code of a rung of the product alone, without bias and activation.

    These are loops of their own, with multiply-adds of their own, which would hide those of a slow
    rung.

    Args:
        rung: A key of `products.RUNGS`.
        dtype: "float32" or "float64".

    Raises:
        KeyError: There is no such rung.
        ImportError: Numba is missing.
    """
    from numba import njit

    from .compiling import FLAGS, kernel
    from .products import RUNGS

    bare = njit(error_model="numpy", fastmath=FLAGS)(RUNGS[rung])

    def product(A: Matrix, B: Matrix, C: MatrixOut, packed: Int, work: Work) -> None:
        bare(A, B, C, packed, work)

    return _assembly(kernel(product), dtype)


def _assembly(function: Any, dtype: str) -> str:
    from .compiling import intermediate, optimised

    module = optimised(*intermediate(function, signature_of(function, dtype)))
    text: str = target_machine().emit_assembly(module)
    return text


def main_loop(text: str) -> Loop | None:
    """The inner loop with the most vector multiply-adds, else with the most multiply-adds at all,
    else with the most vector code; None if there is no loop.
    """
    return max(inner_loops(text), key=lambda loop: loop.rank, default=None)


def inner_loops(text: str) -> list[Loop]:
    """All loops without a loop inside: from a label to the last jump back to it."""
    lines, x86 = text.splitlines(), "%r" in text
    comment = "#" if x86 else "//|;"  # elsewhere # is before a number
    labels = {m.group(1): k for k, line in enumerate(lines) if (m := _LABEL.match(line))}
    ends: dict[int, int] = {}
    for k, line in enumerate(lines):
        jump = _JUMP.match(_instruction(line, comment))
        start = labels.get(jump.group(1), k + 1) if jump else k + 1
        if start <= k:
            ends[start] = k
    frame = any(re.match(r"\s+movq\s+%rsp, %rbp$", line) for line in lines)
    stack = ("%rsp", "%rbp") if frame else ("%rsp",)
    found = []
    for start, end in ends.items():
        if any(start <= a and b <= end and (a, b) != (start, end) for a, b in ends.items()):
            continue
        body = (_instruction(line, comment) for line in lines[start : end + 1])
        instructions = tuple(line for line in body if line)
        found.append(Loop(instructions, _counts(instructions, stack) if x86 else None))
    return found


def _instruction(line: str, comment: str) -> str:
    """An instruction or a label without its comment; "" for comments and directives."""
    line = re.split(rf"\s*(?:{comment})", line)[0].rstrip()
    return "" if re.match(r"\s+\.", line) else line


def _counts(lines: tuple[str, ...], stack: tuple[str, ...]) -> Counts:
    """See `Counts`; in this syntax the last operand is what is written."""
    tally: Counter[str] = Counter()
    width, registers = 0, set[str]()
    for line in lines:
        if _LABEL.match(line):
            continue
        operation, _, operands = line.strip().partition("\t")
        used = _REGISTER.findall(operands)
        registers |= {number for _, number in used}
        tally["vectors"] += bool(used)
        fused = _FUSED.match(operation)
        tally["single_multiply_adds"] += fused is not None and fused.group(1) == "s"
        if fused is not None and fused.group(1) == "p":
            tally["multiply_adds"] += 1
            width = max(width, *(WIDTHS[kind] for kind, _ in used))
        memory = _MEMORY.search(operands)
        if memory is None or operation.startswith(_UNTOUCHED):
            continue
        on_stack = memory.group(1).startswith(stack)
        last = _MASK.sub("", operands).endswith(memory.group())
        written = last and not operation.startswith(_ONLY_LOOK)
        if written:
            tally["stores"] += 1
            tally["spills"] += on_stack
        if not written or operation.startswith(_CHANGE):
            tally["loads"] += 1
            tally["reloads"] += on_stack
            tally["broadcasts"] += "broadcast" in operation or "{1to" in operands
    return Counts(
        tally["multiply_adds"],
        tally["single_multiply_adds"],
        width,
        tally["vectors"],
        tally["loads"],
        tally["broadcasts"],
        tally["stores"],
        tally["spills"],
        tally["reloads"],
        len(registers),
    )
