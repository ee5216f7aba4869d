"""What `tg.cost` found: its rows, their totals, and both as text."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ..machine import HINT, Machine

HEAD = ("pass", "name", "op", "shape", "launches", "FLOPs", "bytes", "predicted", "measured")


@dataclass(frozen=True)
class Row:
    """One node in one direction.

    Attributes:
        direction: "forward" or "backward".
        name: The node, as `tg.unroll` calls it.
        op: Its op; "add" where the gradients of two paths meet.
        shape: Of the node's value.
        flops: Floating-point operations; `tg.cost` says what counts.
        bytes: Read and written.
        launches: How many kernels ran, or how many NumPy calls the formula made.
        kernels: Names of these kernels; none where the formula ran.
        predicted: The least seconds that this machine needs; None if it was never measured.
        measured: Seconds that it took; None if that was not wanted.
    """

    direction: str
    name: str
    op: str
    shape: tuple[int, ...]
    flops: int
    bytes: int
    launches: int
    kernels: tuple[str, ...]
    predicted: float | None
    measured: float | None


@dataclass(frozen=True)
class Total:
    """The sums over several rows."""

    flops: int
    bytes: int
    launches: int
    predicted: float | None
    measured: float | None


@dataclass(frozen=True)
class Cost:
    """What a forward and backward pass costs; `print` shows the table.

    Attributes:
        rows: Forward in the order of the tape, then backward in the order of the walk.
        device: Where it runs.
        machine: The ceilings that the predictions use; None if they were never measured.
    """

    rows: tuple[Row, ...]
    device: str
    machine: Machine | None

    @property
    def forward(self) -> Total:
        """The sums of the forward pass."""
        return _total(row for row in self.rows if row.direction == "forward")

    @property
    def backward(self) -> Total:
        """The sums of the backward pass."""
        return _total(row for row in self.rows if row.direction == "backward")

    @property
    def total(self) -> Total:
        """The sums of both."""
        return _total(self.rows)

    @property
    def totals(self) -> dict[str, Total]:
        """The sums of each pass and of both."""
        return {"forward": self.forward, "backward": self.backward, "total": self.total}

    def json(self) -> str:
        """Rows, totals and ceilings as JSON text."""
        found = {
            "device": self.device,
            "machine": None if self.machine is None else asdict(self.machine),
            "rows": [asdict(row) for row in self.rows],
            **{name: asdict(total) for name, total in self.totals.items()},
        }
        return json.dumps(found, indent=2)

    def cells(self) -> list[tuple[str, ...]]:
        """The table without its head: a line for each row, then the totals."""
        lines = [
            (row.direction, row.name, row.op, str(row.shape), *_numbers(row)) for row in self.rows
        ]
        return lines + [(name, "", "", "", *_numbers(total)) for name, total in self.totals.items()]

    def notes(self) -> list[str]:
        """What stands below the table."""
        known = self.machine
        if known is None:
            return [f"No predictions: this machine was never measured; {HINT}."]
        return [
            f"Predicted: at the ceilings of one thread of {known.processor}, as measured on "
            f"{known.measured}; in brackets their share of the measured time."
        ]

    def __str__(self) -> str:
        lines = [HEAD, *self.cells()]
        widths = [max(len(line[k]) for line in lines) for k in range(len(HEAD))]
        text = [
            "  ".join(
                cell.ljust(width) if k < 4 else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        rule = "-" * max(map(len, text))
        return "\n".join([f"Cost on device {self.device!r}", text[0], rule, *text[1:-3], rule,
                          *text[-3:], *self.notes()])  # fmt: skip

    def __rich__(self) -> Any:
        from rich.table import Table

        table = Table(title=f"Cost on device {self.device!r}", caption="\n".join(self.notes()))
        for k, name in enumerate(HEAD):
            table.add_column(name, justify="left" if k < 4 else "right")
        lines = self.cells()
        for k, line in enumerate(lines):
            table.add_row(*line, end_section=k == len(lines) - 4)
        return table


def _total(rows: Iterable[Row]) -> Total:
    found = list(rows)

    def seconds(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    return Total(
        sum(row.flops for row in found),
        sum(row.bytes for row in found),
        sum(row.launches for row in found),
        seconds([row.predicted for row in found]),
        seconds([row.measured for row in found]),
    )


def _numbers(row: Row | Total) -> tuple[str, ...]:
    measured = "-" if row.measured is None else _scaled(row.measured, "s")
    if row.measured and row.predicted is not None:
        measured += f" ({100 * row.predicted / row.measured:3.0f} %)"
    predicted = "-" if row.predicted is None else _scaled(row.predicted, "s")
    return str(row.launches), _scaled(row.flops), _scaled(row.bytes, "B"), predicted, measured


def _scaled(value: float, unit: str = "") -> str:
    """Three digits and a prefix: 1.23 M, 45.6 µs."""
    if value == 0:
        return f"0 {unit}".rstrip()
    steps = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
    size, prefix = next((step for step in steps if value >= step[0]), (1e-9, "n"))
    if unit != "s" and prefix == "":
        return f"{value:.0f} {unit}".rstrip()
    return f"{value / size:.3g} {prefix}{unit}".rstrip()
