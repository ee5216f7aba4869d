"""The documents as data: every formula, example, program and method, and what is true of it.

Five essays started this project; they are cited everywhere by catalogue id, as in ``[D3-B1]``.
``catalogue.json`` beside this file is the one place that says what an id stands for: a verbatim
quote, what the document states and prints, and the true values, with the erratum where the two
differ. Tests recompute it, explanations quote it, the book prints it.

    >>> from tinygrad_ed import documents
    >>> example = documents.entry("D2-E3")
    >>> example.printed["P"], example.true["P"]
    (0.68, 1.0)

In this package:

* :func:`entry` -- one row by its id
* :func:`entries` -- all rows, or those of one kind, in the order of their ids
* :func:`ids` -- the ids alone
* :class:`Entry`, :class:`Source` -- what a row is
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal, get_args

__all__ = ["Entry", "Kind", "Source", "Verdict", "entries", "entry", "ids"]

Kind = Literal["formula", "example", "program", "method"]
Verdict = Literal["true", "true once mended", "wrong", "not reachable", "named only"]


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the documents; ``str`` gives it as it is cited, ``"003 §4.3"``."""

    document: str
    section: str

    def __str__(self) -> str:
        return f"{self.document} {self.section}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the catalogue. Nothing in it can be changed: lists are tuples, tables read-only.

    Fields that do not apply to a row are ``None`` or empty. Numbers are plain ints and floats;
    ``np.array(entry.inputs["x"])`` makes an array of them.

    Attributes:
        id: The catalogue id, e.g. ``"D3-B1"``.
        kind: ``"formula"``, ``"example"``, ``"program"`` or ``"method"``.
        source: Where the document states it; ``quote`` is from that document.
        also: Other places that state the same.
        quote: A short verbatim quote.
        statement: What the document states, in plain text.
        latex: The formula as stated.
        mended: The formula as it should be, where it differs.
        mended_latex: The same in LaTeX.
        verdict: Whether the statement is true.
        erratum: What is true instead, and why.
        inputs: The numbers that go in.
        inputs_from: ``"document"``, or ``"project"`` where the document prints no number.
        printed: The numbers that the document prints.
        true: The numbers that come out, under the same names and more; ``None`` where none exists.
        network: A program's layers, input shape and parameter count.
        training: A program's optimiser, loss and budget.
        reported: The results that the document reports for a program.
        remarks: What else a reader should know.
    """

    id: str
    kind: Kind
    source: Source
    quote: str
    statement: str
    verdict: Verdict
    also: tuple[Source, ...] = ()
    latex: str | None = None
    mended: str | None = None
    mended_latex: str | None = None
    erratum: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=_nothing)
    inputs_from: Literal["document", "project"] | None = None
    printed: Mapping[str, Any] = field(default_factory=_nothing)
    true: Mapping[str, Any] = field(default_factory=_nothing)
    network: Mapping[str, Any] = field(default_factory=_nothing)
    training: Mapping[str, Any] = field(default_factory=_nothing)
    reported: Mapping[str, Any] = field(default_factory=_nothing)
    remarks: str | None = None

    def __hash__(self) -> int:
        """Hash by id, which is unique; the read-only tables have no hash of their own."""
        return hash(self.id)


def entry(id: str) -> Entry:
    """The row with this id.

    Args:
        id: A catalogue id, e.g. ``"D3-B1"``.

    Raises:
        KeyError: No row has this id; the message names the ids nearest to it.
    """
    rows = _catalogue()
    if id in rows:
        return rows[id]
    near = difflib.get_close_matches(str(id).strip("[] ").upper(), rows, n=3, cutoff=0.5)
    advice = f"did you mean {', '.join(near)}?" if near else "documents.ids() lists them all."
    raise KeyError(f"the catalogue has no entry {id!r}: {advice}")


def entries(kind: Kind | None = None) -> list[Entry]:
    """All rows, or those of one kind, in the order of their ids.

    Args:
        kind: ``"formula"``, ``"example"``, ``"program"`` or ``"method"``; ``None`` for all.

    Raises:
        ValueError: ``kind`` is none of these.
    """
    if kind is not None and kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(get_args(Kind))}, or None")
    return [row for row in _catalogue().values() if kind is None or row.kind == kind]


def ids(kind: Kind | None = None) -> list[str]:
    """The ids of :func:`entries`, in the same order.

    Args:
        kind: As in :func:`entries`.

    Raises:
        ValueError: As in :func:`entries`.
    """
    return [row.id for row in entries(kind)]


@functools.cache
def _catalogue() -> Mapping[str, Entry]:
    text = resources.files(__name__).joinpath("catalogue.json").read_text(encoding="utf-8")
    return MappingProxyType({row["id"]: _entry(row) for row in json.loads(text)["entries"]})


def _entry(row: dict[str, Any]) -> Entry:
    fields = {name: _frozen(value) for name, value in row.items()}
    fields["source"] = Source(**row["source"])
    fields["also"] = tuple(Source(**place) for place in row.get("also", ()))
    return Entry(**fields)


def _frozen(value: Any) -> Any:
    """The same data, read-only: everybody shares the one catalogue, so nobody may change it."""
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(part) for name, part in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(part) for part in value)
    return value
