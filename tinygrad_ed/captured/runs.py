"""Launches that run one after the other, whatever runs them: a table, a list, a graph."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from ..ops.registry import Array
from .instructions import Launch

Steps: TypeAlias = Callable[[int, Array], int]
"""steps(first, losses) -> how many steps were taken: one for each place in `losses` (float64), on
the batches from number `first` on; fewer if a kernel objected to the numbers of a batch."""


class Runs(Protocol):
    """Launches of a program that follow one another.

    Attributes:
        inputs: The arrays that a run is given, as the program has them.
        run: (*arrays) -> True: one run on a batch; False if the arrays are not what was captured,
            None if a kernel objected to their numbers.
        work: Of one run, about, in multiply-adds.
    """

    inputs: Sequence[Array]
    run: Callable[..., bool | None]
    work: float

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
