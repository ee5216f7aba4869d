"""Every worked example of the catalogue, by its id, carried out by the engine in float64.

Inputs, printed and true numbers come from the catalogue entry; the printed number is asserted to
be, or not to be, what comes out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import documents

Array = Any


def array(values: Any) -> Array:
    return np.array(values, dtype=np.float64)


def leaf(values: Any) -> tg.Tensor:
    """A float64 tensor that asks for its gradient."""
    return tg.tensor(array(values), requires_grad=True)


def gradient(tensor: tg.Tensor) -> Array:
    assert tensor.grad is not None
    return tensor.grad.numpy()


def assert_equal(found: Any, expected: Any, atol: float = 1e-14) -> None:
    found = found.numpy() if isinstance(found, tg.Tensor) else found
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=atol)


def assert_unequal(found: Any, wrong: Any) -> None:
    found = found.numpy() if isinstance(found, tg.Tensor) else found
    assert np.shape(found) != np.shape(wrong) or not np.allclose(found, wrong, rtol=1e-3)


def design(x: Any) -> tg.Tensor:
    """Rows of features behind a column of ones, for β0."""
    return tg.tensor(np.column_stack([np.ones(len(x)), array(x)]))


def test_D0_E1_its_weights_do_not_fit_its_input() -> None:
    numbers = documents.entry("D0-E1").inputs
    with pytest.raises(tg.ShapeError, match=r"\(2, 2\) @ \(4,\)"):
        tg.tensor(array(numbers["W1"])) @ tg.tensor(array(numbers["x"]))


def test_D0_E1_no_printed_value_follows_from_the_one_before() -> None:
    example = documents.entry("D0-E1")
    printed, true = example.printed, example.true
    steps = {
        "a1": tg.sigmoid(array(printed["z1"])),
        "z2": tg.matmul(array(example.inputs["W2"]), array(printed["a1"]))
        + array(example.inputs["b2"]),
        "a2": tg.sigmoid(array(printed["z2"])),
    }
    for name, value in steps.items():
        assert_equal(value, true[name])
        assert np.all(np.abs(value - array(printed[name])) > 0.04)


def test_D0_E1_repaired_with_two_inputs_and_one_output() -> None:
    example = documents.entry("D0-E1")
    repair = {name: array(value) for name, value in example.true["repair"].items()}
    x, W1, W2 = (tg.tensor(repair[name]) for name in ("x", "W1", "W2"))
    z1 = W1 @ x + repair["b1"]
    a1 = tg.sigmoid(z1)
    z2 = W2 @ a1 + repair["b2"]
    for name, value in {"z1": z1, "a1": a1, "z2": z2, "a2": tg.sigmoid(z2)}.items():
        assert_equal(value, repair[name])
    assert z1.numpy()[0] == pytest.approx(example.printed["z1"][0])  # what the repair keeps


def test_D2_E1_the_printed_beta_predicts_1_750_000() -> None:
    example = documents.entry("D2-E1")
    prediction = design([example.inputs["query"]]) @ tg.tensor(array(example.printed["beta"]))
    assert_equal(prediction, [example.true["prediction"]])
    assert_unequal(prediction, [example.printed["prediction"]])


@pytest.mark.parametrize("share", [0.0, 0.2, 50.0, 100.0, -7.5])
def test_D2_E1_has_a_minimum_for_every_split_between_size_and_rooms(share: float) -> None:
    example = documents.entry("D2-E1")
    beta = leaf([100_000, 100 - share, 500 * share])
    loss = tg.mse(design(example.inputs["x"]) @ beta, array(example.inputs["y"]))
    loss.backward()
    assert_equal(loss, 0, atol=1e-18)
    assert_equal(gradient(beta), np.zeros(3), atol=1e-6)  # against features of some thousands
    prediction = design([example.inputs["query"]]) @ beta
    assert_equal(prediction, [example.true["fitted_prediction"]])


def test_D2_E1_the_printed_beta_is_no_minimum() -> None:
    example = documents.entry("D2-E1")
    beta = leaf(example.printed["beta"])
    tg.mse(design(example.inputs["x"]) @ beta, array(example.inputs["y"])).backward()
    assert np.all(np.abs(gradient(beta)) > 1e6)


def test_D2_E2_fits_exactly_and_predicts_150() -> None:
    example = documents.entry("D2-E2")
    beta, y = leaf(example.printed["beta"]), array(example.inputs["y"])
    fitted = design(example.inputs["x"]) @ beta
    loss = tg.mse(fitted, y)
    loss.backward()
    assert_equal(y - fitted, example.true["residuals"])
    assert loss.item() == 0
    assert_equal(gradient(beta), np.zeros(2))
    prediction = design([example.inputs["query"]]) @ beta
    assert_equal(prediction, [example.printed["prediction"]])


def test_D2_E3_the_printed_beta_gives_z_124_and_certainty() -> None:
    example = documents.entry("D2-E3")
    z = (design([example.inputs["query"]]) @ tg.tensor(array(example.printed["beta"])))[0]
    assert_equal(z, example.true["z"])
    assert tg.sigmoid(z).item() == example.true["P"] == 1
    assert_equal(tg.sigmoid(-z), example.true["one_minus_P"], atol=0)
    assert_unequal(tg.sigmoid(z), example.printed["P"])


def test_D2_E4_as_written_by_its_formula_and_as_printed() -> None:
    example = documents.entry("D2-E4")
    z = (design([example.inputs["query"]]) @ tg.tensor(array(example.printed["beta"])))[0]
    assert_equal(z, example.true["z"])
    assert_equal(tg.sigmoid(z), example.true["P"], atol=0)
    assert tg.sigmoid(-z).item() == example.true["P_as_written"]  # the minus of -(β·x) dropped
    for probability in (tg.sigmoid(z), tg.sigmoid(-z)):
        assert_unequal(probability, example.printed["P"])


def _log_loss(example: documents.Entry, beta: tg.Tensor) -> tg.Tensor:
    z = design(example.inputs["x"]) @ beta
    return tg.bce_with_logits(z, array(example.inputs["y"]), reduction="sum")


def _likelihood_has_no_maximum(identifier: str) -> None:
    """Along the separating direction the loss falls from every point, and falls to 0."""
    example = documents.entry(identifier)
    separating = array(example.true["separating_beta"])
    losses = []
    for scale in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0):
        beta = leaf(scale * separating)
        loss = _log_loss(example, beta)
        loss.backward()
        losses.append(loss.item())
        assert gradient(beta) @ separating < 0
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-8


def _penalty_restores_one_answer(identifier: str) -> None:
    example = documents.entry(identifier)
    answer = example.true["l2"]
    beta = leaf(answer["beta"])
    loss = _log_loss(example, beta) + answer["weight"] / 2 * (beta[1:] ** 2).sum()
    loss.backward()
    assert_equal(gradient(beta), np.zeros(3), atol=1e-9)
    probability = tg.sigmoid(design([example.inputs["query"]]) @ beta)
    np.testing.assert_allclose(probability.numpy(), [answer["P"]], rtol=1e-11)


def test_D2_E3_its_likelihood_has_no_maximum() -> None:
    _likelihood_has_no_maximum("D2-E3")


def test_D2_E4_its_likelihood_has_no_maximum() -> None:
    _likelihood_has_no_maximum("D2-E4")


def test_D2_E3_an_L2_term_restores_one_answer() -> None:
    _penalty_restores_one_answer("D2-E3")


def test_D2_E4_an_L2_term_restores_one_answer() -> None:
    _penalty_restores_one_answer("D2-E4")


def test_D2_E5_two_of_its_three_activations_are_not_those_of_the_printed_sums() -> None:
    example = documents.entry("D2-E5")
    rounds = {}
    for z, h in (("z1", "h1"), ("z2", "h2"), ("z3", "y")):
        value = tg.sigmoid(tg.tensor(array(example.printed[z])))
        assert_equal(value, example.true[h])
        rounds[h] = round(value.item(), 2) == example.printed[h]
    assert rounds == {"h1": False, "h2": False, "y": True}


def test_D2_E5_the_printed_sums_do_not_follow_from_the_parameters() -> None:
    example = documents.entry("D2-E5")
    numbers, chained = example.inputs, example.true["with_the_given_parameters"]
    x, h = array(numbers["x"]), None
    for layer, (z_name, h_name) in enumerate((("z1", "h1"), ("z2", "h2"), ("z3", "y")), start=1):
        theta, b = tg.tensor(array(numbers[f"theta_{layer}"])), numbers[f"b_{layer}"][0]
        entering = tg.tensor(x[:2]) if h is None else tg.stack([h, tg.tensor(x[layer])])
        z = theta @ entering + b
        h = tg.sigmoid(z)
        assert_equal(z, chained[z_name])
        assert_equal(h, chained[h_name])
        assert_unequal(z, example.printed[z_name])


def _three_two_one(values: dict[str, tg.Tensor]) -> dict[str, tg.Tensor]:
    """The network of D3-E1: W1 is (out, in), W2 is (in, out), as there."""
    z1 = (values["W1"] @ values["x"] + values["b1"]).retain_grad()
    h = tg.sigmoid(z1)
    z2 = (h @ values["W2"] + values["b2"]).retain_grad()
    return {"z1": z1, "h": h, "z2": z2, "y": tg.sigmoid(z2)}


def test_D3_E1_forward_backward_and_update() -> None:
    example = documents.entry("D3-E1")
    true, alpha, t = example.true, example.inputs["alpha"], array([example.inputs["t"]])
    values = {name: leaf(example.inputs[name]) for name in ("x", "W1", "b1", "W2", "b2")}
    net = _three_two_one(values)
    for name, tensor in net.items():
        assert_equal(tensor, true[name])
    loss = tg.half_squared_error(net["y"], t)
    loss.backward()
    assert_equal(loss, true["loss"])
    assert_equal(gradient(net["z2"]), true["delta_output"])
    assert_equal(gradient(net["z1"]), true["delta_hidden"])
    for name in ("W1", "b1", "W2", "b2"):
        assert_equal(gradient(values[name]), true[f"d{name}"])
        updated = values[name].numpy() - alpha * gradient(values[name])
        assert_equal(updated, true[f"{name}_updated"])
        values[name] = leaf(updated)
    after = tg.half_squared_error(_three_two_one(values)["y"], t)
    assert_equal(after, true["loss_updated"])
    assert after.item() < loss.item()


def test_D3_E1_the_output_delta_depends_on_the_loss_and_on_where_sigma_prime_is_taken() -> None:
    example = documents.entry("D3-E1")
    true, t = example.true, array([example.inputs["t"]])
    values = {name: leaf(example.inputs[name]) for name in ("x", "W1", "b1", "W2", "b2")}
    net = _three_two_one(values)
    tg.bce(net["y"], t).backward()
    assert_equal(gradient(net["z2"]), true["delta_output_cross_entropy"])
    assert_unequal(true["delta_output_with_sigma_prime_at_y"], true["delta_output"])
    assert_unequal(true["delta_output_cross_entropy"], true["delta_output"])


def test_D4_E1_one_neuron_forward_and_backward() -> None:
    example = documents.entry("D4-E1")
    true, y = example.true, array(example.inputs["y"])
    w, b = leaf(example.inputs["w"]), leaf(example.inputs["b"])
    z = (w @ tg.tensor(array(example.inputs["x"])) + b).retain_grad()
    y_hat = tg.sigmoid(z)
    loss = tg.half_squared_error(y_hat, y)
    loss.backward()
    assert_equal(z, true["z"])
    assert_equal(y_hat, true["y_hat"])
    assert_equal(loss, true["loss"])
    assert_equal(gradient(z), true["delta"])
    assert_equal(gradient(w), true["dw"])
    assert_equal(gradient(b), true["db"])
