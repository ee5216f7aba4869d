"""Every formula of losses and scores in the catalogue, by its id: NumPy against the engine.

Forward and gradient each, in float64; where the document errs, its version is shown not to be what
comes out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import documents, metrics

Array = Any


def normal(*shape: int) -> Array:
    return np.random.default_rng(shape).normal(size=shape)


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


def test_D0_M1_F1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    row = documents.entry("D0-M1")
    counts = [row.inputs[name] for name in ("TP", "FP", "FN", "TN")]
    y_true, y_pred = np.repeat([1, 0, 1, 0], counts), np.repeat([1, 1, 0, 0], counts)
    assert metrics.accuracy(y_true, y_pred) == pytest.approx(row.true["accuracy"], rel=1e-12)
    assert metrics.precision(y_true, y_pred) == pytest.approx(row.true["precision"], rel=1e-12)
    assert metrics.recall(y_true, y_pred) == pytest.approx(row.true["recall"], rel=1e-12)
    assert metrics.f1_score(y_true, y_pred) == pytest.approx(row.true["F1"], rel=1e-12)
    assert metrics.f1_score(y_true, y_pred) < row.true["document_rule"] / 2


def test_D0_M1_the_ROC_curve_is_the_true_against_the_false_positive_rate() -> None:
    y_true, y_score = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    fpr, tpr, thresholds = metrics.roc_curve(y_true, y_score)
    for rate, label in ((fpr, 0), (tpr, 1)):
        scores = y_score[y_true == label]
        assert_equal(rate, [np.mean(scores >= threshold) for threshold in thresholds])


def test_D4_L1_mse_and_half_the_squared_error_are_a_factor_2_over_m_apart() -> None:
    row = documents.entry("D4-L1")
    y, y_hat = np.array(row.inputs["y"], dtype=np.float64), leaf(row.inputs["y_hat"])
    for loss, name in ((tg.mse, "mse"), (tg.half_squared_error, "half_squared_error")):
        y_hat.grad = None
        value = loss(y_hat, y)
        value.backward()
        assert_equal(value, row.true[name])
        assert_equal(gradient(y_hat), row.true[f"{name}_gradient"])
    ratio = np.divide(row.true["mse_gradient"], row.true["half_squared_error_gradient"])
    assert_equal(ratio, 2 / len(y))


def test_D4_L2_binary_labels_need_both_terms() -> None:
    row = documents.entry("D4-L2")
    y, y_hat = np.array(row.inputs["y"], dtype=np.float64), leaf(row.inputs["y_hat"])
    loss = tg.bce(y_hat, y)
    loss.backward()
    assert_equal(loss, row.true["cross_entropy_mean"])
    assert_equal(gradient(y_hat), (y_hat.numpy() - y) / (y_hat.numpy() * (1 - y_hat.numpy())) / 4)
    assert_equal(-(y * tg.log(y_hat)).sum(), row.true["document_sum"])
    assert_unequal(tg.bce(y_hat, y, reduction="sum"), row.true["document_sum"])


def test_D4_L2_runs_over_the_classes_of_one_sample_and_is_averaged_over_samples() -> None:
    z, labels = leaf(normal(4, 3)), np.array([0, 2, 1, 2])
    p = np.exp(z.numpy()) / np.exp(z.numpy()).sum(axis=1, keepdims=True)
    Y = np.eye(3)[labels]
    loss = tg.cross_entropy(z, labels)
    loss.backward()
    assert_equal(loss, np.mean([-np.sum(Y[i] * np.log(p[i])) for i in range(4)]))
    assert_equal(gradient(z), (p - Y) / 4)
    assert_equal(tg.cross_entropy(z, Y), loss.numpy())
    assert_equal(tg.nll(tg.log_softmax(z), labels), loss.numpy())


def test_D4_L2_the_naive_form_breaks_where_the_logits_do_not() -> None:
    z, y = np.array([800.0, -800.0]), np.array([0.0, 1.0])
    with np.errstate(all="ignore"):
        sigma = 1 / (1 + np.exp(-z))
        naive = -(y * np.log(sigma) + (1 - y) * np.log(1 - sigma))
    assert not np.any(np.isfinite(naive))
    assert_equal(tg.bce_with_logits(z, y, reduction="none"), [800, 800])
    scores, labels = np.array([[800.0, 0.0], [0.0, -800.0]]), np.array([1, 1])
    assert_equal(tg.cross_entropy(scores, labels, reduction="none"), [800, 800])


def test_D4_S1_softmax_is_a_distribution_that_ignores_a_common_shift() -> None:
    z = normal(3, 4)
    p = tg.softmax(z)
    assert_equal(p, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    assert_equal(np.sum(p, axis=1), np.ones(3))
    assert_equal(tg.softmax(z + 1000), p)  # e^1000 alone overflows


def test_D4_S1_the_softmax_jacobian_is_not_diagonal() -> None:
    z = leaf(normal(4))
    p = np.exp(z.numpy()) / np.exp(z.numpy()).sum()
    rows = []
    for seed in np.eye(4):
        z.grad = None
        tg.softmax(z).backward(seed)
        rows.append(gradient(z))
    assert_equal(rows, np.diag(p) - np.outer(p, p))
    assert_unequal(rows, np.diag(p * (1 - p)))
