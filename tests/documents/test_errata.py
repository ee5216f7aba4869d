"""Why the documents' wrong answers are wrong: each erratum as a proof in plain NumPy."""

from __future__ import annotations

import json
import math
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed import documents

SEPARABLE = pytest.mark.parametrize("identifier", ["D2-E3", "D2-E4"])


def design(x: Any) -> Any:
    x = np.asarray(x, dtype=np.float64)
    return np.column_stack([np.ones(len(x)), x])


def negative_log_likelihood(A: Any, y: Any, beta: Any) -> float:
    z = A @ beta
    return float(np.sum(np.logaddexp(0, z) - y * z))


def test_D0_E1_a_2x2_matrix_has_no_product_with_4_entries() -> None:
    given_numbers = documents.entry("D0-E1").inputs
    with pytest.raises(ValueError, match="matmul"):
        np.array(given_numbers["W1"]) @ np.array(given_numbers["x"])


@given(share=st.floats(-1e4, 1e4))
def test_D2_E1_every_split_of_100_per_unit_of_size_fits_all_rows(share: float) -> None:
    example = documents.entry("D2-E1")
    beta = np.array([100_000, 100 - share, 500 * share])
    fitted = design(example.inputs["x"]) @ beta
    np.testing.assert_allclose(fitted, example.inputs["y"], rtol=1e-9)


def test_D2_E1_the_printed_beta_misses_every_row() -> None:
    example = documents.entry("D2-E1")
    fitted = design(example.inputs["x"]) @ example.printed["beta"]
    assert np.all(np.abs(fitted - example.inputs["y"]) > 900_000)


@SEPARABLE
def test_separated_rows_let_the_likelihood_grow_without_end(identifier: str) -> None:
    example = documents.entry(identifier)
    A, y = design(example.inputs["x"]), np.array(example.inputs["y"])
    beta = np.array(example.true["separating_beta"], dtype=np.float64)
    assert np.all((2 * y - 1) * (A @ beta) > 0)  # every row on its own side
    losses = [negative_log_likelihood(A, y, scale * beta) for scale in (0, 0.5, 1, 2, 4, 8)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-8


@SEPARABLE
@given(beta=st.tuples(st.floats(-1, 1), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)))
def test_separated_rows_leave_no_beta_where_the_gradient_vanishes(
    identifier: str, beta: tuple[float, float, float]
) -> None:
    example = documents.entry(identifier)
    A, y = design(example.inputs["x"]), np.array(example.inputs["y"])
    p = 1 / (1 + np.exp(-(A @ np.array(beta))))
    slope = A.T @ (p - y) @ np.array(example.true["separating_beta"])
    assert slope < 0  # along the separating direction the loss always falls


@SEPARABLE
def test_collinear_features_leave_a_direction_the_data_cannot_see(identifier: str) -> None:
    x = np.array(documents.entry(identifier).inputs["x"], dtype=np.float64)
    first, second = (x - x.mean(axis=0)).T
    assert abs(first @ second) == pytest.approx(math.sqrt(first @ first * (second @ second)))


def test_D2_E4_gives_three_answers_to_one_question() -> None:
    example = documents.entry("D2-E4")
    answers = example.printed["P"], example.true["P"], example.true["P_as_written"]
    assert answers[1] < 1e-40 < answers[0] < answers[2] == 1


def test_D2_E5_its_table_has_no_features_3_and_4() -> None:
    given_numbers = documents.entry("D2-E5").inputs
    (t1, t2), b = given_numbers["theta_1"], given_numbers["b_1"][0]
    x1, x2 = given_numbers["x"][:2]
    assert t1 * x1 + t2 * x2 + b == 7.5
    assert x1 + x2 == pytest.approx(documents.entry("D2-E5").printed["z1"])  # neither θ nor b


