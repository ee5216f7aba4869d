"""Logistic regression [D2-F2]: maximum likelihood, and why two of the documents' tables have none.

In [D2-E3] and [D2-E4] one threshold separates the classes, so a steeper curve is always more
likely: β grows without end. An L2 term on the slopes makes the answer exist and be unique.

    python examples/logistic_regression.py
"""

import sys
from typing import Any

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.data import Standardise
from tinygrad_ed.documents import entry
from tinygrad_ed.exits import exit_code


def probability(beta: Any, x: Any) -> tuple[float, float]:
    """z = β0 + β·x and P(y=1) = σ(z) [D2-F2]."""
    z = float(np.asarray(beta, dtype=np.float64) @ [1.0, *x])
    return z, float(tg.sigmoid(np.float64(z)))


def growth(X: Any, y: Any, at: tuple[int, ...]) -> list[tuple[int, float, float]]:
    """(step, |β|, loss) at the steps `at` of plain gradient descent on standardised features."""
    inputs = tg.tensor(Standardise.fit(X).transform(X))
    targets = tg.tensor(y.reshape(-1, 1))
    model = tg.nn.Linear(X.shape[1], 1, init="zeros", dtype="float64")
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0)
    seen = []
    for step in range(1, max(at) + 1):
        z = model(inputs)
        loss = tg.bce_with_logits(z, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in at:
            seen.append((step, float(np.linalg.norm(model.W.numpy())), loss.item()))
    return seen


def penalised(X: Any, y: Any, start: Any, weight: float = 1.0) -> Any:
    """The β that minimises -log-likelihood + weight/2 (β1² + … + βn²), by Newton's method.

    Gradient and Hessian come from the tape: a recorded backward pass is differentiated again. A
    step that would not lower the objective is halved.
    """
    rows, targets = tg.tensor(np.column_stack([np.ones(len(X)), X])), tg.tensor(y)
    slopes = np.array([0.0, *np.ones(X.shape[1])])  # β0 is free

    def objective(beta: tg.Tensor) -> Any:
        likelihood = tg.bce_with_logits(rows @ beta, targets, reduction="sum")
        return likelihood + weight / 2 * (slopes * beta * beta).sum()

    beta = np.array(start, dtype=np.float64)
    for _ in range(100):
        here = tg.tensor(beta, requires_grad=True)
        value = objective(here)
        gradient = tg.grad(value, here, create_graph=True)
        hessian = np.array([tg.grad(gradient[k], here).numpy() for k in range(len(beta))])
        step = np.linalg.solve(hessian, gradient.numpy())
        while objective(tg.tensor(beta - step)).item() > value.item():
            step = step / 2
        beta = beta - step
        if np.abs(step).max() <= 1e-12 * np.abs(beta).max():
            break
    return beta


def table(id: str) -> tuple[Any, ...]:
    """An example's features, targets and the row it is asked about, as float64 arrays."""
    given = entry(id).inputs
    return tuple(np.array(given[name], dtype=np.float64) for name in ("x", "y", "query"))


def investigate(id: str) -> dict[str, Any]:
    """What the printed β gives, that no β is the most likely one, and the penalised answer."""
    X, y, query = table(id)
    z, P = probability(entry(id).printed["beta"], query)
    starts = ([0.0, 0.0, 0.0], [1.0, 0.2, -0.2])
    answers = [penalised(X, y, start) for start in starts]
    return {
        "z": z,
        "P": P,
        "rank": int(np.linalg.matrix_rank(np.column_stack([np.ones(len(X)), X]))),
        "growth": growth(X, y, (10, 100, 1000, 3000)),
        "answers": answers,
        "P_penalised": probability(answers[0], query)[1],
    }


def main() -> int:
    """Prints both examples."""
    print("[D2-F2] P(y=1) = σ(z), z = β0 + β1 x1 + … + βn xn, by maximum likelihood\n")
    for id, question in (
        ("D2-E3", "(age, pressure) = (40, 130) -> disease"),
        ("D2-E4", "(age, price) = (10, 200) -> hired"),
    ):
        printed, found = entry(id).printed, investigate(id)
        print(f"[{id}] {question}; the document: β = {printed['beta']}, P ≈ {printed['P']}")
        print(f"  that β gives z = {found['z']:g}, P = {found['P']:.3g}")
        if id == "D2-E4":
            as_written = float(tg.sigmoid(np.float64(-found["z"])))
            print(f"  as it writes it, without the minus, 1 / (1 + e^-100) = {as_written:.3g}")
        print(f"  rank {found['rank']} of 3 columns, and separable: the likelihood has no maximum")
        for step, size, loss in found["growth"]:
            print(f"    after {step:5} steps  |β| = {size:8.4f}  loss = {loss:.6f}")
        for beta in found["answers"]:
            print(f"  with L2: β = ({beta[0]:.6f}, {beta[1]:.6f}, {beta[2]:.6f})")
        print(f"  the same from both starts: unique; P = {found['P_penalised']:.6f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, "logistic_regression.py"))
