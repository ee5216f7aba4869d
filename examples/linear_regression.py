"""Linear regression [D2-F1]: least squares, and gradient descent beside it.

[D2-E2] is right: four rows on a line. [D2-E1] is not: its β predicts another price than it says,
and its table cannot fix a β at all, because rooms = size / 500.

    python examples/linear_regression.py
"""

import sys
from typing import Any

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.data import Standardise
from tinygrad_ed.documents import entry
from tinygrad_ed.exits import exit_code


def design(X: Any) -> Any:
    """The design matrix: a column of ones for β0, then the features. (N, D) -> (N, 1 + D)."""
    return np.column_stack([np.ones(len(X)), X])


def least_squares(X: Any, y: Any) -> tuple[Any, int]:
    """The shortest β that minimises |design(X) β - y|², and the rank of the design matrix."""
    beta, _, rank, _ = np.linalg.lstsq(design(X), y)
    return beta, int(rank)


def gradient_descent(X: Any, y: Any, start: Any = None, steps: int = 400) -> Any:
    """β by the five-line loop, from weights `start` (zeros by default), float64.

    Features of 1000 and of 2 need steps of very different length; on standardised ones a single
    learning rate serves all. The result is given in the units of the table again.
    """
    scale_X, scale_y = Standardise.fit(X), Standardise.fit(y.reshape(-1, 1))
    inputs = tg.tensor(scale_X.transform(X))
    targets = tg.tensor(scale_y.transform(y.reshape(-1, 1)))
    model = tg.nn.Linear(X.shape[1], 1, init="zeros", dtype="float64")
    if start is not None:
        model.W.data = np.reshape(start, model.W.shape)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(steps):
        output = model(inputs)
        loss = tg.mse(output, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = model.state_dict()
    slopes = found["W"].ravel() * scale_y.scale_ / scale_X.scale_
    centre = scale_y.mean_[0] + found["b"][0] * scale_y.scale_[0]
    return np.array([centre - slopes @ scale_X.mean_, *slopes])


def table(example: Any) -> tuple[Any, ...]:
    """An example's features, targets and the row it is asked about, as float64 arrays."""
    given = example.inputs
    return tuple(np.array(given[name], dtype=np.float64) for name in ("x", "y", "query"))


def exact_fit() -> dict[str, Any]:
    """[D2-E2]: age -> price, four rows on a line."""
    X, y, query = table(entry("D2-E2"))
    beta, rank = least_squares(X, y)
    descent = gradient_descent(X, y)
    return {
        "beta": beta,
        "rank": rank,
        "descent": descent,
        "residuals": y - design(X) @ beta,
        "prediction": float(beta @ [1, *query]),
    }


def rank_two() -> dict[str, Any]:
    """[D2-E1]: size and rooms -> price, with a design matrix of three columns and rank 2."""
    X, y, query = table(entry("D2-E1"))
    printed = np.array(entry("D2-E1").printed["beta"], dtype=np.float64)
    beta, rank = least_squares(X, y)
    solutions = {
        "least squares, the shortest β": beta,
        "gradient descent from 0": gradient_descent(X, y),
        "gradient descent from (1, -1)": gradient_descent(X, y, start=[1.0, -1.0]),
        "size alone": np.array([100_000.0, 100.0, 0.0]),
    }
    return {
        "document_prediction": float(printed @ [1, *query]),
        "rank": rank,
        "solutions": solutions,
        "predictions": {name: float(b @ [1, *query]) for name, b in solutions.items()},
        "residuals": {name: y - design(X) @ b for name, b in solutions.items()},
        "per_size": {name: float(b[1] + b[2] / 500) for name, b in solutions.items()},
    }


def main() -> int:
    """Prints both examples."""
    line, flat = exact_fit(), rank_two()
    with np.printoptions(precision=6, suppress=True):
        print("[D2-F1] y = β0 + β1 x1 + … + βn xn + ε, fitted by least squares\n")
        print("[D2-E2] age -> price; the document: β = (50, 10), 150 for age 10")
        print(f"  least squares     β = {line['beta']}, rank {line['rank']} of 2")
        print(f"  gradient descent  β = {line['descent']}")
        print(f"  residuals {np.abs(line['residuals']).round(9)}: an exact fit")
        print(f"  prediction {line['prediction']:.6f}: right\n")

        said = entry("D2-E1").printed
        print(f"[D2-E1] (size, rooms) -> price; the document: β = {said['beta']},")
        print(f"  and {said['prediction']} for (1500, 3).")
        print(f"  That β predicts {flat['document_prediction']:.0f}.")
        print(f"  Rank {flat['rank']} of 3 columns, because rooms = size / 500: β is not unique.")
        for name, beta in flat["solutions"].items():
            print(
                f"  {name:29}  β = ({beta[0]:.2f}, {beta[1]:.6f}, {beta[2]:.4f})"
                f" -> {flat['predictions'][name]:.2f}"
            )
        print("  Each fits all three rows exactly: β0 = 100000, and β1 + β2 / 500 = 100.")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, "linear_regression.py"))
