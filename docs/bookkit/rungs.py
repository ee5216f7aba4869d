"""Rungs of the CUDA ladder on a page: picture, words of the file, code, counts, measurement.

    owners("alt", A=array, B=array, C=array)   which lane reads or computes what, as a picture
    rung("naive")                              the file: idea, code, prediction, counts, and so on
    compared("naive", "coalesced")             counts side by side

Words and code are those of the `.cu` files, counts come from the simulator while the page is built.
"""

import functools
from typing import Any

import numpy as np
from IPython.display import Markdown, display
from tinygrad_ed.kernels.cuda.declared import KERNELS
from tinygrad_ed.kernels.cuda.xray import Xray, header, kernel_code, numbers_for_each, xray

from bookkit import results
from bookkit.picture import picture
from bookkit.rows import plain

Array = np.ndarray[Any, Any]

M, K, N = 128, 32, 64
"""A product that all tiles divide, so that edges do not blur the counts."""
HEADS = (
    "rung",
    "blocks of threads",
    "global loads by warps",
    "sectors / needed",
    "global numbers per fma",
    "shared numbers per fma",
    "passes / needed",
    "barriers",
)


@functools.cache
def counted(name: str) -> Xray:
    """The product of float32 on a rung, counted."""
    rng = np.random.default_rng(0)
    A, B = (rng.normal(size=shape).astype("f4") for shape in ((M, K), (K, N)))
    return xray(f"product_{name}", "float32", (A, B, np.empty((M, N), "f4"), None, 0, None, 0))


def _cells(name: str) -> list[str]:
    found = counted(name)
    of_global, of_shared = numbers_for_each(found, M * K * N, 4)
    load = found.total("global load", "sectors"), found.total("global load", "ideal_sectors")
    kinds = ("shared load", "shared store")
    passes, ideal = (sum(found.total(k, c) for k in kinds) for c in ("passes", "ideal_passes"))
    return [
        f"`{name}`",
        f"{found.grid.blocks} of {found.grid.threads}",
        f"{found.total('global load'):,}",
        f"{load[0]:,} / {load[1]:,}",
        f"{of_global:.3g}",
        f"{of_shared:.3g}",
        f"{passes:,} / {ideal:,}" if passes else "—",
        f"{found.total('barrier'):,}",
    ]


def compared(*names: str) -> None:
    """Shows the counts of some rungs in a table."""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    lines += [f"| {' | '.join(_cells(name))} |" for name in names]
    display(Markdown("\n".join(lines)))


def measured(name: str) -> str:
    """What RESULTS.md has of a rung, in a sentence; "not measured yet" if that is nothing."""
    if not any(line.startswith("|") for line in results.section("matmul, cuda").splitlines()):
        return "not measured yet: it needs a GPU."
    rows = [
        f"{row['GFLOP/s (range)'].split(' ')[0]} GFLOP/s at {row['M x N x K']}"
        for row in results.table("matmul, cuda")
        if (row["rung"], row["type"], row["layout"]) == (name, "float32", "NN")
    ]
    return f"{'; '.join(rows)}." if rows else "not in the recorded run."


def rung(name: str) -> None:
    """Shows a rung as its file has it, and what was counted and measured."""
    file = KERNELS[f"product_{name}"].file
    words = header(file)
    parts = [f"**Idea.** {plain(words['Idea'])}", f"```cpp\n{kernel_code(file)}\n```"]
    if "Error" in words:
        parts.append(f"**Error.** {plain(words['Error'])}")
    parts += [
        f"**Prediction.** {plain(words['Prediction'])}",
        f"**Counted** for ({M}, {K}) @ ({K}, {N}):",
        "\n".join(f"* {line}" for line in _by_line(counted(name))),
        f"**Measured.** {plain(measured(name))}",
        f"**Next bottleneck.** {plain(words['Next bottleneck'])}",
    ]
    display(Markdown("\n\n".join(parts)))


def _by_line(found: Xray) -> list[str]:
    """Memory by line, one entry for each kind of access."""
    told = []
    for file, number, _, rows in found.lines():
        for row in rows:
            if row.kind == "barrier":
                text = f"{row.count / found.grid.blocks:g} in each block"
            elif row.kind.startswith("shared"):
                text = f"{row.count:,} by warps, {row.passes:,} passes, {row.ideal_passes:,} needed"
            else:
                text = (
                    f"{row.count:,} by warps, {row.sectors:,} sectors, {row.ideal_sectors:,} needed"
                )
            told.append(f"`{file}:{number}` {row.kind}: {text}")
    return told


def owners(alt: str, size: tuple[float, float] = (6.6, 2.9), **matrices: Array) -> None:
    """Draws matrices whose entries are coloured by number: of a lane, of a warp, of a step.

    Args:
        alt: What is to be seen.
        size: Width and height in inches.
        matrices: Title -> numbers; NaN where nobody does anything.
    """
    top = max(float(np.nanmax(numbers)) for numbers in matrices.values())

    @picture(alt, columns=len(matrices), size=size)
    def _(*axes: Any) -> None:
        for place, (title, numbers) in zip(axes, matrices.items(), strict=True):
            place.imshow(numbers, vmin=0, vmax=max(top, 1), interpolation="nearest")
            rows, columns = numbers.shape
            place.set(title=title, xticks=(0, columns - 1), yticks=(0, rows - 1))
            place.grid(False)
            place.spines[:].set_visible(True)  # the edge of the matrix
            if max(rows, columns) <= 16:  # the numbers themselves can be read
                for (i, j), number in np.ndenumerate(numbers):
                    if np.isfinite(number):
                        colour = "white" if number < 0.6 * top else "black"
                        style = {"ha": "center", "va": "center", "fontsize": 7, "color": colour}
                        place.text(j, i, f"{int(number)}", **style)


def nobody(rows: int, columns: int) -> Array:
    """A matrix of NaN, to be filled with the numbers of those who do something."""
    return np.full((rows, columns), np.nan)
