"""The public strategies draw what breaks naive code, and only what they promise."""

import subprocess
import sys
from typing import Any

import numpy as np
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tinygrad_ed.check import strategies
from tinygrad_ed.check.strategies import LAYOUTS, laid_out

some = settings(max_examples=60, deadline=None)


@some
@given(strategies.arrays(domain=(-1, 2)))
def test_arrays_are_small_finite_and_in_their_domain(x: Any) -> None:
    assert x.dtype == np.float64 and x.ndim <= 3 and max(x.shape, default=0) <= 4
    assert np.all((x >= -1) & (x <= 2))


@some
@given(strategies.broadcastable_pairs())
def test_broadcastable_pairs_broadcast(pair: Any) -> None:
    np.broadcast_shapes(*pair)


@some
@given(strategies.matmul_pairs())
def test_matmul_pairs_multiply(pair: Any) -> None:
    np.zeros(pair[0]) @ np.zeros(pair[1])


@some
@given(strategies.arrays(), st.sampled_from(LAYOUTS))
def test_a_layout_changes_the_memory_and_not_the_numbers(x: Any, layout: str) -> None:
    made = laid_out(x, layout)
    assert made.shape == x.shape and made.dtype == x.dtype
    np.testing.assert_array_equal(made, x)


def drawn(strategy: Any, wanted: Any) -> Any:
    """Some value of the strategy that is as wanted, not the simplest one."""
    quick = settings(max_examples=2000, phases=[Phase.generate], database=None, deadline=None)
    return find(strategy, wanted, settings=quick)


def test_the_awkward_ones_are_drawn() -> None:
    arrays = strategies.arrays()
    for awkward in (
        lambda x: x.ndim == 0,
        lambda x: x.size == 0,
        lambda x: x.shape == (1,),
        lambda x: x.ndim > 1 and min(x.shape) > 1 and x.flags.f_contiguous,
        lambda x: x.size > 1 and min(x.strides) < 0,
        lambda x: x.size > 1 and not x.flags.c_contiguous and min(x.strides) > 8,
    ):
        drawn(arrays, awkward)
    drawn(strategies.broadcastable_pairs(), lambda p: len(p[0]) != len(p[1]) and 1 in p[0])
    drawn(strategies.matmul_pairs(), lambda p: len(p[0]) == 1 and len(p[1]) == 2)


def test_shape_number_type_and_entries_can_be_asked_for() -> None:
    labels = drawn(strategies.arrays((3,), int, domain=(0, 2)), lambda x: x[0] == 2)
    assert labels.dtype.kind == "i" and labels.max() <= 2
    flags = drawn(strategies.arrays((2,), bool), lambda x: x.all())
    assert flags.dtype == bool
    ones = drawn(strategies.arrays((2, 2), elements=st.just(1.0), strides=False), lambda x: True)
    assert ones.flags.c_contiguous and np.all(ones == 1)


BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "hypothesis":
            raise ImportError("blocked")
sys.meta_path.insert(0, Absent())
import numpy as np, tinygrad_ed as tg, tinygrad_ed.check
assert tinygrad_ed.check.gradcheck(tg.exp, np.ones(2))
try:
    tinygrad_ed.check.strategies
except ImportError as error:
    print(error)
"""


def test_without_hypothesis_only_the_strategies_are_missing_and_say_so() -> None:
    ran = subprocess.run([sys.executable, "-c", BLOCK], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == (
        "tinygrad_ed.check.strategies needs hypothesis: pip install 'tinygrad_ed[test]'"
    )
