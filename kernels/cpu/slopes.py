"""Small kernels: the slope of an activation written in its own value, and counting."""

from .compiling import kernel
from .operands import Flat, FlatOut, Int, Labels, LabelsInOut


@kernel(split=("dz", "dy", "y"), work=("dz",), equal=("dz = dy", "dz = y"), exact=True)
def slope(dz: FlatOut, dy: Flat, y: Flat, kind: Int) -> None:
    """dz = dy f'(z): ReLU [y > 0], sigmoid y (1 - y), tanh 1 - y², by the code of f."""
    zero, one = dz.dtype.type(0), dz.dtype.type(1)
    if kind == 1:
        for i in range(dz.size):
            dz[i] = dy[i] * (one if y[i] > zero else zero)
    elif kind == 2:
        for i in range(dz.size):
            dz[i] = dy[i] * y[i] * (one - y[i])
    else:
        for i in range(dz.size):
            dz[i] = dy[i] * (one - y[i] * y[i])


@kernel
def advance(counter: LabelsInOut, by: Int) -> None:
    """counter += by: steps and calls that a captured program counts by itself."""
    for i in range(counter.size):
        counter[i] += by


@kernel
def count_from(number: LabelsInOut, counter: Labels, offset: Int) -> None:
    """number[0] = counter[0] + offset."""
    number[0] = counter[0] + offset
