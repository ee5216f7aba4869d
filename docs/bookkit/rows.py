"""Rows of the documents' catalogue on a page, and their numbers beside those that we compute.

    show("D2-E5")                                  quote, statement, what is true and why
    compare("D2-E5", h1=..., h2=...)               printed against computed, name by name

`compare` is a check as well: a number that differs from the catalogue's true one is an error, and
so the page is not built.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from IPython.display import Markdown, display

from tinygrad_ed import documents

WORDS = {
    "true": "true as stated",
    "true once mended": "true once mended",
    "wrong": "wrong",
    "not reachable": "not reachable",
    "named only": "named, without a formula or program",
}


def plain(text: str) -> str:
    """Text that Markdown is to leave alone, but for `code` and *emphasis*."""
    parts = text.split("`")
    for k in range(0, len(parts), 2):
        escaped = re.sub(r"([\\*_{}\[\]<>#|$~^])", r"\\\1", parts[k])
        parts[k] = re.sub(r"\\\*(\w+)\\\*", r"*\1*", escaped)
    return "`".join(parts)


def show(identifier: str) -> None:
    """One row: what the document writes, what it states, what is true, and why."""
    row = documents.entry(identifier)
    quote = f"`{row.quote}`" if "\\" in row.quote or "(" in row.quote else plain(row.quote)
    lines = [f"> {quote}\n>\n> — document {row.source}"]
    lines.append(f"**It states:** {plain(row.statement)}")
    if row.latex:
        lines.append(f"$$\n{row.latex}\n$$")
    lines.append(f"**Verdict:** {WORDS[row.verdict]}. {plain(row.erratum or '')}".rstrip())
    if row.mended_latex:
        lines.append(f"**Mended:**\n\n$$\n{row.mended_latex}\n$$")
    if row.remarks:
        lines.append(f"*Remark.* {plain(row.remarks)}")
    display(Markdown("\n\n".join(lines)))


def compare(identifier: str, part: str = "", **computed: Any) -> None:
    """A table of the numbers that the document prints and those that come out here.

    Args:
        identifier: A catalogue id.
        part: A part of the row's true numbers, such as "repair".
        computed: Name -> what came out here.

    Raises:
        AssertionError: A number differs from the catalogue's true one.
        KeyError: The catalogue has no true number of that name.
    """
    row = documents.entry(identifier)
    true = row.true[part] if part else row.true
    inputs = dict(row.printed) | (dict(row.reported))
    lines = ["| | document prints | comes out |", "|---|---|---|"]
    for name, value in computed.items():
        number = np.asarray(value, dtype=np.float64)
        np.testing.assert_allclose(number, np.asarray(true[name], dtype=np.float64), rtol=1e-9)
        lines.append(f"| `{name}` | {_number(inputs.get(name))} | {_number(number)} |")
    display(Markdown("\n".join(lines)))


def numbers(identifier: str) -> Mapping[str, Any]:
    """A row's inputs as float64 arrays, ready to compute with."""
    inputs = documents.entry(identifier).inputs
    return {
        name: value if isinstance(value, str) else _array(value) for name, value in inputs.items()
    }


def _array(value: Any) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return value
    return np.array(value, dtype=np.float64)


def _number(value: Any) -> str:
    if value is None:
        return "—"
    values = np.asarray(value, dtype=np.float64)
    if values.ndim == 0:
        return _short(float(values))
    if values.ndim == 1:
        return plain(f"[{', '.join(map(_short, values.tolist()))}]")
    return "<br>".join(_number(row) for row in values)


def _short(value: float) -> str:
    """Six digits; all of them where six would make a whole number of what is none."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value)}"
    text = f"{value:.6g}"
    return text if float(text) != int(float(text)) else repr(value)
