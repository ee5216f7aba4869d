"""`tinygrad-ed asm`: the inner loop of a kernel, and what it is made of."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kernels.cpu.assembly import Counts, Loop

TOP = "tiled"
"""The rung that the engine uses; as a kernel it is called `product`, the others `product_…`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument("kernel", metavar="NAME", help="matmul, or another kernel")
    parser.add_argument("--rung", metavar="R", help=f"of matmul: which rung (default: {TOP})")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        default="float32",
        help="the kernel's number type (default: float32)",
    )
    parser.add_argument("--loop", action="store_true", help="print the loop alone, no counts")


def run(arguments: argparse.Namespace) -> int:
    """Compiles the kernel and prints its inner loop."""
    try:
        from .kernels.cpu import assembly, compiling, loading  # noqa: F401 (it needs Numba)
    except ImportError as error:
        raise ImportError(f"kernels are compiled by Numba ({error}): pip install numba") from error
    name, rung = chosen(arguments.kernel, arguments.rung)
    what = f"{name}, rung {rung}" if rung else name
    shown = sys.stderr is not None and sys.stderr.isatty()
    if shown:
        print(f"compiling {what} …", end="", file=sys.stderr, flush=True)
    try:
        if rung:
            text = assembly.assembly_of_rung(rung, arguments.dtype)
        else:
            text = assembly.assembly_of(name, arguments.dtype)
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    loop = assembly.main_loop(text)
    if not arguments.loop:
        print(f"{what} ({arguments.dtype}) on {loading.processor()[0]}: {headline(loop)}")
    if loop is not None:
        print("\n".join(loop.lines))
        if not arguments.loop:
            print(facts(loop, arguments.dtype))
    return 0


def chosen(kernel: str, rung: str | None) -> tuple[str, str]:
    """The kernel and the rung that are meant; no rung ("") for a kernel of `loaded.FILES`.

    Raises:
        ValueError: There is no such kernel or rung; those that there are, are listed.
    """
    from .kernels.cpu.loaded import FILES

    prefix = "product_"
    rungs = [k.removeprefix(prefix) for k in FILES if k.startswith(prefix)][::-1] + [TOP]
    if kernel == "matmul":
        if rung is not None and rung not in rungs:
            raise ValueError(f"matmul has no rung {rung!r}; its rungs are {', '.join(rungs)}")
        return kernel, rung or TOP
    if kernel not in FILES:
        raise ValueError(f"there is no kernel {kernel!r}; one of matmul, {', '.join(FILES)}")
    if rung is not None:
        raise ValueError(f"--rung belongs to matmul; {kernel} has no rungs")
    return kernel, ""


def headline(loop: "Loop | None") -> str:
    """Which loop is shown."""
    if loop is None:
        return "no loop"
    if loop.counts is None or loop.counts.multiply_adds:
        return "the inner loop with the most vector multiply-adds"
    return "no inner loop has vector multiply-adds; the one with the most arithmetic"


def facts(loop: "Loop", dtype: str) -> str:
    """The counts as text."""
    if loop.counts is None:
        return "Its instructions are counted on x86-64 only."
    c: Counts = loop.counts
    size = int(dtype[5:]) // 8
    of = f", each on {c.width // size} numbers ({8 * c.width} bits)" if c.width else ""
    loads = f", {c.broadcasts} of them one number into all lanes" if c.broadcasts else ""
    rows = {
        "vector multiply-adds": f"{c.multiply_adds}{of}",
        "single multiply-adds": f"{c.single_multiply_adds}",
        "on vector registers": f"{c.vectors} instructions",
        "loads": f"{c.loads}{loads}",
        "stores": f"{c.stores}",
        "spills": f"{c.spills} stores to the stack, {c.reloads} loads from it",
        "vector registers": f"{c.registers} in use",
    }
    lines = [f"  {what:<22}{value}" for what, value in rows.items()]
    return "\n".join(["In one round:", *lines])
