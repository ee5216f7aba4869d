"""The text of a scalar loop in Numba's dialect: one loop over n entries, or one over rows and one
within a row.

LLVM turns a loop into vector instructions if it runs over contiguous memory from 0 up; so a row
of each array is cut out first, and what is the same for a whole row is read before the inner loop.
"""

import ast
from collections.abc import Sequence

from .scalar_body import Body, Operand
from .scalar_lines import ELEMENTARY, names_in
from .scalar_types import DType

INDENT = "    "


def numba_text(kernel: str, operands: Sequence[Operand], body: Body) -> str:
    """A module with one function: imports, the number type, the loop.

    Args:
        kernel: The function's name.
        operands: Everything that it takes, in order.
        body: What it does.
    """
    lines = [str(line) for line in body.before]
    lines += [f"{a.variable} = {a.argument}[0]" for a in body.arrays if a.pattern == "scalar"]
    lines += _loops(body)
    values = [line.value for line in (*body.before, *body.inside)]
    head = _head(names_in([*values, *(s.value for s in body.stores)]), body.dtype)
    arguments = ", ".join(operand.argument for operand in operands)
    definition = [f"def {kernel}({arguments}):", *_indented(lines), ""]
    return (f"{head}\n\n\n" if head else "") + "\n".join(definition)


def _head(used: set[str], dtype: DType) -> str:
    """The imports that the text needs, and the name of its number type."""
    elementary = ", ".join(sorted(used & ELEMENTARY))
    blocks = {
        "import math": "math" in used,
        "import numpy as np": used & {"np", "T"},
        f"from tinygrad_ed.kernels.cpu.elementary import {elementary}": elementary,
        f"T = np.{dtype.name}": "T" in used,
    }
    return "\n\n".join(block for block, wanted in blocks.items() if wanted)


def _loops(body: Body) -> list[str]:
    arrays, stores, names = body.arrays, body.stores, body.names()
    inside = [str(line) for line in body.inside]
    patterns = {a.pattern for a in arrays}
    i = names.fresh("i")
    whole = next(a for a in arrays if a.pattern == "full").argument
    if not patterns & {"row", "column"}:
        full = [a for a in arrays if a.pattern == "full"]
        loads = [f"{a.variable} = {a.argument}[{i}]" for a in full if a.variable]
        written = [f"{s.argument}[{i}] = {ast.unparse(s.value)}" for s in stores]
        return [f"for {i} in range({whole}.size):", *_indented([*loads, *inside, *written])]
    row, width, rows = names.fresh("row"), names.fresh("H"), names.fresh("rows")
    column = next((a.argument for a in arrays if a.pattern == "column"), "")
    if "row" in patterns:
        wide = next(a.argument for a in arrays if a.pattern == "row")
        sizes = [f"{width} = {wide}.size", f"{rows} = {whole}.size // max({width}, 1)"]
    else:
        sizes = [f"{rows} = {column}.size", f"{width} = {whole}.size // max({rows}, 1)"]
    cuts, loads, place = [], [], {}
    for a in arrays:
        if a.pattern == "full":
            place[a.argument] = names.fresh(f"{a.argument}row")
            part = f"{row} * {width} : ({row} + 1) * {width}"
            cuts.append(f"{place[a.argument]} = {a.argument}[{part}]")
        elif a.pattern == "column":
            cuts.append(f"{a.variable} = {a.argument}[{row}]")
        if a.variable and a.pattern in ("full", "row"):
            loads.append(f"{a.variable} = {place.get(a.argument, a.argument)}[{i}]")
    written = [f"{place[s.argument]}[{i}] = {ast.unparse(s.value)}" for s in stores]
    inner = [f"for {i} in range({width}):", *_indented([*loads, *inside, *written])]
    return [*sizes, f"for {row} in range({rows}):", *_indented([*cuts, *inner])]


def _indented(lines: Sequence[str]) -> list[str]:
    return [INDENT + line for line in lines]