def test_D0_M1_F1_does_not_see_the_true_negatives_and_the_documents_rule_does() -> None:
    def scores(TP: int, FP: int, FN: int, TN: int) -> tuple[float, float]:
        accuracy, recall = (TP + TN) / (TP + FP + FN + TN), TP / (TP + FN)
        return 2 * TP / (2 * TP + FP + FN), 2 * accuracy * recall / (accuracy + recall)

    counts = documents.entry("D0-M1").inputs
    f1, rule = scores(**counts)
    more_f1, more_rule = scores(**{**counts, "TN": 10 * counts["TN"]})
    assert (f1, round(rule, 4)) == (pytest.approx(1 / 3), 0.8195)
    assert more_f1 == f1
    assert more_rule > rule


@given(labels=st.lists(st.integers(0, 1), min_size=1))
def test_D4_L2_without_its_second_term_certainty_of_one_is_free(labels: list[int]) -> None:
    assert -np.sum(np.array(labels) * np.log(np.ones(len(labels)))) == 0


@given(t=st.floats(1e-6, 1 - 1e-6), y=st.floats(1e-6, 1 - 1e-6))
def test_D3_P1_no_prediction_costs_less_than_the_entropy_of_its_label(t: float, y: float) -> None:
    def cross_entropy(y: float) -> float:
        return -t * math.log(y) - (1 - t) * math.log1p(-y)

    assert cross_entropy(y) >= cross_entropy(t) * (1 - 1e-12)


def test_D3_P1_the_reported_loss_is_far_below_every_floor() -> None:
    program = documents.entry("D3-P1")
    below = program.true["expected_floor"] - program.reported["loss"]
    assert 9 < below / program.true["floor_standard_deviation"] < 10
    assert program.reported["loss"] < program.true["floor_range_over_seeds_0_to_1999"][0]


def test_D3_P1_and_D4_P1_report_digits_that_python_prints_for_no_number() -> None:
    text = resources.files(documents).joinpath("catalogue.json").read_text(encoding="utf-8")
    rows = {row["id"]: row for row in json.loads(text, parse_float=str)["entries"]}
    loss = rows["D3-P1"]["reported"]["loss"]
    losses = rows["D4-P1"]["reported"]["epoch_last_batch_loss"]
    assert repr(float(loss)) == "0.327997774106731" != loss
    assert [repr(float(digits)) == digits for digits in losses].count(False) == 3


def test_D4_P1_its_printed_losses_are_not_what_item_returns() -> None:
    losses = documents.entry("D4-P1").reported["epoch_last_batch_loss"]
    assert len(losses) == documents.entry("D4-P1").training["epochs"]
    assert all(float(np.float32(loss)) != loss for loss in losses)


def test_D4_P1_a_ratio_of_integers_cannot_print_the_reported_accuracy() -> None:
    program = documents.entry("D4-P1")
    rows = program.training["test_rows"]
    printable = {100 * correct / rows for correct in range(rows + 1)}
    assert program.true["test_accuracy_percent"] in printable
    assert program.reported["test_accuracy_percent"] not in printable


def test_D2_P1_its_batches_bound_the_numbers_of_its_images() -> None:
    training = documents.entry("D2-P1").training
    assert training["train_batches"] * training["batch_size"] == 1024
    assert (training["test_batches"] - 1) * training["batch_size"] + 1 == 8513
    assert {len(v) for k, v in documents.entry("D2-P1").reported.items() if "epoch" in k} == {20}


@pytest.mark.parametrize("identifier", ["D1-P1", "D2-P1", "D3-P1", "D4-P1"])
def test_a_networks_parameter_count_follows_from_its_layers(identifier: str) -> None:
    network = documents.entry(identifier).network
    shape, count = tuple(network["input"]), 0
    for layer in network["layers"]:
        if layer["layer"] == "Conv2D":
            (height, width), channels, filters = layer["kernel"], shape[2], layer["filters"]
            count += height * width * channels * filters + filters
            shape = (shape[0] - height + 1, shape[1] - width + 1, filters)
        elif layer["layer"] == "MaxPooling2D":
            shape = (shape[0] // layer["pool"][0], shape[1] // layer["pool"][1], shape[2])
        elif layer["layer"] == "Flatten":
            shape = (math.prod(shape),)
        elif layer["layer"] == "Dense":
            count += shape[0] * layer["units"] + layer["units"]
            shape = (layer["units"],)
        else:
            assert layer["layer"] == "Dropout"
    assert network["parameters"] == count
