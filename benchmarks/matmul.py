"""Matrix products: every rung of our ladder and the peers, against the machine's multiply-add peak.

GFLOP/s, the share of the peak that vector multiply-adds reach in the same rounds (`peak.py`), and
the ratio to our top rung; the operands stay where the caches keep them. The plot is a roofline:
flops per byte of A, B and C against GFLOP/s, under what the caches, the memory and the
multiply-adds allow.

A case is a square ("512"), M x N x K ("64x256x784"), a layer of network d ("d1" to "d3", with the
products of its backward pass), or a group ("squares", "d"); `--dtypes` and `--layouts` apply to
squares and shapes.

    python benchmarks/matmul.py --cases 64,512 --peers numpy,torch --json FILE --plot FILE.png

With `--device cuda` it is the CUDA ladder against cuBLAS: see `matmul_cuda.py`.

    python benchmarks/matmul.py --device cuda --seconds 0.05 --record
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import plots
from commandline import OURS, chosen, chosen_modes, options, parsed, setting
from harness import Measured, Series, measure
from report import deliver, middle, times
from tinygrad_ed.kernels.cpu.peak import bandwidths
from workloads import CASES, Product

from tinygrad_ed.backends.table import rungs

TOP, *BELOW = rungs.RUNGS["cpu"]["matmul"]
MODES = {
    OURS: (*reversed(BELOW), TOP, "operator"),
    "numpy": ("matmul",),
    "torch": ("mm",),
    "jax": ("jit",),
}
PACKAGES = {"torch": "torch", "jax": "jax"}
SQUARES = ("64", "128", "256", "512", "1024", "2048")
LAYERS = tuple(f"d{k}" for k in range(1, len(CASES["d"].sizes)))
LAYOUTS = ("NN", "NT", "TN", "TT")
DTYPES = ("float32", "float64")
PATIENCE = {"naive": 2 * 256**3, "loop_order": 2 * 1024**3}
"""Rung -> the most flops that we wait for."""


def layer_products(layer: str) -> list[Product]:
    """Forward, dW = Xᵀ dZ and dX = dZ Wᵀ of a layer of network d."""
    case, k = CASES["d"], int(layer[1:])
    N, D, H = case.batch, case.sizes[k - 1], case.sizes[k]
    return [
        Product(N, H, D, "float32", "NN"),
        Product(D, H, N, "float32", "TN"),
        Product(N, D, H, "float32", "NT"),
    ]


def products(names: str | None, dtypes: Sequence[str], layouts: Sequence[str]) -> Iterator[Product]:
    """The products that the cases stand for.

    Raises:
        SystemExit: A case that is none.
    """
    groups = {"squares": SQUARES, "d": LAYERS}
    asked = [name.strip() for name in (names or "squares,d").split(",") if name.strip()]
    singles = [one for name in asked for one in groups.get(name, (name,))]
    for name in singles:
        if name in LAYERS:
            yield from layer_products(name)
            continue
        sizes = name.split("x")
        if len(sizes) not in (1, 3) or not all(size.isdecimal() and int(size) for size in sizes):
            raise SystemExit(
                f"--cases {name}: a square such as 512, M x N x K such as 64x256x784, "
                f"or one of {', '.join([*LAYERS, *groups])}"
            )
        M, N, K = map(int, 3 * sizes if len(sizes) == 1 else sizes)
        yield from (Product(M, N, K, dtype, layout) for dtype in dtypes for layout in layouts)


def declines(key: str, peer: str, mode: str) -> str | None:
    """Rungs at the bottom of the ladder would take minutes for large products."""
    if peer == OURS and Product.parse(key).flops > PATIENCE.get(mode, 1e99):
        return "too slow for this size"
    return None


def row(found: Measured, one: Series) -> dict[str, Any]:
    """A row of the JSON."""
    product = Product.parse(one.case)
    return {
        "case": one.case,
        "shape": [product.M, product.N, product.K],
        "dtype": product.dtype,
        "layout": product.layout,
        "peer": one.peer,
        "rung": one.mode,
        "threads": found.threads,
        "gflops": one.median / 1e9,
        "min": min(one.rates) / 1e9,
        "max": max(one.rates) / 1e9,
        "peak_share": _of_peak(found, one),
        "flops_per_byte": product.flops / product.size,
        "ours_over_this": middle(found.ratio(one.case, (OURS, TOP), one)),
    }


def _of_peak(found: Measured, one: Series) -> float | None:
    above = middle(found.ratio(one.case, ("fma", "peak"), one))
    return None if above is None else 1 / above


def table(found: Measured) -> list[str]:
    """The rows for a reader."""
    lines = [
        "| M x N x K | type | layout | peer | rung | GFLOP/s (range) | of peak "
        "| our top rung / this |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found.series:
        product, share = Product.parse(one.case), _of_peak(found, one)
        lines.append(
            f"| {product.M} x {product.N} x {product.K} | {product.dtype} | {product.layout} "
            f"| {one.peer} | {one.mode} | {one.median / 1e9:.4g} "
            f"({min(one.rates) / 1e9:.4g}-{max(one.rates) / 1e9:.4g}) "
            f"| {'-' if share is None else format(share, '.0%')} "
            f"| {times(found.ratio(one.case, (OURS, TOP), one))} |"
        )
    return lines


def run(arguments: argparse.Namespace) -> None:
    """Measures, prints, and writes what was asked for."""
    dtypes = chosen(arguments.dtypes, DTYPES, "--dtypes")
    layouts = chosen(arguments.layouts, LAYOUTS, "--layouts")
    if arguments.device != "cpu":
        import matmul_cuda

        asked = arguments.cases and list(products(arguments.cases, dtypes, layouts))
        matmul_cuda.run(arguments, asked)
        return
    peers = None if arguments.peers is None else f"fma,{arguments.peers}"
    pairs = chosen_modes(peers, {"fma": ("peak",), **MODES})
    keys = list(dict.fromkeys(p.key for p in products(arguments.cases, dtypes, layouts)))
    found = measure("matmul", keys, pairs, arguments, packages=PACKAGES, declines=declines)
    for one in found.series:
        if one.peer != "fma":  # whose rate is in flop/s already
            flops = Product.parse(one.case).flops
            one.rates = [rate * flops for rate in one.rates]
    rows = [row(found, one) for one in found.series]
    ceilings = {
        "peak": {
            dtype: max(r["gflops"] for r in rows if (r["peer"], r["dtype"]) == ("fma", dtype)) * 1e9
            for dtype in dict.fromkeys(r["dtype"] for r in rows if r["peer"] == "fma")
        },
        "bandwidth": bandwidths(arguments.threads),
    }

    def plot(path: Path) -> None:
        plots.roofline(path, [r for r in rows if r["peer"] != "fma"], **ceilings)

    title = f"Matrix products, {setting(arguments)}"
    payload = {**ceilings, "rows": rows, "skipped": found.skipped}
    reads = ", ".join(f"{k} {v / 1e9:.0f} GB/s" for k, v in ceilings["bandwidth"].items())
    lines = [*table(found), "", f"- read by vector loads: {reads}"]
    deliver(arguments, "matmul", title, [*lines, *found.notes()], payload, plot)


if __name__ == "__main__":
    cases, devices = [*SQUARES, "MxNxK", *LAYERS], ("cpu", "cuda", "cuda-sim")
    parser = options(__doc__, cases, MODES, seconds=0.2, devices=devices)
    parser.add_argument("--dtypes", metavar="T,U", help=f"some of {', '.join(DTYPES)}")
    parser.add_argument("--layouts", default="NN", metavar="L", help=f"of {', '.join(LAYOUTS)}")
    run(parsed(parser))
