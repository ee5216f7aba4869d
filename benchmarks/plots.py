"""The benchmarks' pictures, by matplotlib (`pip install -e '.[viz]'`)."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def bars(path: Path, rows: Sequence[Row], *, group: str, value: str, title: str) -> None:
    """A bar for each row on a logarithmic axis, the rows of a group side by side."""
    figure, axes = _figure()
    groups = list(dict.fromkeys(row[group] for row in rows))
    kinds = list(dict.fromkeys(_who(row) for row in rows))
    width = 0.8 / len(kinds)
    axes.set_prop_cycle(color=_colours(len(kinds)))
    for k, kind in enumerate(kinds):
        mine = [row for row in rows if _who(row) == kind]
        places = [groups.index(row[group]) + (k - (len(kinds) - 1) / 2) * width for row in mine]
        axes.bar(places, [row[value] for row in mine], width, label=kind)
    axes.set_yscale("log")
    axes.set_xticks(range(len(groups)), groups)
    axes.set_title(title)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)


def roofline(
    path: Path, rows: Sequence[Row], *, peak: Mapping[str, float], bandwidth: Mapping[str, float]
) -> None:
    """GFLOP/s against flops per byte of A, B and C, under what the machine allows.

    A product whose operands lie in a cache may stand above the roof of the memory, not above that
    of its cache.
    """
    import numpy as np

    figure, axes = _figure()
    intensities = [row["flops_per_byte"] for row in rows]
    x = np.geomspace(min(intensities) / 4, max(intensities) * 4, 200)
    ceiling = max(peak.values(), default=np.inf) / 1e9
    for style, (level, rate) in zip(itertools.cycle((":", "-.", "--", "-")), bandwidth.items(),
                                    strict=False):  # fmt: skip
        axes.plot(x, np.minimum(x * rate / 1e9, ceiling), "k" + style, lw=0.8, label=f"{level}")
    for dtype, flops in peak.items():
        axes.axhline(flops / 1e9, color="0.5", lw=0.8)
        axes.annotate(f"multiply-adds, {dtype}", (x[0], flops / 1e9), va="bottom", fontsize="small")
    marks = itertools.cycle("osD^v<>PX*")
    for kind in dict.fromkeys(_who(row) for row in rows):
        mine = [row for row in rows if _who(row) == kind]
        axes.plot(
            [row["flops_per_byte"] for row in mine],
            [row["gflops"] for row in mine],
            next(marks),
            ls="",
            label=kind,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("flops per byte of A, B and C")
    axes.set_ylabel("GFLOP/s")
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)


def crossover(path: Path, rows: Sequence[Row], text_of: Callable[[str], str]) -> None:
    """A panel for each case: microseconds by size, on the CPU and on the GPU."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["case"] for row in rows))
    across = min(3, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(4 * across, 3 * down), layout="constrained")
    for k, name in enumerate(names):
        axes = figure.add_subplot(down, across, k + 1)
        mine = [row for row in rows if row["case"] == name]
        for who, mark in (("cpu", "o-"), ("gpu", "s-")):
            points = [1e6 * row[f"{who}_s"] for row in mine]
            axes.plot([row["size"] for row in mine], points, mark, label=who.upper())
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel(text_of(name))
        axes.set_ylabel("µs")
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)


def _who(row: Row) -> str:
    return f"{row['peer']} {row.get('mode', row.get('rung', ''))}".strip()


def _colours(count: int) -> Any:
    from matplotlib import colormaps

    palette: Any = colormaps["tab10" if count <= 10 else "tab20"]
    return palette.colors


def _figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    return figure, figure.subplots()
