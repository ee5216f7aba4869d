"""Every true number of the catalogue follows from the inputs, by formulas typed out here.

Plain NumPy (and plain sums where the documents write sums): nothing of the engine is used, so that
the catalogue can be the truth which the engine is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tinygrad_ed import documents

Table = dict[str, Any]
RECOMPUTE: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Table]] = {}


def recomputes(identifier: str) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        RECOMPUTE[identifier] = function
        return function

    return register


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(z, dtype=np.float64)))


def entropy(t: Any) -> Any:
    """H(t), the least cross-entropy that any prediction can have against the label t."""
    return -t * np.log(t) - (1 - t) * np.log1p(-t)


def with_ones(x: Any) -> Any:
    x = np.asarray(x, dtype=np.float64)
    return np.column_stack([np.ones(len(x)), x])


def assert_same(found: Any, expected: Any, at: str) -> None:
    if isinstance(expected, Mapping):
        assert set(found) == set(expected), at
        for name in expected:
            assert_same(found[name], expected[name], f"{at}.{name}")
    elif expected is None:
        assert found is None, at
    else:
        tolerance = 1e-9 if ".l2." in at else 1e-13
        found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
        assert found.shape == expected.shape, at
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=0, err_msg=at)


@recomputes("D0-E1")
def _(given: Any, printed: Any) -> Table:
    W1, b1, W2 = np.array(given["W1"]), np.array(given["b1"]), np.array(given["W2"])
    x, b2 = np.array([3, 4]), 0.5
    z1 = W1 @ x + b1
    a1 = sigma(z1)
    z2 = W2 @ a1 + b2
    repair = dict(x=x, W1=W1, b1=b1, W2=W2, b2=b2, z1=z1, a1=a1, z2=z2, a2=sigma(z2))
    return {
        "z1": None,
        "a1": sigma(printed["z1"]),
        "z2": W2 @ np.array(printed["a1"]) + np.array(given["b2"]),
        "a2": sigma(printed["z2"]),
        "repair": repair,
    }


@recomputes("D0-M1")
def _(given: Any, printed: Any) -> Table:
    TP, FP, FN, TN = (given[name] for name in ("TP", "FP", "FN", "TN"))
    accuracy, precision, recall = (TP + TN) / (TP + FP + FN + TN), TP / (TP + FP), TP / (TP + FN)
    return {
        "accuracy": accuracy,
        "precision": precision,
        "recall": recall,
        "F1": 2 * TP / (2 * TP + FP + FN),
        "document_rule": 2 / (1 / accuracy + 1 / recall),
    }


@recomputes("D2-E1")
def _(given: Any, printed: Any) -> Table:
    A, query = with_ones(given["x"]), with_ones([given["query"]])[0]
    exact = np.array([100000.0, 100.0, 0.0])  # a solution, as `fitted` shows
    unseen = np.array([0.0, 1.0, -500.0])  # A @ unseen = 0: size and 500 rooms cancel
    np.testing.assert_array_equal(A @ unseen, 0)
    return {
        "beta": None,
        "prediction": query @ np.array(printed["beta"]),
        "rank": np.linalg.matrix_rank(A),
        "columns": A.shape[1],
        "intercept": exact[0],
        "slope_per_unit_size": exact[1] + exact[2] / 500,
        "minimum_norm_beta": exact - (exact @ unseen) / (unseen @ unseen) * unseen,
        "fitted": A @ exact,
        "fitted_prediction": query @ exact,
    }


@recomputes("D2-E2")
def _(given: Any, printed: Any) -> Table:
    x, y = np.array(given["x"], dtype=float)[:, 0], np.array(given["y"], dtype=float)
    slope = ((x - x.mean()) @ (y - y.mean())) / ((x - x.mean()) @ (x - x.mean()))
    intercept = y.mean() - slope * x.mean()
    return {
        "beta": [intercept, slope],
        "prediction": intercept + slope * given["query"][0],
        "residuals": y - (intercept + slope * x),
    }


def l2_minimum(x: Any, y: Any, weight: float, query: Any) -> Table:
    """argmin of -log-likelihood + weight/2 |slopes|² by Newton's method on centred features."""
    mean = np.mean(x, axis=0)
    A, penalty = with_ones(np.asarray(x) - mean), weight * np.diag([0.0, 1.0, 1.0])
    beta = np.zeros(3)
    for _ in range(50):
        p = sigma(A @ beta)
        gradient = A.T @ (p - np.asarray(y)) + penalty @ beta
        hessian = A.T @ (A * (p * (1 - p))[:, None]) + penalty
        beta = beta - np.linalg.solve(hessian, gradient)
    assert np.abs(gradient).max() < 1e-12
    assert np.linalg.eigvalsh(hessian).min() > 0  # strictly convex: this minimum is the only one
    probability = sigma(beta[0] + (np.asarray(query) - mean) @ beta[1:])
    beta[0] -= mean @ beta[1:]
    return {"weight": weight, "beta": beta, "P": probability}


