"""Proof that gradients are right.

    gradcheck    `tg.gradcheck(fn, *inputs)`: the tape against numeric derivatives
    problem      the function and its inputs
    maps         the maps whose Jacobians are compared: x -> y, and x -> dy/dx
    numeric      derivatives from values alone: complex step, extrapolated differences, kinks
    estimate     which of these serves, and how closely to compare
    compare      the two sides, entry by entry or along directions
    local        which op on the tape is wrong
    diagnose     from a wrong Jacobian to the likely mistake
    guesses      the tests that do this, from the specific to the general (guess_*; evidence)
    updates      is an optimiser's rule, or a whole training step, right (update_*)
    by_hand      a training step written out by hand, to be checked as one
    zoo          canonical mistakes with their stories
    result       the table, and the error
    strategies   hypothesis strategies for arrays and shapes, to property-test ops with

`strategies` needs hypothesis; it, `updates` and `zoo` are imported on use.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .diagnose import diagnose
from .gradcheck import gradcheck
from .result import GradcheckResult, GradientMismatch, Row

if TYPE_CHECKING:
    from . import strategies as strategies
    from . import zoo as zoo
    from .updates import check_update

__all__ = [
    "GradcheckResult",
    "GradientMismatch",
    "Row",
    "check_update",
    "diagnose",
    "gradcheck",
    "strategies",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name in ("strategies", "zoo"):
        return importlib.import_module(f".{name}", __name__)
    if name == "check_update":
        return importlib.import_module(".updates", __name__).check_update
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
