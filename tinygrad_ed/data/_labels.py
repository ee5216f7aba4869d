"""From label cells to class codes."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from reprlib import repr as shortened
from typing import Self

import numpy as np

from tinygrad_ed.data._csv_rows import CSVError
from tinygrad_ed.data._number import number_or_none
from tinygrad_ed.data.dataset import Array


class Labels:
    """The label column as it is read: each distinct class once, and a number for each row.

    Args:
        where: names the label cell of a line, for messages.
    """

    def __init__(self, where: Callable[[int], str]) -> None:
        self._where = where
        self._cells: dict[str, int] = {}  # cell as written -> number of its class
        self._classes: dict[str, int] = {}  # class -> its number, in order of appearance
        self._first_line: list[int] = []  # where each class came first
        self._numeric: bool | None = None
        self._rows = array("q")

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, cell: str, line: int) -> None:
        """Take the label of the next row.

        Raises:
            CSVError: no label, NaN, infinity, a fraction, or text among numbers.
        """
        number = self._cells.get(cell)
        if number is None:
            number = self._cells[cell] = self._new(cell, line)
        self._rows.append(number)

    def _new(self, cell: str, line: int) -> int:
        where = self._where(line)
        if cell == "":
            raise CSVError(f"{where} is empty: every row needs a label")
        value = number_or_none(cell)
        if value is not None and not isfinite(value):
            raise CSVError(f"{where}: the label is {shortened(cell)}: mend or leave out the row")
        if value is not None and not value.is_integer():
            raise CSVError(
                f"{where}: the label {shortened(cell)} is a fraction: "
                "classes are whole numbers or text"
            )
        numeric = value is not None
        if self._numeric not in (None, numeric):
            kind, other = ("a number", "text") if numeric else ("text", "a number")
            first = next(iter(self._classes))
            raise CSVError(
                f"{where}: the label {shortened(cell)} is {kind}, but {shortened(first)} in line "
                f"{self._first_line[0]} is {other}: is one of them a slip, or line 1 a header?"
            )
        self._numeric = numeric
        name = _class_name(cell)
        if name not in self._classes:
            self._classes[name] = len(self._classes)
            self._first_line.append(line)
        return self._classes[name]

    def encode(self, classes: Sequence[str] | None, source: str) -> tuple[Array, tuple[str, ...]]:
        """Return the codes of all rows, and the class that each code stands for.

        Args:
            classes: the classes in the order of their codes; None sorts those found.
            source: the file's name, for messages.

        Shapes:
            codes (N,) int64.

        Raises:
            CSVError: one class only, or a label that is not among ``classes``.
            ValueError: ``classes`` holds fewer than two, or one twice.
        """
        if classes is not None:
            names = [_class_name(str(name)) for name in classes]
            if len(set(names)) != len(names) or len(names) < 2:
                raise ValueError(f"classes={tuple(classes)}: give at least two different classes")
        elif len(self._classes) < 2:
            raise CSVError(
                f"{source}: every row has the label {shortened(next(iter(self._classes)))}; "
                "learning to tell classes apart needs at least two"
            )
        else:
            names = sorted(self._classes, key=int if self._numeric else None)
        code = {name: k for k, name in enumerate(names)}
        for name, line in zip(self._classes, self._first_line, strict=True):
            if name not in code:
                raise CSVError(
                    f"{self._where(line)}: the label {shortened(name)} is none of {names}"
                )
        code_of_number = np.array([code[name] for name in self._classes], dtype=np.int64)
        return code_of_number[np.frombuffer(self._rows, dtype=np.int64)], tuple(names)


@dataclass(frozen=True)
class Stated:
    """The first line of a scikit-learn data file: "rows,features,class 0,class 1,…".

    The labels of such a file are codes. Its counts are claims to check against the rows, never
    sizes to allocate.
    """

    rows: int
    features: int
    classes: tuple[str, ...]

    @classmethod
    def from_line(cls, cells: list[str]) -> Self | None:
        """Return what the line states, or None if it is not of that kind.

        No row of data looks like it (those hold at most one text) and no header does (those hold
        no number).
        """
        counts, names = cells[:2], cells[2:]
        if len(names) < 2 or any(number_or_none(name) is not None for name in names):
            return None
        if not all(count.isascii() and count.isdigit() and len(count) < 19 for count in counts):
            return None
        return cls(int(counts[0]), int(counts[1]), tuple(names))

    def class_of(self, cell: str) -> str:
        """Return the class of a code; a cell that is no code is returned unchanged."""
        codes = [str(k) for k in range(len(self.classes))]
        name = _class_name(cell)
        return self.classes[codes.index(name)] if name in codes else cell

    def check(self, source: str, rows: int, features: int) -> None:
        """Compare the counts with what was read.

        Raises:
            CSVError: they differ.
        """
        if (self.rows, self.features) != (rows, features):
            raise CSVError(
                f"{source}, line 1 promises {self.rows} rows of {self.features} features: "
                f"there are {rows} of {features}; is the file cut short?"
            )


def _class_name(text: str) -> str:
    """One name for one class: "1", "+1" and "1.0" are the same number, text stays as it is."""
    value = number_or_none(text)
    if value is None or not value.is_integer():
        return text
    try:
        return str(int(text))  # exact where a float is not, beyond 2**53
    except ValueError:
        return str(int(value))