def logistic(given: Any, printed: Any, separating: Sequence[float]) -> Table:
    A = with_ones(given["x"])
    z = with_ones([given["query"]])[0] @ np.array(printed["beta"])
    return {
        "beta": None,
        "z": z,
        "P": sigma(z),
        "rank": np.linalg.matrix_rank(A),
        "columns": A.shape[1],
        "separating_beta": separating,
        "l2": l2_minimum(given["x"], given["y"], 1, given["query"]),
    }


@recomputes("D2-E3")
def _(given: Any, printed: Any) -> Table:
    table = logistic(given, printed, [-35, 1, 0])
    return {**table, "one_minus_P": 1 / (1 + np.exp(table["z"]))}


@recomputes("D2-E4")
def _(given: Any, printed: Any) -> Table:
    table = logistic(given, printed, [12.5, -1, 0])
    return {**table, "P_as_written": 1 / (1 + np.exp(-5 + 0.5 * 10 - 0.5 * 200))}


@recomputes("D2-E5")
def _(given: Any, printed: Any) -> Table:
    x1, x2, x3, x4 = given["x"]
    (p1, q1), (p2, q2), (p3, q3) = given["theta_1"], given["theta_2"], given["theta_3"]
    b1, b2, b3 = given["b_1"][0], given["b_2"][0], given["b_3"][0]

    def layers(h1: float, h2: float) -> tuple[float, float, float]:
        return p1 * x1 + q1 * x2 + b1, p2 * h1 + q2 * x3 + b2, p3 * h2 + q3 * x4 + b3

    z1, z2, z3 = layers(printed["h1"], printed["h2"])
    h1 = sigma(z1)
    h2 = sigma(layers(h1, 0.0)[1])
    _, w2, w3 = layers(h1, h2)
    chained = dict(z1=z1, h1=h1, z2=w2, h2=h2, z3=w3, y=sigma(w3))
    h1, h2, y = sigma([printed["z1"], printed["z2"], printed["z3"]])
    return dict(z1=z1, h1=h1, z2=z2, h2=h2, z3=z3, y=y, with_the_given_parameters=chained)


@recomputes("D3-E1")
def _(given: Any, printed: Any) -> Table:
    """Index by index, as the document writes it, with the mends of D3-F1, D3-B1 and D3-U1."""
    x, t, alpha = given["x"], given["t"], given["alpha"]

    def forward(W1: Any, b1: Any, W2: Any, b2: Any) -> tuple[Any, Any, Any, Any]:
        z1 = [sum(W1[j][k] * x[k] for k in range(3)) + b1[j] for j in range(2)]
        h = sigma(z1)
        z2 = [sum(W2[j][0] * h[j] for j in range(2)) + b2[0]]
        return z1, h, z2, sigma(z2)

    W1, b1, W2, b2 = given["W1"], given["b1"], given["W2"], given["b2"]
    z1, h, z2, y = forward(W1, b1, W2, b2)
    output = (y[0] - t) * y[0] * (1 - y[0])
    hidden = [W2[j][0] * output * h[j] * (1 - h[j]) for j in range(2)]
    dW1, dW2 = [[delta * value for value in x] for delta in hidden], [[output * v] for v in h]
    new_W1 = [[W1[j][k] - alpha * hidden[j] * x[k] for k in range(3)] for j in range(2)]
    new_b1 = [b1[j] - alpha * hidden[j] for j in range(2)]
    new_W2 = [[W2[j][0] - alpha * output * h[j]] for j in range(2)]
    new_b2 = [b2[0] - alpha * output]
    after = forward(new_W1, new_b1, new_W2, new_b2)[3]
    return {
        **dict(z1=z1, h=h, z2=z2, y=y, loss=(y[0] - t) ** 2 / 2),
        **dict(delta_output=[output], delta_hidden=hidden),
        **dict(dW1=dW1, db1=hidden, dW2=dW2, db2=[output]),
        **dict(W1_updated=new_W1, b1_updated=new_b1, W2_updated=new_W2, b2_updated=new_b2),
        "loss_updated": (after[0] - t) ** 2 / 2,
        "delta_output_cross_entropy": y - t,
        "delta_output_with_sigma_prime_at_y": sigma(y) * (1 - sigma(y)) * (y - t),
    }


