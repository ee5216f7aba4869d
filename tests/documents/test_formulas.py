"""Every formula of networks in the catalogue, by its id: typed out in NumPy, against the engine.

Forward and gradient each, in float64; where the document errs, its version is shown not to be what
comes out. Losses and scores are in test_formulas_of_losses.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg

Array = Any
ACTIVATION = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.where(z > 0, z, 0.0), lambda z: np.where(z > 0, 1.0, 0.0)),
}
sigma, sigma_prime = ACTIVATION["sigmoid"]


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def leaf(values: Any) -> tg.Tensor:
    """A float64 tensor that asks for its gradient."""
    return tg.tensor(np.asarray(values, dtype=np.float64), requires_grad=True)


def gradient(tensor: tg.Tensor) -> Array:
    assert tensor.grad is not None
    return tensor.grad.numpy()


def assert_equal(found: Any, expected: Any) -> None:
    found = found.numpy() if isinstance(found, tg.Tensor) else found
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def assert_unequal(found: Any, wrong: Any) -> None:
    found = found.numpy() if isinstance(found, tg.Tensor) else found
    assert np.shape(found) != np.shape(wrong) or not np.allclose(found, wrong, rtol=1e-3)


def test_D0_F1_a_column_network_is_the_row_network_with_transposed_weights() -> None:
    W1, b1, W2, b2, x = normal(3, 4), normal(3), normal(2, 3), normal(2), normal(4)
    column_W1, row_W1 = leaf(W1), leaf(W1.T)
    a1 = tg.sigmoid(column_W1 @ tg.tensor(x) + b1)
    a2 = tg.sigmoid(tg.tensor(W2) @ a1 + b2)
    hidden = tg.linear(tg.tensor(x[None]), row_W1, tg.tensor(b1), activation="sigmoid")
    rows = tg.linear(hidden, tg.tensor(W2.T), tg.tensor(b2), activation="sigmoid")
    assert_equal(a2, sigma(W2 @ sigma(W1 @ x + b1) + b2))
    assert_equal(rows, a2.numpy()[None])
    a2.sum().backward()
    rows.sum().backward()
    assert_equal(gradient(row_W1), gradient(column_W1).T)


def test_D0_F2_sigmoid_and_its_slope_in_terms_of_its_own_value() -> None:
    z = leaf([-20.0, -1.6, 0.0, 0.58, 3.6])
    y = tg.sigmoid(z)
    y.sum().backward()
    assert_equal(y, 1 / (1 + np.exp(-z.numpy())))
    assert_equal(gradient(z), y.numpy() * (1 - y.numpy()))
    assert_equal(tg.sigmoid(np.array([-1e4, 1e4])), [0, 1])  # where e^-x as written overflows


def test_D1_F1_a_layer_of_batch_rows_and_its_three_gradients() -> None:
    X, W, b, dY = leaf(normal(5, 3)), leaf(normal(3, 2)), leaf(normal(2)), normal(5, 2, seed=1)
    Y = tg.linear(X, W, b, activation="sigmoid")
    Y.backward(dY)
    Z = X.numpy() @ W.numpy() + b.numpy()
    dZ = dY * sigma_prime(Z)
    assert_equal(Y, sigma(Z))
    assert_equal(gradient(X), dZ @ W.numpy().T)
    assert_equal(gradient(W), X.numpy().T @ dZ)
    assert_equal(gradient(b), dZ.sum(axis=0))


def test_D2_F1_least_squares_ends_where_the_residuals_are_orthogonal_to_the_features() -> None:
    A = np.column_stack([np.ones(8), normal(8, 2)])
    y, beta = normal(8), leaf(normal(3))
    tg.mse(tg.tensor(A) @ beta, y).backward()
    assert_equal(gradient(beta), 2 / 8 * A.T @ (A @ beta.numpy() - y))
    best = leaf(np.linalg.solve(A.T @ A, A.T @ y))
    tg.mse(tg.tensor(A) @ best, y).backward()
    assert_equal(gradient(best), np.zeros(3))


def test_D2_F1_least_squares_is_maximum_likelihood_for_normal_errors() -> None:
    A, y, beta, s = normal(6, 3), normal(6), leaf(normal(3)), 0.7
    density = tg.exp(-((tg.tensor(A) @ beta - y) ** 2) / (2 * s * s)) / np.sqrt(2 * np.pi * s * s)
    (-tg.log(density).sum()).backward()
    likelihood = gradient(beta)
    beta.grad = None
    tg.half_squared_error(tg.tensor(A) @ beta, y).backward()
    assert_equal(likelihood, gradient(beta) / s**2)


def test_D2_F2_logistic_regression_pulls_by_predicted_minus_observed() -> None:
    A, y = np.column_stack([np.ones(6), normal(6, 2)]), np.array([0, 1, 1, 0, 1, 0.0])
    beta = leaf(normal(3))
    p = sigma(A @ beta.numpy())
    for loss in (
        tg.bce_with_logits(tg.tensor(A) @ beta, y, reduction="sum"),
        tg.bce(tg.sigmoid(tg.tensor(A) @ beta), y, reduction="sum"),
    ):
        beta.grad = None
        loss.backward()
        assert_equal(loss, -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)))
        assert_equal(gradient(beta), A.T @ (p - y))


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("name", ACTIVATION)
def test_D2_F3_a_network_of_any_depth_by_the_chain_rule_alone(name: str, depth: int) -> None:
    f, f_prime = ACTIVATION[name]
    theta, b = [leaf(normal(3, 3, seed=layer)) for layer in range(depth)], leaf(normal(3))
    h = tg.tensor(normal(3, seed=9))
    pre, post = [], [h.numpy()]
    for layer in theta:
        h = getattr(tg, name)(layer @ h + b)
        pre.append(layer.numpy() @ post[-1] + b.numpy())
        post.append(f(pre[-1]))
    h.sum().backward()
    assert_equal(h, post[-1])
    delta, db = np.ones(3), np.zeros(3)
    for layer in reversed(range(depth)):
        delta = delta * f_prime(pre[layer])
        assert_equal(gradient(theta[layer]), np.outer(delta, post[layer]))
        db = db + delta
        delta = theta[layer].numpy().T @ delta
    assert_equal(gradient(b), db)  # one b in every layer: its gradients add up


def test_D3_F1_with_its_indices_mended_the_sums_are_two_layers() -> None:
    W1, b1, W2, b2, x = normal(2, 3), normal(2), normal(2, 1), normal(1), normal(3)
    h = [sigma(sum(W1[j, k] * x[k] for k in range(3)) + b1[j]) for j in range(2)]
    y = [sigma(sum(W2[j, i] * h[j] for j in range(2)) + b2[i]) for i in range(1)]
    hidden = tg.sigmoid(tg.tensor(W1) @ tg.tensor(x) + b1)  # W1 is (out, in)
    assert_equal(hidden, h)
    assert_equal(tg.sigmoid(hidden @ tg.tensor(W2) + b2), y)  # W2 is (in, out)
    with pytest.raises(tg.ShapeError):  # w_ik x_k with W1 as (in, out), as the first sum has it
        tg.tensor(W1.T) @ tg.tensor(x)


def test_D3_B1_output_delta_is_y_minus_t_times_sigma_prime_at_the_pre_activation() -> None:
    z, t = leaf([-0.4, 0.0, 2.1]), np.array([1.0, 0.0, 0.3])
    y = sigma(z.numpy())
    tg.half_squared_error(tg.sigmoid(z), t).backward()
    assert_equal(gradient(z), (y - t) * y * (1 - y))
    assert_unequal(gradient(z), sigma_prime(y) * (y - t))  # σ' at the output, as printed


def test_D3_B1_output_delta_is_y_minus_t_for_cross_entropy() -> None:
    z, t = leaf([-0.4, 0.0, 2.1]), np.array([1.0, 0.0, 0.3])
    y = sigma(z.numpy())
    tg.bce(tg.sigmoid(z), t, reduction="sum").backward()
    assert_equal(gradient(z), y - t)
    assert_unequal(gradient(z), (y - t) * y * (1 - y))


def test_D3_B2_hidden_delta_gathers_the_output_deltas_through_the_weights() -> None:
    z1, W2, b2, t = leaf(normal(4)), normal(4, 3), normal(3), normal(3, seed=1)
    h = sigma(z1.numpy())
    y = sigma(h @ W2 + b2)
    tg.half_squared_error(tg.sigmoid(tg.sigmoid(z1) @ tg.tensor(W2) + b2), t).backward()
    delta = (y - t) * y * (1 - y)
    hidden = [sum(W2[j, i] * delta[i] for i in range(3)) * h[j] * (1 - h[j]) for j in range(4)]
    assert_equal(gradient(z1), hidden)
    assert_unequal(gradient(z1), W2 @ delta * sigma_prime(h))  # σ' at h, as printed


def test_D3_U1_a_step_subtracts_alpha_delta_times_what_went_in() -> None:
    alpha, x, t = 0.1, normal(3), np.array([1.0])
    W1, b1, W2, b2 = leaf(normal(2, 3)), leaf(normal(2)), leaf(normal(2, 1)), leaf(normal(1))
    parameters = [W1, b1, W2, b2]

    def loss() -> tg.Tensor:
        hidden = tg.sigmoid(W1 @ tg.tensor(x) + b1)
        return tg.half_squared_error(tg.sigmoid(hidden @ W2 + b2), t)

    h = sigma(W1.numpy() @ x + b1.numpy())
    y = sigma(h @ W2.numpy() + b2.numpy())
    output = (y - t) * y * (1 - y)
    hidden = (W2.numpy() @ output) * h * (1 - h)  # by the weights before the step
    expected = [
        W1.numpy() - alpha * hidden[:, None] * x,  # w_jk, not w_ik: j is the row of W1
        b1.numpy() - alpha * hidden,
        W2.numpy() - alpha * h[:, None] * output,
        b2.numpy() - alpha * output,
    ]
    before = loss()
    before.backward()
    with tg.no_grad():
        for parameter in parameters:
            parameter -= alpha * parameter.grad
    for parameter, value in zip(parameters, expected, strict=True):
        assert_equal(parameter, value)
    assert loss().item() < before.item()


def test_D4_B1_the_weight_gradient_is_the_outer_product_of_delta_and_input() -> None:
    W, a, b, t = leaf(normal(2, 3)), normal(3), leaf(normal(2)), normal(2, seed=1)
    z = W.numpy() @ a + b.numpy()
    delta = sigma_prime(z) * (sigma(z) - t)
    tg.half_squared_error(tg.sigmoid(W @ tg.tensor(a) + b), t).backward()
    assert_equal(gradient(W), np.outer(delta, a))
    assert_equal(gradient(b), delta)
    with pytest.raises(ValueError):
        delta @ a  # the product that the document writes


def test_D4_B1_a_hidden_layer_needs_the_weights_of_the_next() -> None:
    z1, W2, t = leaf(normal(3)), normal(3, 3), normal(3, seed=1)
    z2 = W2 @ sigma(z1.numpy())
    slope = sigma(z2) - t
    tg.half_squared_error(tg.sigmoid(tg.tensor(W2) @ tg.sigmoid(z1)), t).backward()
    assert_equal(gradient(z1), W2.T @ (sigma_prime(z2) * slope) * sigma_prime(z1.numpy()))
    assert_unequal(gradient(z1), sigma_prime(z1.numpy()) * slope)  # the document's δ, as printed


def test_D4_B2_one_neuron_under_half_the_squared_error() -> None:
    w, b, x, y = leaf(normal(2)), leaf(0.3), normal(2, seed=1), np.array(1.0)
    z = w.numpy() @ x + b.numpy()
    loss = tg.half_squared_error(tg.sigmoid(w @ tg.tensor(x) + b), y)
    loss.backward()
    delta = (sigma(z) - y) * sigma_prime(z)
    assert_equal(loss, (y - sigma(z)) ** 2 / 2)
    assert_equal(gradient(w), delta * x)
    assert_equal(gradient(b), delta)
