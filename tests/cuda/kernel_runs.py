"""Launching kernels of the library on the simulator: in every order of threads, and on any grid."""

import dataclasses
from typing import Any

import numpy as np
from cuda.on_sim import LIBRARY, Array
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import Launch

OTHER_GRIDS = (("reverse", None, None), ("shuffled", 3, 64), ("forward", 1, 96))
"""Order of threads, blocks, threads in a block; None: as launched."""

lengths = st.integers(1, 40) | st.sampled_from([63, 64, 65, 200, 1024, 1025, 2100])
"""Of rows: a few lanes for each, a warp, a block."""


def outputs(name: str, dtype: str, operands: tuple[Any, ...]) -> list[Array]:
    """Those of the operands that the kernel writes."""
    roles = LIBRARY.get(name, dtype).signature.roles
    pairs = zip(operands, roles, strict=True)
    return [a for a, role in pairs if "out" in role and isinstance(a, np.ndarray)]


def launch(name: str, dtype: Any, *operands: Any) -> bool:
    """Runs a kernel; False if it refuses what it is given.

    Where it does not, other orders and other grids have to give the same bits. Afterwards no
    block may be counted as arrived, and no refusal may be left for the next launch.
    """
    dtype = np.dtype(dtype).name
    kernel = LIBRARY.get(name, dtype)
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in operands]
    accepted = kernel.launch(*operands)
    assert not np.any(LIBRARY.scratch()[:2])
    if not accepted:
        return False
    wanted = [a.tobytes() for a in outputs(name, dtype, operands)]
    roles = kernel.signature.roles
    for order, blocks, threads in OTHER_GRIDS:
        again = tuple(
            copy.copy() if "out" in role and isinstance(a, np.ndarray) else a
            for a, copy, role in zip(operands, copies, roles, strict=True)
        )
        found = kernel.prepared(again)
        assert found is not None
        with sim.simulation(order, seed=7):
            on_grid(found, blocks, threads).run()
        assert not LIBRARY.refused(found)
        assert [a.tobytes() for a in outputs(name, dtype, again)] == wanted, (order, blocks)
        assert found.scratch is None or not found.scratch[1]
    return True


def on_grid(found: Launch, blocks: int | None, threads: int | None) -> Launch:
    """The same launch over other blocks and threads."""
    grid = found.grid._replace(
        blocks=blocks or found.grid.blocks, threads=threads or found.grid.threads
    )
    return dataclasses.replace(found, grid=grid)