@recomputes("D4-E1")
def _(given: Any, printed: Any) -> Table:
    (x1, x2), (w1, w2), b, y = given["x"], given["w"], given["b"], given["y"]
    z = w1 * x1 + w2 * x2 + b
    y_hat = sigma(z)
    delta = (y_hat - y) * y_hat * (1 - y_hat)
    loss = (y - y_hat) ** 2 / 2
    return dict(z=z, y_hat=y_hat, loss=loss, delta=delta, dw=[delta * x1, delta * x2], db=delta)


@recomputes("D4-L1")
def _(given: Any, printed: Any) -> Table:
    y, y_hat = np.array(given["y"]), np.array(given["y_hat"])
    return {
        "mse": np.sum((y - y_hat) ** 2) / len(y),
        "half_squared_error": np.sum((y - y_hat) ** 2) / 2,
        "mse_gradient": -2 * (y - y_hat) / len(y),
        "half_squared_error_gradient": y_hat - y,
    }


@recomputes("D4-L2")
def _(given: Any, printed: Any) -> Table:
    y, y_hat = np.array(given["y"]), np.array(given["y_hat"])
    full = -np.sum(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat))
    return {
        "document_sum": -np.sum(y * np.log(y_hat)),
        "document_sum_when_y_hat_is_all_ones": -np.sum(y * np.log(np.ones(len(y)))),
        "cross_entropy_sum": full,
        "cross_entropy_mean": full / len(y),
    }


def program_floor(seed: int) -> float:
    """The floor of the loss on the rows that D3-P1 draws with this seed."""
    random = np.random.RandomState(seed)
    random.rand(100, 3)
    return float(entropy(random.rand(100, 1)).mean())


@recomputes("D3-P1")
def _(given: Any, printed: Any) -> Table:
    # H(t) = H(1 - t), and t = u⁴ makes the integrand smooth at 0, where H has an infinite slope.
    node, weight = np.polynomial.legendre.leggauss(100)
    u, half = (node + 1) / 2 * 0.5**0.25, 0.5**0.25 / 2
    mean = 2 * np.sum(weight * half * 4 * u**3 * entropy(u**4))
    square = 2 * np.sum(weight * half * 4 * u**3 * entropy(u**4) ** 2)
    floors = [program_floor(seed) for seed in range(2000)]
    y, y_hat = np.random.RandomState(0).rand(100, 1), np.random.RandomState(1).rand(100, 1)
    return {
        "expected_floor": mean,
        "floor_standard_deviation": np.sqrt((square - mean**2) / 100),
        "floor_range_over_seeds_0_to_1999": [min(floors), max(floors)],
        "accuracy": np.mean(np.round(y_hat) == y),
    }


@recomputes("D4-P1")
def _(given: Any, printed: Any) -> Table:
    training = documents.entry("D4-P1").training
    return {
        "last_batch_rows": training["train_rows"] % training["batch_size"],
        "test_accuracy_percent": 100 * 9820 / training["test_rows"],
    }


def test_every_table_of_true_numbers_is_recomputed() -> None:
    assert sorted(RECOMPUTE) == sorted(row.id for row in documents.entries() if row.true)


@pytest.mark.parametrize("identifier", RECOMPUTE)
def test_true_numbers_follow_from_the_inputs(identifier: str) -> None:
    row = documents.entry(identifier)
    assert_same(RECOMPUTE[identifier](row.inputs, row.printed), row.true, identifier)
