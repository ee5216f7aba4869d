"""The numerics lab: where a book's formula breaks on a computer, and how large every error is.

    compare("sigmoid")          the textbook form against the form that runs, in ULP over a range
    difference_curve(f, x)      the V: error of a difference quotient against its step
    compare_sums(x)             four ways to add the same numbers

    exact        numbers of hundreds of digits that formulas run on unchanged: the reference
    cases        what is swept for each op, and the bound that its computable form keeps
    units        errors in units in the last place
    breaks       the stretches where a form gives nothing of use, their ends to the last bit
    comparison   the two forms side by side
    curve        difference steps
    sums         naive, pairwise and compensated sums
    drawing      the plots (needs matplotlib)

No formula is written here a second time: textbook form, computable form and reference are all
run from the op itself.
"""

from .breaks import Break
from .cases import CASES, LIBRARY, Case
from .comparison import Comparison, Worst, compare
from .curve import Best, DifferenceCurve, difference_curve
from .exact import Exact
from .sums import SumComparison, compare_sums, kahan, naive, pairwise
from .units import ulp_errors, unit_in_last_place

__all__ = [
    "CASES",
    "LIBRARY",
    "Best",
    "Break",
    "Case",
    "Comparison",
    "DifferenceCurve",
    "Exact",
    "SumComparison",
    "Worst",
    "compare",
    "compare_sums",
    "difference_curve",
    "kahan",
    "naive",
    "pairwise",
    "ulp_errors",
    "unit_in_last_place",
]
