"""Read a CSV file of numbers with one label column; every refusal names the line and the column.

A loader that guesses (text becomes NaN, a short row is padded) hands the guess to the training
loop, where it shows up as a loss of NaN or as a model that learned nothing. This one refuses.
"""

import operator
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import IO

import numpy as np

from tinygrad_ed.data._csv_rows import CSVError, numbered_rows
from tinygrad_ed.data._labels import Labels, Stated
from tinygrad_ed.data._number import number_or_none
from tinygrad_ed.data.dataset import Dataset

__all__ = ["CSVError", "parse_csv", "read_csv"]


def read_csv(
    path: str | PathLike[str],
    label: str | int | None = None,
    *,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Read a table of numbers whose rows each carry a class.

    Line 1 is a header if it contains ``label`` or if none of its cells is a number.
    Without a header the columns are called "column 1", "column 2", …. Classes may be text or
    whole numbers; they are coded 0, 1, … in sorted order (numbers by size), or in the order of
    ``classes``, and kept in ``class_names``. With two classes the last one is the positive one.

    Also understood: gzip, CRLF, a byte-order mark, quoted cells, blank lines, semicolons or tabs
    for commas, and a first line "rows,features,class,class,…" as scikit-learn's own files have it
    (their labels are codes).

    Args:
        path: the file.
        label: the label column, by name or by index from 0 (negative from the end); by default
            the last one.
        classes: the classes in the order of their codes, to choose which one is positive.

    Shapes:
        X (N, D) for N rows of D + 1 cells; y (N,).

    Raises:
        FileNotFoundError: no such file.
        CSVError: (a ValueError) an empty or damaged file, text, NaN, infinity or nothing in a
            feature column, a ragged row, an unknown label column, labels that are no classes, or
            a single class.

    Source:
        The tabular data of [D0-P1].
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the path of a CSV file")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    name = Path(path.name.removesuffix(".gz")).stem
    with path.open("rb") as stream:
        return parse_csv(stream, source=str(path), name=name, label=label, classes=classes)


def parse_csv(
    stream: IO[bytes],
    *,
    source: str,
    name: str,
    label: str | int | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """``read_csv`` on open bytes.

    Args:
        stream: the file's bytes.
        source: what messages call the file.
        name: the data set's name.
        label: as in ``read_csv``.
        classes: as in ``read_csv``.

    Shapes:
        X (N, D), y (N,).

    Raises:
        CSVError: as in ``read_csv``.
    """
    rows = numbered_rows(stream, source)
    head = next(rows, None)
    if head is None:
        raise CSVError(f"{source} is empty: expected rows of numbers with a label")
    stated = Stated.from_line(head[1])
    if stated is not None:
        head = next(rows, None)
        if head is None:
            raise CSVError(f"{source}, line 1 promises {stated.rows} rows: there are none")
        classes = stated.classes if classes is None else classes
    table = _layout(source, head, label)
    if not table.header:
        rows = chain([head], rows)

    # These grow with the rows that are there: no size is believed before its rows are read.
    values = array("d")
    labels = Labels(lambda line: table.where(line, table.label))
    for line, cells in rows:
        if len(cells) != len(table.names):
            raise CSVError(
                f"{source}, line {line} has {len(cells)} cells, line {head[0]} has "
                f"{len(table.names)}: every row needs the same columns"
            )
        cell = cells.pop(table.label)
        try:
            values.extend(map(_finite, cells))
        except ValueError:
            raise _bad_cell(table, line, cells) from None
        labels.add(cell if stated is None else stated.class_of(cell), line)
    if not len(labels):
        raise CSVError(f"{source} has a header line but no rows: add one row a sample")
    features = [column for j, column in enumerate(table.names) if j != table.label]
    if stated is not None:
        stated.check(source, len(labels), len(features))
    y, class_names = labels.encode(classes, source)
    X = np.frombuffer(values, dtype=np.float64).reshape(len(labels), len(features))
    return Dataset(X, y, tuple(features), class_names, name)


@dataclass(frozen=True)
class _Layout:
    """What line 1 says: the columns, which of them is the label, and whether it is a header."""

    source: str
    names: list[str]
    label: int
    header: bool

    def where(self, line: int, column: int) -> str:
        name = f" ({self.names[column]!r})" if self.header else ""
        return f"{self.source}, line {line}, column {column + 1}{name}"


def _layout(source: str, head: tuple[int, list[str]], label: str | int | None) -> _Layout:
    line, cells = head
    if len(cells) < 2:
        raise CSVError(
            f"{source}, line {line} has one column: expected features and a label, "
            "separated by commas, semicolons or tabs"
        )
    numbers = [cell for cell in cells if number_or_none(cell) is not None]
    header = label in cells or (not numbers and any(cells))
    names = cells if header else [f"column {j + 1}" for j in range(len(cells))]
    return _Layout(source, names, _label_column(source, names, label, header), header)


def _label_column(source: str, names: list[str], label: str | int | None, header: bool) -> int:
    columns = ", ".join(repr(name) for name in names)
    if isinstance(label, str):
        if names.count(label) == 1:
            return names.index(label)
        count = "more than one" if label in names else "no"
        hint = "" if header else " (line 1 is no header: it holds numbers)"
        raise CSVError(f"{source} has {count} column named {label!r}: it has {columns}{hint}")
    index = -1 if label is None else operator.index(label)
    if not -len(names) <= index < len(names):
        raise CSVError(f"{source} has no column of index {index}: it has {len(names)}, {columns}")
    return index % len(names)


def _finite(cell: str) -> float:
    number = number_or_none(cell)
    if number is None or not isfinite(number):
        raise ValueError
    return number


def _bad_cell(table: _Layout, line: int, features: list[str]) -> CSVError:
    for j, cell in enumerate(features):
        number = number_or_none(cell)
        if number is not None and isfinite(number):
            continue
        where = table.where(line, j + (j >= table.label))  # the label has left the row
        if cell == "":
            return CSVError(f"{where} is empty: fill the value in or leave the row out")
        if number is not None:
            return CSVError(
                f"{where}: {shortened(cell)} is not a finite number: mend or leave out the row"
            )
        # A first line that mixes names and numbers is taken for data: say so.
        hint = "; a header line must hold no numbers" if line == 1 else ""
        return CSVError(f"{where}: {shortened(cell)} is text in a feature column{hint}")
    raise AssertionError("a row was refused, but each of its cells is fine")
