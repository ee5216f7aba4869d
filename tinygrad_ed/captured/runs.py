"""Launches that run one after the other, whatever runs them: a table, a list, a graph."""

from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol, TypeAlias

from ..errors import CaptureError
from ..ops.registry import Array
from .instructions import Launch

Steps: TypeAlias = Callable[[int, Array], int]
"""steps(first, losses) -> how many steps were taken: one for each place in `losses` (float64), on
the batches from number `first` on; fewer if a kernel objected to the numbers of a batch."""


AXES = 12
"""Of an input that a run takes; one of more axes is copied by Python."""


class Runs(Protocol):
    """Launches of a program that follow one another.

    Attributes:
        inputs: The arrays that a run is given, as the program has them.
        run: (*arrays) -> True: one run on a batch; False if the arrays are not what was captured,
            None if a kernel objected to their numbers.
        work: Of one run, about, in multiply-adds.
        copies: Whether it copies a batch before it runs; else it reads it where it is.
    """

    inputs: Sequence[Array]
    run: Callable[..., bool | None]
    work: float
    copies: bool

    def settled(self) -> bool:
        """Waits until the last run is over; False if a kernel objected to its numbers."""

    def refresh(self) -> None:
        """Looks hyper-parameters up again."""

    @property
    def refused(self) -> Launch | None:
        """The launch that objected to the numbers it was given in the last run."""

    def epoch(self, data: Sequence[Array], order: Array, size: int, loss: Array) -> Steps:
        """Step after step in one call, on batches gathered in it.

        Args:
            data: All rows, in C order, one array for each input.
            order: Row numbers.
            size: Rows in a batch.
            loss: Where the program leaves its loss, one number.
        """


def objection(launch: Launch | None) -> NoReturn:
    """A kernel objected to the numbers it was given: the op's own check says why.

    Raises:
        ValueError: And others: what the op's check says.
        CaptureError: The check finds nothing wrong.
    """
    if launch is not None:
        launch.context.check()
    raise CaptureError(f"{launch.where if launch else ''}: the kernel refused its operands")
