"""The CPU's softmax kernels and cross-entropy take rows in groups; their scratch holds one group.

Their values are those of both libraries: `tests/cuda/test_kernels_{softmax,losses}.py`.
"""

import numpy as np
import pytest

pytest.importorskip("numba")

from backends.kernel_rounding import empty, enter, scores

CE = "cross_entropy_labels"
FAMILY = [CE, "softmax_rows", "softmax_rows_vjp", "log_softmax_rows", "log_softmax_rows_vjp"]


@pytest.mark.parametrize("name", FAMILY)
def test_nothing_beyond_sixteen_rows_of_scratch_is_touched(name: str) -> None:
    z, labels = scores(19, 5, "float32", 0)
    work, loss, dz, dy = np.full(100, 77, "f4"), empty(1, "f4"), empty(95, "f4"), np.ones(1, "f4")
    operands: dict[str, tuple[object, ...]] = {CE: (z, labels, loss, dz, dy, 5, 1)}
    operands |= {"softmax_rows": (z, dz, 5), "log_softmax_rows": (z, dz, 5)}
    assert enter(name, "float32", *operands.get(name, (dz, z, z, 5)), work=work.ctypes.data) == 0
    assert np.all(dz != 77)
    assert np.all(work[80:] == 77) and np.any(work[:80] != 77)
