"""`tinygrad-ed xray`: what a CUDA kernel asks of memory, by line, on the network just trained."""

import argparse
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .cli_xray_operands import DRAWN, SIDE, Operands, matrix_operands, product_operands
from .errors import DeviceError
from .train.options import at_least

if TYPE_CHECKING:
    from .kernels.cuda.xray import Line, Xray

MOST = 1 << 24
"""Multiply-adds, or entries, that are simulated in a time that one waits for."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    add("kernel", metavar="NAME", help="matmul, another kernel, or list for all that there are")
    add("--rung", metavar="R", help="of matmul: which rung (default: the one that the engine uses)")
    add(
        "--product",
        metavar="P",
        help="of matmul: which one of a training step, Z1, dW2, dZ1, … (default: Z1)",
    )
    for size, of in (
        ("M", "rows of random numbers in place of the network's"),
        ("K", "of matmul: columns of A and rows of B"),
        ("N", "columns"),
    ):
        add(f"--{size}", type=at_least(1), metavar=size, help=of)
    add("--dtype", choices=("float32", "float64"), default="float32", help="default: float32")
    add("--line", type=at_least(1), metavar="L", help="only this line of the kernel's file")


def run(arguments: argparse.Namespace) -> int:
    """Launches the kernel on the simulator and prints what was counted."""
    if arguments.kernel == "list":
        print("\n".join(listed()))
        return 0
    name, rung = chosen(arguments.kernel, arguments.rung)
    check_options(arguments, bool(rung))
    from .kernels import sim
    from .kernels.cuda.xray import xray

    cause = sim.why_unusable()
    if cause is not None:
        raise DeviceError(f"the kernel is run by the CPU, as a C++ program, but {cause}")
    dtype = arguments.dtype
    if rung:
        sizes = arguments.M, arguments.K, arguments.N
        what, operands = product_operands(arguments.product, sizes, dtype)
    else:
        what, operands = matrix_operands(name, (arguments.M, arguments.N), dtype)
    title = f"matmul, rung {rung}" if rung else name
    shown = sys.stderr is not None and sys.stderr.isatty()
    if shown:
        print(f"compiling and simulating {title} …", end="", file=sys.stderr, flush=True)
    try:
        found = xray(name, "uint8" if name == "gather" else dtype, operands)
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    lines = chosen_lines(found, arguments.line)
    print(f"{title} ({dtype}): {what}")
    print("\n".join(report(found, lines)))
    if arguments.line is None:
        print("\n".join(conclusion(found, rung, operands)))
    return 0


# --- what is asked for ----------------------------------------------------------------------------


def listed() -> list[str]:
    """Every kernel with its formula; the rungs of matmul."""
    from .kernels.cuda.declared import KERNELS
    from .kernels.cuda.ladder import RUNGS
    from .kernels.cuda.xray import header

    lines = [f"{'matmul':<24} C = f(A B + b), on one of these rungs:"]
    for rung in RUNGS.values():
        about = header(rung.file)[""].partition(": ")[2]
        lines.append(f"  {'--rung ' + rung.rung:<22} {about}")
    for name in DRAWN:
        lines.append(f"{name:<24} {(KERNELS[name].head.__doc__ or '').splitlines()[0]}")
    return lines


def chosen(kernel: str, rung: str | None) -> tuple[str, str]:
    """The kernel's name in the library and the rung; "" for one without rungs.

    Raises:
        ValueError: There is no such kernel or rung; those that there are, are listed.
    """
    from .kernels.cuda.ladder import RUNGS, TOP

    if kernel == "matmul":
        if rung is not None and rung not in RUNGS:
            raise ValueError(f"matmul has no rung {rung!r}; its rungs are {', '.join(RUNGS)}")
        return f"product_{rung or TOP}", rung or TOP
    if kernel not in DRAWN:
        raise ValueError(f"there is no kernel {kernel!r}; one of matmul, {', '.join(DRAWN)}")
    if rung is not None:
        raise ValueError(f"--rung belongs to matmul; {kernel} has no rungs")
    return kernel, ""


def check_options(arguments: argparse.Namespace, is_product: bool) -> None:
    """Options that contradict each other, or sizes that take too long.

    Raises:
        ValueError: They do; the message says what to leave out.
    """
    sizes = arguments.M, arguments.K, arguments.N
    if not is_product and (arguments.K or arguments.product):
        raise ValueError(
            f"--K and --product belong to matmul; {arguments.kernel} works on --M rows of --N"
        )
    if arguments.product and any(sizes):
        raise ValueError("--product is one of the network's, whose sizes are given: leave out one")
    M, K, N = (size or SIDE for size in sizes)
    if M * N * (K if is_product else 1) > MOST:
        raise ValueError(
            f"sizes of {' x '.join(str(s or SIDE) for s in sizes if s)} take minutes, thread by "
            f"thread. Counts repeat from tile to tile, so some tiles tell as much: take 128"
        )


def chosen_lines(found: "Xray", number: int | None) -> "list[Line]":
    """All lines, or the one that is asked for.

    Raises:
        ValueError: Nothing was counted there; the lines where something was are listed.
    """
    lines = found.lines()
    if number is None:
        return lines
    own = [line for line in lines if line.file == found.file]
    wanted = [line for line in own if line.number == number]
    if not wanted:
        there = ", ".join(str(line.number) for line in own) or "none"
        raise ValueError(
            f"nothing was counted in {found.file}:{number}; lines with counts: {there}"
        )
    return wanted


# --- what is said ---------------------------------------------------------------------------------


def report(found: "Xray", lines: "list[Line]") -> Iterator[str]:
    """Grid and lines: what each asks for, what that costs, what would mend it."""
    from .kernels.cuda.xray import told

    grid = found.grid
    blocks = f"{grid.blocks:,} block{'' if grid.blocks == 1 else 's'} of {grid.threads} threads"
    shared = "unknown" if found.shared is None else f"{found.shared:,} bytes"
    yield f"{blocks}; shared memory of a block: {shared}"
    for file, number, text, rows in lines:
        yield f"\n{file}:{number}  {text}"
        for row in rows:
            count = f"{row.count:,} by warps, {row.threads:,} by threads, {row.bytes:,} bytes"
            if row.kind == "barrier":
                count = f"{row.count:,} by blocks"
            elif row.caller and file == row.file:
                count += f" (called from {row.caller})"
            yield f"  {row.kind:<14}{count}"
            yield _wrapped(told(row, grid.blocks), 16)


def conclusion(found: "Xray", rung: str, operands: Operands) -> Iterator[str]:
    """What a multiply-add costs, and what comes next, in the words of the files."""
    from .kernels.cuda.ladder import RUNGS
    from .kernels.cuda.xray import header, numbers_for_each

    if rung:
        A, B = operands[:2]
        of_global, of_shared = numbers_for_each(found, A.size * B.shape[1], A.itemsize)
        yield f"\nFor each multiply-add a thread loads {of_global:.3g} numbers from global memory"
        yield f"and {of_shared:.3g} from shared memory."
    yield "\n" + _wrapped(f"The next bottleneck. {header(found.file)['Next bottleneck']}")
    above = list(RUNGS)[list(RUNGS).index(rung) + 1 :] if rung else []
    if above:
        yield _wrapped(f"The next rung, {above[0]}. {header(RUNGS[above[0]].file)['Idea']}")


def _wrapped(text: str, indent: int = 0) -> str:
    space = " " * indent
    return textwrap.fill(text, 100, initial_indent=space, subsequent_indent=space)
