"""Kernels whose text was made from a formula (`tinygrad_ed/backends/scalar_cuda.py`)."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import operands
from .declared import THREADS, Declared, Given, Grid, blocks_for, headed
from .sources import with_headers

RESIDENT = 132 * 8
"""The blocks that a large GPU runs at once. More would only repeat what each thread does first: the
numbers before the loop, which may be powers. A thread of these walks on.
"""
KERNEL = re.compile(r"^__global__ void (\w+)\(", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Generated(Declared):
    """A kernel with one form and one number type.

    Attributes:
        kernel: What C++ calls it.
        work: The operand whose size says how much there is to do.
    """

    kernel: str = ""
    work: str = ""

    def kernels(self, dtype: str) -> tuple[str, ...]:
        """The one in the text."""
        return (self.kernel,)

    def grid(self, dtype: str, given: Given) -> Grid:
        """A thread for each entry, as far as they run at once."""
        blocks = blocks_for(given[self.work].size, THREADS)
        return Grid(self.kernel, min(RESIDENT, blocks), THREADS)

    def function(self, dtype: str) -> str:
        """What the kernel calls."""
        return self.kernel.removesuffix("_kernel")


def declared(
    name: str,
    dtype: str,
    text: str,
    annotations: Mapping[str, str],
    split: Sequence[str],
    work: Sequence[str],
) -> Generated:
    """What is launched from a generated text; the arguments are those of `Library.generated`."""
    kinds = {argument: getattr(operands, kind) for argument, kind in annotations.items()}

    def head() -> None: ...

    head.__name__ = name
    head.__annotations__ = kinds
    parameters = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in kinds]
    head.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    equal = tuple(f"{split[0]} = {other}" for other in split[1:])
    (kernel,) = KERNEL.findall(text)
    whole = with_headers(f"{name}.cu", text)
    about = headed(head, equal, tuple(split))
    return Generated(name, "", about, (dtype,), whole, kernel, work[0])
