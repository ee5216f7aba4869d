"""The two libraries of kernels, for the CPU and in CUDA: one set of names, operands and tests.

What differs stands with a test: the shapes at which a library goes another way, and how many
additions a number goes through there. The CUDA kernels run on the simulator, or on the GPU.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from backends import kernel_rounding
from cuda import kernel_runs
from cuda.on_sim import needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="Numba is not installed"
)


@dataclass(frozen=True, eq=False)
class KernelLibrary:
    """Where kernels come from.

    Attributes:
        name: What a test's case is called.
        mark: Skips a test where the library cannot be used.
        launch: Runs a kernel by name and number type on operands; False if it refuses them.
        examples: How many a property is tried on.
        in_total: How many float64 additions one of n numbers goes through where all are added up.
    """

    name: str
    mark: pytest.MarkDecorator = field(repr=False)
    launch: Callable[..., bool] = field(repr=False)
    examples: int = field(repr=False)
    in_total: Callable[[int], float] = field(repr=False)


CPU = KernelLibrary("cpu", needs_numba, kernel_rounding.launch, 60, lambda n: n / 16 + 6)
CUDA = KernelLibrary("cuda", needs_compiler, kernel_runs.launch, 25, lambda n: n / 1024 + 24)
"""Its additions: in a seat, over the seats, over the parts."""

each_library = pytest.mark.parametrize(
    "library", [pytest.param(one, id=one.name, marks=one.mark) for one in (CPU, CUDA)]
)


def holds(
    library: KernelLibrary, law: Callable[..., None], **drawn: st.SearchStrategy[Any]
) -> Callable[..., None]:
    """A test that a law holds in a library: hypothesis draws the arguments that are named here.

    A parametrised test would draw the same shapes, and as many, for both libraries.
    """
    test = given(library=st.just(library), **drawn)(law)
    marked: Callable[..., None] = library.mark(settings(max_examples=library.examples)(test))
    return marked
