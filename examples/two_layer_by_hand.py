"""A two-layer network by hand [D3-E1]: forward, both deltas, update, in pure functions of NumPy.

3 inputs, 2 hidden sigmoid units, 1 sigmoid output, loss ½ (y - t)². As in the document, one sample
is a column, W1 is (out, in) and W2 is (in, out). No tensor is used until the last function, which
holds the hand's numbers against the engine's.

    python examples/two_layer_by_hand.py
"""

import sys
from typing import Any

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.documents import entry
from tinygrad_ed.exits import exit_code

Numbers = dict[str, Any]


def sigmoid(z: Any) -> Any:
    """σ(z) = 1 / (1 + e^-z) [D0-F2]."""
    return 1 / (1 + np.exp(-z))


def forward(x: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Numbers:
    """h_j = σ(Σ_k w_jk x_k + b_j), y_i = σ(Σ_j w_ji h_j + b_i) [D3-F1].

    Shapes: x (3,), W1 (2, 3), b1 (2,), W2 (2, 1), b2 (1,) -> z1, h (2,), z2, y (1,).
    """
    z1 = W1 @ x + b1
    h = sigmoid(z1)
    z2 = W2.T @ h + b2
    return {"z1": z1, "h": h, "z2": z2, "y": sigmoid(z2)}


def half_squared_error(y: Any, t: Any) -> float:
    """L = ½ Σ (y - t)²: the loss to which the document's output delta belongs [D3-B1]."""
    return float(np.sum((y - t) ** 2) / 2)


def output_delta(y: Any, t: Any) -> Any:
    """δ_i = (y_i - t_i) y_i (1 - y_i) = ∂L/∂z2_i: σ' taken at the pre-activation [D3-B1]."""
    return (y - t) * y * (1 - y)


def hidden_delta(h: Any, W2: Any, delta_output: Any) -> Any:
    """δ_j = (Σ_i w_ji δ_i) h_j (1 - h_j) = ∂L/∂z1_j [D3-B2].

    Shapes: h (2,), W2 (2, 1), delta_output (1,) -> (2,).
    """
    return (W2 @ delta_output) * h * (1 - h)


def backward(x: Any, t: Any, W2: Any, seen: Numbers) -> Numbers:
    """∂L/∂w_jk = δ_j x_k, ∂L/∂w_ji = δ_i h_j, and the deltas themselves for the biases [D4-B1]."""
    delta_output = output_delta(seen["y"], t)
    delta_hidden = hidden_delta(seen["h"], W2, delta_output)
    return {
        "delta_output": delta_output,
        "delta_hidden": delta_hidden,
        "dW1": np.outer(delta_hidden, x),
        "db1": delta_hidden,
        "dW2": np.outer(seen["h"], delta_output),
        "db2": delta_output,
    }


def update(parameters: Numbers, gradients: Numbers, alpha: float) -> Numbers:
    """θ ← θ - α ∂L/∂θ for every parameter, all gradients computed before [D3-U1]."""
    return {name: value - alpha * gradients[f"d{name}"] for name, value in parameters.items()}


def solve() -> Numbers:
    """Every number of the derivation, by the names that the catalogue gives them."""
    given = entry("D3-E1").inputs
    x, t = np.array(given["x"]), given["t"]
    parameters = {name: np.array(given[name]) for name in ("W1", "b1", "W2", "b2")}
    seen = forward(x, **parameters)
    gradients = backward(x, t, parameters["W2"], seen)
    after = update(parameters, gradients, given["alpha"])
    y = seen["y"]
    return {
        **seen,
        "loss": half_squared_error(y, t),
        **gradients,
        **{f"{name}_updated": value for name, value in after.items()},
        "loss_updated": half_squared_error(forward(x, **after)["y"], t),
        # What else the document's line for δ can be read as:
        "delta_output_cross_entropy": y - t,
        "delta_output_with_sigma_prime_at_y": (y - t) * sigmoid(y) * (1 - sigmoid(y)),
    }


def largest_difference(by_hand: Numbers) -> float:
    """The same gradients from the tape: rows for samples, so W1 and the layers are transposed."""
    given = entry("D3-E1").inputs
    leaf = {
        name: tg.tensor(np.array(given[name]), requires_grad=True, name=name)
        for name in ("W1", "b1", "W2", "b2")
    }
    X = tg.tensor(np.array([given["x"]]))
    H = tg.sigmoid(X @ leaf["W1"].T + leaf["b1"])
    Y = tg.sigmoid(H @ leaf["W2"] + leaf["b2"])
    tg.half_squared_error(Y, tg.tensor(np.array([[given["t"]]]))).backward()
    return max(
        float(np.abs(np.asarray(tensor.grad) - by_hand[f"d{name}"]).max())
        for name, tensor in leaf.items()
    )


def main() -> int:
    """Prints the derivation, then checks it against the engine."""
    n = solve()
    print("[D3-E1] 3 inputs, 2 hidden sigmoid units, 1 sigmoid output")
    steps = (
        ("forward [D3-F1]", ("z1", "h", "z2", "y", "loss")),
        ("output delta (y - t) y (1 - y) [D3-B1]", ("delta_output",)),
        ("hidden delta (W2 δ) h (1 - h) [D3-B2]", ("delta_hidden",)),
        ("gradients [D4-B1]", ("dW1", "db1", "dW2", "db2")),
        (
            "update [D3-U1]",
            ("W1_updated", "b1_updated", "W2_updated", "b2_updated", "loss_updated"),
        ),
    )
    with np.printoptions(precision=6, suppress=True):
        for title, names in steps:
            print(f"\n{title}")
            for name in names:
                value = np.array2string(np.asarray(n[name]), prefix=" " * 18)
                print(f"  {name:14}  {value}")
        print("\nthe document's δ has two more readings [D3-B1]")
        print(f"  cross-entropy, its program's loss: δ = y - t = {n['delta_output_cross_entropy']}")
        wrong = n["delta_output_with_sigma_prime_at_y"]
        print(f"  σ' at y, as printed: {wrong}, which is no derivative of anything here")
    difference = largest_difference(n)
    print(f"\nlargest difference from the engine's gradients: {difference:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, "two_layer_by_hand.py"))
