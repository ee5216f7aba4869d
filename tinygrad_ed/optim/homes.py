"""Where gradients live: end to end in one array, each parameter's stretch being its *home*.

`backward` writes a leaf's gradient straight into its home, so that a step has nothing to gather.
Nobody can tell: a gradient that was read may be kept, and its numbers must never change. So reading
`p.grad` takes the home away from p (`tensor.py`), and it is given back only after a look at who
still holds that memory. If anybody does, it is theirs, and the block takes new memory.
"""

import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor

Array: TypeAlias = NDArray[Any]


class Homes:
    """The gradient memory of parameters of one dtype and one device.

    Attributes:
        flat: All gradients, end to end.
        views: Each parameter's stretch of it, in the parameter's shape.

    Shapes:
        ``flat`` is ``(n,)``, n the sum of the parameters' sizes.
    """

    def __init__(self, params: Sequence[Tensor], spans: Sequence[tuple[int, int]]) -> None:
        self.params, self.spans = params, spans
        self._allocate()

    def _allocate(self) -> None:
        # empty_like: the array comes from the parameters' own library (NumPy or CuPy)
        self.flat: Array = np.empty_like(self.params[0]._array, shape=(self.spans[-1][1],))
        self.views: list[Array] = [
            self.flat[a:b].reshape(p.shape)
            for p, (a, b) in zip(self.params, self.spans, strict=True)
        ]
        self._alone = self._counts()

    def _counts(self) -> list[int]:
        """How often each array is referred to. A view refers to the array that owns the memory."""
        return [sys.getrefcount(array) for array in (self.flat, *self.views)]

    def _held(self) -> bool:
        """Whether anybody but the block and its parameters holds gradients that live here."""
        ours = [
            (p._home is view) + (p._grad is view)
            for p, view in zip(self.params, self.views, strict=True)
        ]
        alone = zip(self._alone, [0, *ours], strict=True)
        return self._counts() != [count + here for count, here in alone]

    def clear(self) -> None:
        """Make sure that writing to the memory changes nothing that somebody holds.

        Parameters whose gradient lives in the old memory keep it there.
        """
        if self._held():
            old = self.views
            self._allocate()
            for p, before, view in zip(self.params, old, self.views, strict=True):
                if p._home is before:
                    p._home = view

    def give(self, wanting: Sequence[int]) -> None:
        """Give these parameters their homes (back).

        Only memory of NumPy's is given away: of others we cannot see who holds it.
        """
        if type(self.flat) is np.ndarray:
            self.clear()
            for i in wanting:
                self.params[i]._home = self.views[i]
