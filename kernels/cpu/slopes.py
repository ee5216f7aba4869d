"""Small kernels: the slope of an activation written in its own value, and counting."""

from ..operands import Flat, FlatOut, Int, Labels, LabelsInOut, Real
from .compiling import kernel


@kernel(split=("dz", "dy", "y"), work=("dz",), equal=("dz = dy", "dz = y"), exact=True)
def slope(dz: FlatOut, dy: Flat, y: Flat, kind: Int) -> None:
    """dz = dy f'(z), by the code of f.

    ReLU: dy where y > 0 and 0 elsewhere; sigmoid: dy y (1 - y); tanh: dy (1 - y²).
    """
    zero, one = dz.dtype.type(0), dz.dtype.type(1)
    if kind == 1:
        for i in range(dz.size):
            dz[i] = dy[i] if y[i] > zero else zero
    elif kind == 2:
        for i in range(dz.size):
            dz[i] = dy[i] * y[i] * (one - y[i])
    else:
        for i in range(dz.size):
            dz[i] = dy[i] * (one - y[i] * y[i])


@kernel(split=("dz", "dy", "y"), work=("dz",), equal=("dz = dy", "dz = y"), exact=True)
def slope_of_dropped(dz: FlatOut, dy: Flat, y: Flat, p: Real) -> None:
    """dz = dy / (1 - p) where y > 0, else 0, with y = dropout(ReLU(z)): both slopes at once.

    An entry of y is above 0 where it was kept and z > 0, so the mask need not be drawn again.
    """
    kept, zero = dz.dtype.type(1.0 - p), dz.dtype.type(0)
    for i in range(dz.size):
        dz[i] = dy[i] / kept if y[i] > zero else zero


@kernel
def advance(counter: LabelsInOut, by: Int) -> None:
    """counter += by: steps and calls that a captured program counts by itself."""
    for i in range(counter.size):
        counter[i] += by


@kernel
def count_from(number: LabelsInOut, counter: Labels, offset: Int) -> None:
    """number[0] = counter[0] + offset."""
    number[0] = counter[0] + offset
