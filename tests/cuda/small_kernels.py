"""Kernels of a few lines for the tests of the simulator, compiled together."""

from collections.abc import Sequence

from cuda.on_sim import PRELUDE
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda.sources import text_of


def kernels(
    bodies: Sequence[str], parameters: str, headers: Sequence[str] = ()
) -> list[sim.SimulatedKernel]:
    """A kernel for each body, called test0, test1, ...; the lines of each are numbered from 1.

    Args:
        bodies: What stands between the braces.
        parameters: What all of them take.
        headers: Files of `kernels/cuda` that they include.
    """
    names = [f"test{k}" for k in range(len(bodies))]
    text = "\n".join(
        [
            *map(text_of, headers),
            *(
                f"{PRELUDE}__global__ void {name}({parameters}) {{ {body}\n}}"
                for name, body in zip(names, bodies, strict=True)
            ),
        ]
    )
    return [sim.SimulatedKernel(text, names, name) for name in names]
