"""Each fusion fires where it should, and never where a value is read twice or kept."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits, batches, classifier, twins

import tinygrad_ed as tg
from tinygrad_ed import nn

rng = np.random.default_rng(0)
W, V, b = (
    nn.Parameter(rng.standard_normal(s), device="cpu", name=n)
    for s, n in (((4, 3), "W"), ((4, 3), "V"), ((3,), "b"))
)


def program(step: Callable[..., Any], *, fuse: bool = True, rows: int = 5) -> Any:
    """The program of a step on X (rows, 4), once it has given the bits of the step as written."""
    captured = tg.capture(step, fuse=fuse)
    for k in range(4):
        X = tg.tensor(np.random.default_rng(k).standard_normal((rows, 4), np.float32), device="cpu")
        assert_same_bits(_cut(step(X)), _cut(captured(X)))
    return captured.program


def _cut(value: Any) -> Any:
    return [_cut(v) for v in value] if isinstance(value, tuple) else value.detach()


def kernels(found: Any) -> list[str]:
    return [
        line.kernel.name if hasattr(line, "kernel") else line.function.__name__
        for line in found.instructions
    ]


def both(step: Callable[..., Any]) -> tuple[list[str], list[str]]:
    return kernels(program(step, fuse=False)), kernels(program(step))


def test_product_and_bias() -> None:
    plain, joined = both(lambda X: X @ W + b)
    assert plain == ["product", "add_forward"] and joined == ["product"]
    assert both(lambda X: b + X @ W)[1] == ["product"]


def test_product_bias_and_relu() -> None:
    plain, joined = both(lambda X: tg.relu(X @ W + b))
    assert plain == ["product", "add_forward", "relu_forward"] and joined == ["product"]
    assert both(lambda X: tg.relu(X @ W))[1] == ["product"]


@pytest.mark.parametrize("activation", [tg.relu, tg.sigmoid, tg.tanh])
def test_product_and_slope(activation: Any) -> None:
    U = nn.Parameter(np.ones((3, 2)), device="cpu")

    def step(X: Any) -> Any:
        return tg.grad((activation(X @ W) @ U).sum(), W)

    plain, joined = both(step)
    assert any(name.endswith("_vjp") for name in plain)
    assert not any(name.endswith("_vjp") for name in joined)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_product_and_slope_inside_layers(activation: str) -> None:
    U = nn.Parameter(np.ones((3, 2)), device="cpu")

    def step(X: Any) -> Any:
        hidden = tg.linear(X, W, b, activation=activation)
        return tg.grad((hidden @ U).sum(), W)

    plain, joined = both(step)
    assert plain.count("slope") == 1 and "slope" not in joined


@pytest.mark.parametrize("loss", [tg.bce_with_logits, tg.mse])
def test_loss_and_its_gradient(loss: Any) -> None:
    t = tg.tensor(np.full((5, 3), 0.5, np.float32), device="cpu")

    def step(X: Any) -> Any:
        L = loss(X @ W, t)
        return L, tg.grad(L, W)

    plain, joined = both(step)
    assert plain.count(loss.name) == 2 and joined.count(loss.name) == 1


def test_a_loss_whose_upstream_gradient_comes_later_is_not_joined() -> None:
    t = tg.tensor(np.full((5, 3), 0.5, np.float32), device="cpu")

    def step(X: Any) -> Any:
        L = tg.mse(X @ W, t)
        return tg.grad(L * L, W)

    assert kernels(program(step)).count("mse") == 2


KEPT: dict[str, Callable[..., Any]] = {
    "product is returned": lambda X: (Z := X @ W, Z + b),
    "product is read twice": lambda X: (X @ W + b) * (X @ W) + (lambda Z: (Z + b) * Z)(X @ W),
    "sum is returned": lambda X: (Z := X @ W + b, tg.relu(Z)),
    "bias is a matrix": lambda X: X @ W + (X @ V),
    "bias is a column": lambda X: X @ W + X[:, :1],
    "bias is a number": lambda X: X @ W + 2.0,
    "the same product twice": lambda X: (lambda Z: Z + Z)(X @ W),
    "another view of it": lambda X: (lambda Z: Z.reshape(-1)[:3] + b)(X @ W),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_somebody_else_reads_is_kept(name: str) -> None:
    found = program(KEPT[name])
    assert len(kernels(found)) >= 2


def test_an_op_of_ones_own_called_relu_is_not_taken_for_ours() -> None:
    @tg.op(elementwise=True)
    def relu(z):  # type: ignore[no-untyped-def]
        """Twice as steep."""
        return 2 * np.maximum(z, 0)

    @relu.vjp
    def _(dy, y, z):  # type: ignore[no-untyped-def]
        return 2 * dy * (z > 0)

    assert kernels(program(lambda X: relu(X @ W))) == ["product", "relu_forward"]


def test_constants_are_computed_once() -> None:
    def step(X: Any) -> Any:
        return tg.grad((X @ W).mean(), W)

    assert kernels(program(step)) == ["product", "sum_all", "product"]
    assert kernels(program(step, fuse=False)).count("spread") == 1


def test_two_paths_add_up_where_the_optimizer_reads() -> None:
    def step(X: Any) -> Any:
        return tg.grad(((X @ W) * (X @ V)).sum() + (W * W).sum(), W)

    found = program(step)
    assert "gather" not in kernels(found)


def test_gradients_of_separate_operators_need_no_copy() -> None:
    class Layer(nn.Module):
        def __init__(self) -> None:
            self.W = nn.Parameter(np.ones((6, 2)), device="cpu")
            self.b = nn.Parameter(np.zeros(2), device="cpu")

        def forward(self, X: Any) -> Any:
            return X @ self.W + self.b

    model = Layer()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @tg.capture
    def step(X: Any) -> Any:
        Z = model(X)
        loss = (Z * Z).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for X, _ in batches(3, 4, 6):
        step(X)
    assert "gather" not in kernels(step.program)


def test_a_network_of_layers_is_one_launch_for_each_thing() -> None:
    _, captured = twins(classifier)
    for batch in batches(3, 8, 30):
        captured.call(*batch)
    names = kernels(captured.call.program)
    assert names == ["product"] * 3 + ["bce_with_logits"] + [
        "product", "product", "sum_rows",
        "product", "product", "sum_rows",
        "product", "sum_rows",
        "adam_update", "advance",
    ]  # fmt: skip
    assert captured.call.program.whole is not None
