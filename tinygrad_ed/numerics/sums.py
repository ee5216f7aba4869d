"""Ways to add the same numbers: why the order of additions decides how many digits are left.

Adding n numbers one after the other lets each rounding act on a sum that has grown large: the error
may reach n u Σ|x|, and a float32 sum of ones stops at 2^24, where adding 1 changes nothing. In a
tree every number takes part in log2 n additions only. Kahan's sum carries along what each addition
lost. NumPy adds in a tree of blocks (along the last axis), our kernels in float64.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..creation import tensor
from ..errors import DTypeError
from ..ops import registry
from .units import ulp_errors

Array = NDArray[Any]


def naive(x: Array) -> Any:
    """x[0] + x[1] + x[2] + …, from left to right. Error up to (n - 1) u Σ|x|."""
    return np.add.accumulate(x)[-1] if x.size else x.dtype.type(0)


def pairwise(x: Array) -> Any:
    """Neighbours are added, then neighbouring sums, and so on. Error up to log2(n) u Σ|x|."""
    if x.size == 0:
        return x.dtype.type(0)
    while x.size > 1:
        left_over = x[x.size // 2 * 2 :]
        x = np.concatenate([x[0 : x.size // 2 * 2 : 2] + x[1::2], left_over])
    return x[0]


def kahan(x: Array) -> Any:
    """From left to right, with what each addition lost carried along [Kahan 1965].

    Error up to about 2 u Σ|x|, however many numbers there are.
    """
    total = lost = x.dtype.type(0)
    for number in x:
        corrected = number - lost
        grown = total + corrected
        lost = (grown - total) - corrected  # 0 in exact arithmetic
        total = grown
    return total


@dataclass(frozen=True)
class SumComparison:
    """The same numbers added in several ways.

    Attributes:
        count: How many numbers.
        dtype: Their type, in which every way adds them unless its name says otherwise.
        exact: The sum, rounded once to float64.
        sums: What each way gives.
        ulp: Its error in ULP of the exact sum.
    """

    count: int
    dtype: str
    exact: float
    sums: dict[str, float]
    ulp: dict[str, float]

    def text(self) -> str:
        """The table."""
        lines = [f"{self.count} numbers of {self.dtype}, exact sum {self.exact:.12g}"]
        for name, total in self.sums.items():
            lines.append(f"  {name:<22} {total:<18.12g} {self.ulp[name]:>12.3g} ULP")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()


def compare_sums(x: Any) -> SumComparison:
    """Adds numbers one by one, in pairs, with Kahan's carry, as NumPy and as device "cpu" do.

    Kahan's sum is a Python loop: a million numbers take about a second.

    Args:
        x: An array of float32 or float64, taken flat.

    Raises:
        DTypeError: Another number type.
        ValueError: An entry is not finite.
    """
    x = np.ravel(np.asarray(x))
    if x.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DTypeError(f"compare_sums: needs float32 or float64 numbers, got {x.dtype}")
    if not np.all(np.isfinite(x)):
        raise ValueError(f"compare_sums: entry {int(np.argmin(np.isfinite(x)))} is not finite")
    exact = math.fsum(x.astype(np.float64))
    with np.errstate(over="ignore"):
        sums = {
            "one by one": naive(x),
            "in pairs": pairwise(x),
            "with Kahan's carry": kahan(x),
            "np.sum": np.sum(x),
            'tg.sum on "cpu"': registry["sum"](tensor(x, device="cpu")).numpy()[()],
        }
    errors = ulp_errors(
        np.array(list(sums.values()), x.dtype), np.array([Decimal(exact)] * len(sums))
    )
    return SumComparison(
        x.size,
        x.dtype.name,
        exact,
        {name: float(total) for name, total in sums.items()},
        dict(zip(sums, errors.tolist(), strict=True)),
    )
