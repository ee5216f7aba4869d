"""What a gradient check found: the full table, and the error it raises on a mismatch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 12


@dataclass(frozen=True)
class Row:
    """One derivative, both ways.

    Attributes:
        order: 1 for the gradient, 2 for the gradient's gradient.
        input: Name of the input.
        entry: Which entry of it was moved, or "direction 3".
        output: Name of the output.
        place: Which entry of the output, or "weighted sum" of all entries.
        analytic: What the tape says.
        numeric: What the values say.
        interval: Smallest and largest right slope; they differ at a kink.
        error: |analytic - numeric| / max(1, the largest numeric derivative of this input).
        allowed: The error that passes.
        how: "complex step", "central", or "one-sided" at a kink.
    """

    order: int
    input: str
    entry: tuple[int, ...] | str
    output: str
    place: tuple[int, ...] | str
    analytic: float
    numeric: float
    interval: tuple[float, float]
    error: float
    allowed: float
    how: str

    @property
    def ok(self) -> bool:
        """Whether the two agree."""
        return self.error <= self.allowed

    @property
    def where(self) -> str:
        """Input and output entry in words."""
        whole = "" if self.place in ((), "weighted sum") else _brackets(self.place)
        if self.output == "y" and not whole:
            return f"{self.input}{_brackets(self.entry)}"
        return f"{self.input}{_brackets(self.entry)} of {self.output}{whole}"

    @property
    def expected(self) -> str:
        """The numeric side: a number, or at a kink the interval of one-sided slopes."""
        low, high = self.interval
        return f"{self.numeric:.10g}" if low == high else f"in [{low:.6g}, {high:.6g}]"


@dataclass(frozen=True)
class GradcheckResult:
    """The outcome; true if every derivative agrees. `print` shows the largest errors first.

    Attributes:
        table: Every derivative that was compared, also when all agree.
        op: Name of the op on the tape whose VJP is wrong, if there is one.
        operand: Which of its operands gets the wrong gradient.
        guess: The best guess at the mistake.
        failure: Why the walk back itself failed, if it did.
    """

    table: tuple[Row, ...] = ()
    op: str | None = None
    operand: str | None = None
    guess: str | None = None
    failure: str | None = None
    stale: bool = False

    def __bool__(self) -> bool:
        return self.failure is None and not self.stale and not self.mismatches

    @property
    def mismatches(self) -> tuple[Row, ...]:
        """The rows that do not agree, the worst first."""
        return tuple(sorted((row for row in self.table if not row.ok), key=_badness))

    @property
    def worst(self) -> Row | None:
        """The row with the largest error in terms of what is allowed; None for an empty table."""
        return min(self.table, key=_badness, default=None)

    @property
    def max_error(self) -> float:
        """The largest error (0 for an empty table)."""
        return max((row.error for row in self.table), default=0.0)

    def __str__(self) -> str:
        return "\n".join([self.summary, *self._lines()])

    __repr__ = __str__

    @property
    def summary(self) -> str:
        """One line: passed or not, how many derivatives, how, and the largest error."""
        orders = sorted({row.order for row in self.table})
        what = f"{len(self.table)} derivatives of order {' and '.join(map(str, orders)) or '1'}"
        hows = ", ".join(sorted({row.how for row in self.table})) or "nothing to differentiate"
        if self:
            return f"gradcheck passed: {what} by {hows}; largest error {self.max_error:.2g}"
        if self.failure is not None:
            return f"gradcheck failed: {self.failure}"
        if not self.mismatches:
            return "gradcheck failed: a second walk back gives another gradient than the first"
        return f"gradcheck failed: {len(self.mismatches)} of {what} by {hows} are wrong"

    def _lines(self) -> list[str]:
        if not self.table:
            return []
        rows = sorted(self.table, key=_badness)[:SHOWN]
        cells = [
            (
                "d" * row.order,
                row.where,
                f"{row.analytic:.10g}",
                row.expected,
                f"{row.error:.1e}",
                f"{row.allowed:.0e}",
                row.how,
                "ok" if row.ok else "WRONG",
            )
            for row in rows
        ]
        head = ("", "input entry", "analytic", "numeric", "error", "allowed", "by", "")
        lines = _aligned([head, *cells])
        left = len(self.table) - len(rows)
        return [*lines, f"... and {left} more with smaller errors (.table)"] if left else lines


class GradientMismatch(AssertionError):  # noqa: N818 (a failed assertion, not a broken call)
    """Analytic and numeric gradient differ.

    Attributes:
        result: The whole table.
    """

    def __init__(self, result: GradcheckResult) -> None:
        self.result = result
        super().__init__("\n".join(_message(result)))


def _message(result: GradcheckResult) -> list[str]:
    lines = [result.summary]
    worst = result.mismatches[0] if result.mismatches else None
    if worst is not None:
        lines.append(
            f"  worst: {worst.where}: analytic {worst.analytic:.10g}, numeric {worst.expected} "
            f"({worst.how}), error {worst.error:.2g}, allowed {worst.allowed:.0e}"
            f"{', in the gradient of the gradient' if worst.order == 2 else ''}"
        )
    if result.op is not None:
        operand = f", operand {result.operand}" if result.operand else ""
        lines.append(
            f"  where: op {result.op!r}{operand}: its VJP is wrong at these operands alone"
        )
    elif worst is not None and not result.stale:
        lines.append(
            "  where: the VJP of every op on the tape is right by itself, so a part of the "
            "function is not on the tape: look for .detach(), .numpy(), .data, tg.no_grad() or a "
            "copy of an input used as a constant"
        )
    if result.guess is not None:
        lines.append(f"  best guess: {result.guess}")
    return lines + [f"  {line}" for line in result._lines()]


def _badness(row: Row) -> float:
    """Sorts the worst first; NaN counts as infinitely wrong."""
    ratio = row.error / row.allowed if row.allowed else row.error
    return -ratio if ratio == ratio else -float("inf")


def _brackets(place: Any) -> str:
    if isinstance(place, str):
        return f" ({place})"
    return f"[{', '.join(map(str, place))}]" if place else ""


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table
    ]
