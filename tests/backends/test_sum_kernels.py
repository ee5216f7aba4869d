"""The CPU's kernel for sums down columns adds up alike however the columns are shared out.

The sums' bounds are those of both libraries: `tests/cuda/test_kernels_sums.py`.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")

from backends.kernel_rounding import dtypes, empty, enter, launch


@given(st.integers(0, 50), st.integers(1, 200), st.integers(1, 7), dtypes)
def test_rows_are_summed_alike_however_the_columns_are_shared_out(
    N: int, H: int, parts: int, dtype: str
) -> None:
    x = (np.random.default_rng(N + H).standard_normal(N * H) * 1e3).astype(dtype)
    whole, shared, written = empty(H, dtype), empty(H, dtype), np.zeros(H, int)
    assert launch("sum_rows", dtype, x, whole, 0)
    for part in range(parts):
        alone = empty(H, dtype)
        enter("sum_rows", dtype, x, alone, 0, part=part, parts=parts)
        enter("sum_rows", dtype, x, shared, 0, part=part, parts=parts)
        written += alone != 77
    np.testing.assert_array_equal(shared, whole)
    np.testing.assert_array_equal(written, 1)
