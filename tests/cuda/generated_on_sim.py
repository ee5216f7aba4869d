"""Generated kernels on the simulator, many in one library: g++ takes a second for each alone."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from cuda.gpu_machine import machine
from tinygrad_ed.kernels.cuda import CudaKernel, Library
from tinygrad_ed.kernels.cuda.declared import Grid
from tinygrad_ed.kernels.cuda.machines import Kernel
from tinygrad_ed.kernels.cuda.sources import with_headers

from tinygrad_ed.backends.scalar_body import ScalarLoop
from tinygrad_ed.backends.scalar_loops import renamed
from tinygrad_ed.backends.table.generated import annotation_of


class Together:
    """A machine that compiles all texts that were noted down when the first of them is launched.

    While it takes notes no kernel runs, so whoever checks the results finds them wrong.
    """

    def __init__(self) -> None:
        self.machine = machine()
        self.library = Library(self, np)
        self.noting = True
        self.noted: dict[str, ScalarLoop] = {}

    def note(self, cases: Iterable[Callable[[], Any]]) -> None:
        """Every text that these functions run."""
        for case in cases:
            with contextlib.suppress(AssertionError):
                case()
        self.noting = False

    def kernel(self, text: str, kernels: tuple[str, ...], name: str) -> Kernel:
        """As for any machine, out of the library with all texts."""
        loops = self.noted.values()
        whole = with_headers("together.cu", "\n".join(loop.text for loop in loops))
        own = next(loop.text for loop in loops if f"{loop.name}_kernel" == name)
        assert text.endswith(own.partition("\n\n")[2].rstrip())  # all but the headers' names
        return self.machine.kernel(whole, tuple(f"{loop.name}_kernel" for loop in loops), name)

    def address(self, array: Any) -> int:
        """Where an array lies."""
        return self.machine.address(array)

    def execute(self, loop: ScalarLoop, arguments: Sequence[Any]) -> None:
        """Runs a loop, as `scalar_runs` wants it."""
        if self.noting and loop.text not in self.noted:
            self.noted[loop.text] = renamed(loop, f"text_{len(self.noted)}_{loop.name}")
        if self.noting:
            return
        kernel = generated(self.library, self.noted[loop.text])
        if not kernel.launch(*arguments):
            self._of_mixed_types(kernel, arguments)

    def _of_mixed_types(self, kernel: CudaKernel, arguments: Sequence[Any]) -> None:
        """What the engine does not launch; the text is right all the same."""
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        assert len({a.dtype for a in arrays if a.dtype.kind == "f"}) == 2
        words: list[int] = []
        for a, kind in zip(arguments, kernel.signature.kinds, strict=True):
            if isinstance(a, np.ndarray):
                words += [self.address(a), a.size]
            else:
                words += [0, int(np.float64(a).view(np.int64)) if kind == "Real" else int(a)]
        (name,) = kernel.declared.kernels(kernel.dtype)
        run = self.library.compiled(kernel.declared, name)
        run(Grid(name, 2, 32), np.array(words, np.int64), arrays)


def generated(library: Library, loop: ScalarLoop) -> CudaKernel:
    """The kernel of a loop, as the engine asks for it."""
    assert loop.body is not None
    whole = [o.argument for o in loop.operands if o.pattern == "full"]
    result = next(o.argument for o in loop.operands if o.kind in ("out", "inout"))
    return library.generated(
        loop.name,
        loop.body.dtype.name,
        loop.text,
        annotations={o.argument: annotation_of(o) for o in loop.operands},
        split=(result, *(w for w in whole if w != result)),
        work=(result,),
    )
