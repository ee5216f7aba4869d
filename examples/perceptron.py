"""One sigmoid neuron with two inputs [D4-E1]: δ = (ŷ - y) σ'(z), by hand and by the engine.

The loss is ½ (y - ŷ)² [D4-B2]. The document's text counts one input neuron for its two features.

    python examples/perceptron.py
"""

import sys
from typing import Any

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.documents import entry
from tinygrad_ed.exits import exit_code


def by_hand(x: Any, y: float, w: Any, b: float) -> dict[str, Any]:
    """z = w·x + b, ŷ = σ(z), δ = (ŷ - y) ŷ (1 - ŷ), ∂L/∂w = δ x, ∂L/∂b = δ [D4-B2]."""
    z = float(w @ x + b)
    y_hat = 1 / (1 + np.exp(-z))
    delta = (y_hat - y) * y_hat * (1 - y_hat)
    return {
        "z": z,
        "y_hat": float(y_hat),
        "loss": float((y - y_hat) ** 2 / 2),
        "delta": float(delta),
        "dw": delta * x,
        "db": float(delta),
    }


def neuron(w: Any, b: float) -> tg.nn.Linear:
    """The same neuron as a layer of one unit, in float64."""
    layer = tg.nn.Linear(len(w), 1, activation="sigmoid", dtype="float64")
    layer.load_state_dict({"W": w.reshape(-1, 1), "b": [b]})
    return layer


def by_the_engine(x: Any, y: float, w: Any, b: float) -> dict[str, Any]:
    """ŷ, the loss and the gradients from the tape."""
    layer = neuron(w, b)
    y_hat = layer(tg.tensor(x.reshape(1, -1)))
    loss = tg.half_squared_error(y_hat, tg.tensor(np.array([[y]])))
    loss.backward()
    dw, db = (np.asarray(parameter.grad).ravel() for parameter in layer.parameters())
    return {"y_hat": y_hat.item(), "loss": loss.item(), "dw": dw, "db": float(db[0])}


def losses(x: Any, y: float, w: Any, b: float, steps: int = 5, lr: float = 1.0) -> list[float]:
    """The loss before each of some steps down the gradient."""
    layer, inputs, target = neuron(w, b), tg.tensor(x.reshape(1, -1)), tg.tensor(np.array([[y]]))
    optimizer = tg.optim.SGD(layer.parameters(), lr=lr)
    seen = []
    for _ in range(steps):
        loss = tg.half_squared_error(layer(inputs), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    return seen


def numbers() -> tuple[Any, float, Any, float]:
    """The inputs of [D4-E1]: x, y, w, b."""
    given = entry("D4-E1").inputs
    return np.array(given["x"]), given["y"], np.array(given["w"]), given["b"]


def main() -> int:
    """Prints the derivation, the engine's answer and a few steps."""
    x, y, w, b = numbers()
    hand, engine = by_hand(x, y, w, b), by_the_engine(x, y, w, b)
    print(f"[D4-E1] x = {x}, y = {y}, w = {w}, b = {b}")
    print(f"  z = w·x + b        = {hand['z']:.6f}")
    print(f"  ŷ = σ(z)           = {hand['y_hat']:.6f}")
    print(f"  L = ½ (y - ŷ)²     = {hand['loss']:.6f}")
    print(f"  δ = (ŷ - y) σ'(z)  = {hand['delta']:.6f}   [D4-B2]")
    print(f"  ∂L/∂w = δ x        = [{hand['dw'][0]:.6f}, {hand['dw'][1]:.6f}]")
    print(f"  ∂L/∂b = δ          = {hand['db']:.6f}")
    print(f"  the engine         = [{engine['dw'][0]:.6f}, {engine['dw'][1]:.6f}]", end="")
    print(f" and {engine['db']:.6f}")
    print("\nthe loss before each of five steps with learning rate 1:")
    print("  " + "  ".join(f"{loss:.6f}" for loss in losses(x, y, w, b)))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, "perceptron.py"))
