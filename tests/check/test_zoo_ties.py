"""Where entries tie, their shares of the gradient add up to what came in.

Each share alone may be any slope between those of both sides, so differences entry by entry cannot
tell; moved together, the entries are one, and their slope is known.
"""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg

TIED = np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize("op", [tg.max, tg.min], ids=["max", "min"])
def test_entries_that_tie_share_the_gradient(op: Any) -> None:
    x = tg.tensor(TIED, requires_grad=True)
    y = op(x, axis=1)
    slope = tg.grad(y, x, np.array([3.0, 5.0]))
    np.testing.assert_allclose(slope.numpy().sum(axis=1), [3.0, 5.0], rtol=1e-15)
    assert np.all(slope.numpy()[y.numpy()[:, None] != TIED] == 0)


@pytest.mark.parametrize("op", [tg.maximum, tg.minimum], ids=["maximum", "minimum"])
def test_operands_that_tie_share_the_gradient(op: Any) -> None:
    a, b = (tg.tensor(TIED, requires_grad=True) for _ in range(2))
    first, second = tg.grad(op(a, b), [a, b], np.full(TIED.shape, 4.0))
    np.testing.assert_array_equal(first.numpy() + second.numpy(), np.full(TIED.shape, 4.0))
