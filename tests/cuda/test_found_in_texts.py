"""What a review found wrong in generated CUDA and around captured launches: each failed once."""

from typing import Any

import numpy as np
import pytest
from cuda.on_sim import needs_compiler
from devices import WITH_KERNELS
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.sim import building

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.backends.scalar_loops import NotElementwise, emit

each_device = pytest.mark.parametrize("device", WITH_KERNELS)


@tg.op(elementwise=True)
def signed_zeros(x):  # type: ignore[no-untyped-def]
    """y = x / -0."""
    return x / -np.zeros_like(x)


@tg.op(elementwise=True)
def shouted(x):  # type: ignore[no-untyped-def]
    """Names that C's headers use for macros, and one that is a keyword of C++."""
    M_E, NAN, NULL, EOF = np.exp(x), x * 2, x + 1, x - 1
    char16_t = M_E + NAN
    return char16_t * NULL - EOF


@signed_zeros.vjp
@shouted.vjp
def _(dy, y, x):  # type: ignore[no-untyped-def]
    return dy


@each_device
@pytest.mark.parametrize("op", [signed_zeros, shouted])
def test_ops_with_unusual_texts(op: Any, device: str) -> None:
    x = np.array([1.0, -2.0, 0.5])
    with np.errstate(divide="ignore"):
        found, expected = op(tg.tensor(x, device=device)).numpy(), op(x)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_a_helper_without_a_module() -> None:
    names: dict[str, Any] = {}
    exec("def twice(x):\n    return x + x", names)
    names["twice"].__module__ = None

    def calls(x):  # type: ignore[no-untyped-def]
        return names["twice"](x)

    with pytest.raises(NotElementwise):  # and no AttributeError: the formula runs
        emit(calls, {"x": "full"}, outputs=["y"])


@needs_compiler
def test_a_captured_step_that_counts_can_be_watched() -> None:
    model = nn.Sequential(nn.Linear(3, 4, device="cuda-sim"), nn.Dropout(0.5, seed=1))
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    @tg.capture(device="cuda-sim")
    def step(X: Any) -> Any:
        loss = (model(X) * model(X)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    with sim.simulation(watched=True):
        losses = [step(np.ones((2, 3), np.float32)).item() for _ in range(4)]
    assert len(set(losses)) > 2


@needs_compiler
def test_what_the_linker_says_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'extern "C" void nowhere();\n__global__ void k(int* x) { nowhere(); }'
    monkeypatch.setattr(building, "LINKED", (*building.LINKED, "-Wl,--no-undefined"))
    with pytest.raises(sim.BuildError, match="nowhere"):
        sim.SimulatedKernel(text, ["k"], "k")((1,), (1,), (np.uint64(0),), ())
