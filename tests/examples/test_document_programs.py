"""The documents' small examples as programs: their numbers are the catalogue's true ones."""

import math
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tinygrad_ed.documents import entry

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Example = Callable[[str], ModuleType]


@pytest.mark.parametrize(
    ("name", "ids", "numbers"),
    [
        (
            "linear_regression",
            ["D2-F1", "D2-E1", "D2-E2"],
            ["β = [50. 10.]", "150.000000: right", "That β predicts 1750000", "-> 250000.00"],
        ),
        (
            "logistic_regression",
            ["D2-F2", "D2-E3", "D2-E4"],
            ["z = 124, P = 1", "P ≈ 0.68", "z = -100, P = 3.72e-44", "P = 0.966476"],
        ),
        (
            "two_layer_by_hand",
            ["D3-E1", "D3-F1", "D3-B1", "D3-B2", "D3-U1"],
            ["0.166206", "-0.140759", "-0.023894", "0.146558"],
        ),
        ("perceptron", ["D4-E1", "D4-B2"], ["0.549834", "0.101325", "-0.111424", "-0.055712"]),
        ("uniform_labels", ["D3-P1"], ["loss 0.328", "0.5", "9 deviations", "accuracy 0.00"]),
    ],
)
def test_the_program_prints_its_catalogue_ids_and_numbers(
    name: str, ids: list[str], numbers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for id in ids:
        assert f"[{id}]" in text
    for number in numbers:
        assert number in text


SMALL = [
    "linear_regression",
    "logistic_regression",
    "two_layer_by_hand",
    "perceptron",
    "uniform_labels",
]


@pytest.mark.parametrize("name", SMALL)
def test_an_output_without_our_letters_shows_the_rest(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?" in done.stdout


@pytest.mark.parametrize("name", SMALL)
def test_ctrl_c_is_one_line_and_130(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(id: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tinygrad_ed.documents.entry", interrupt)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert stop.value.code == 130
    assert capsys.readouterr().err == f"{name}.py: interrupted\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "uniform_labels.py")],
            stdout=closed,
            stderr=subprocess.PIPE,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_example_runs_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "perceptron.py")],
        capture_output=True,
        cwd=tmp_path,
        env={"PATH": "", "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "[D4-E1]" in done.stdout.decode("utf-8")


# --- linear regression --------------------------------------------------------------------------


def test_d2_e2_is_an_exact_fit_by_both_methods(example: Example) -> None:
    found, true = example("linear_regression").exact_fit(), entry("D2-E2").true
    np.testing.assert_allclose(found["beta"], true["beta"], rtol=1e-12)
    np.testing.assert_allclose(found["descent"], true["beta"], rtol=1e-9)
    np.testing.assert_allclose(found["residuals"], true["residuals"], atol=1e-9)
    assert found["prediction"] == pytest.approx(true["prediction"], rel=1e-12)


def test_d2_e1_predicts_another_price_than_it_says(example: Example) -> None:
    found, row = example("linear_regression").rank_two(), entry("D2-E1")
    assert found["document_prediction"] == row.true["prediction"] != row.printed["prediction"]


def test_d2_e1_has_rank_two_and_many_solutions_that_agree(example: Example) -> None:
    found, true = example("linear_regression").rank_two(), entry("D2-E1").true
    assert found["rank"] == true["rank"]
    for name, beta in found["solutions"].items():
        np.testing.assert_allclose(found["residuals"][name], 0, atol=1e-4)
        assert found["predictions"][name] == pytest.approx(true["fitted_prediction"], rel=1e-9)
        assert found["per_size"][name] == pytest.approx(true["slope_per_unit_size"], rel=1e-9)
        assert beta[0] == pytest.approx(true["intercept"], rel=1e-9)
    shortest = found["solutions"]["least squares, the shortest β"]
    np.testing.assert_allclose(shortest, true["minimum_norm_beta"], rtol=1e-6)
    slopes = [beta[1] for beta in found["solutions"].values()]
    assert len({round(s, 4) for s in slopes}) == 4, "four different answers"


# --- logistic regression ------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["D2-E3", "D2-E4"])
def test_the_printed_beta_gives_another_probability_than_it_says(example: Example, id: str) -> None:
    found, row = example("logistic_regression").investigate(id), entry(id)
    assert found["z"] == pytest.approx(row.true["z"])
    assert found["P"] == pytest.approx(row.true["P"], rel=1e-12)
    assert abs(found["P"] - row.printed["P"]) > 0.3
    assert found["rank"] == row.true["rank"]


@pytest.mark.parametrize("id", ["D2-E3", "D2-E4"])
def test_without_a_penalty_beta_grows_and_the_loss_falls_for_ever(
    example: Example, id: str
) -> None:
    growth = example("logistic_regression").investigate(id)["growth"]
    sizes, losses = [size for _, size, _ in growth], [loss for _, _, loss in growth]
    assert sizes == sorted(sizes) and sizes[-1] > 4 * sizes[0]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 1e-3


@pytest.mark.parametrize("id", ["D2-E3", "D2-E4"])
def test_with_an_l2_term_the_answer_is_unique(example: Example, id: str) -> None:
    found, true = example("logistic_regression").investigate(id), entry(id).true["l2"]
    first, second = found["answers"]
    np.testing.assert_allclose(first, second, rtol=1e-8)
    np.testing.assert_allclose(first, true["beta"], rtol=1e-8)
    assert found["P_penalised"] == pytest.approx(true["P"], rel=1e-8)


# --- by hand ------------------------------------------------------------------------------------


def test_d3_e1_by_hand_gives_every_number_of_the_catalogue(example: Example) -> None:
    found, true = example("two_layer_by_hand").solve(), entry("D3-E1").true
    assert set(found) == set(true)
    for name, value in true.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-13, err_msg=name)


def test_d3_e1_by_hand_and_by_the_engine_agree(example: Example) -> None:
    program = example("two_layer_by_hand")
    by_hand = program.solve()
    assert program.largest_difference(by_hand) < 1e-15
    wrong = by_hand | {"dW1": -by_hand["dW1"]}
    assert program.largest_difference(wrong) > 0.01, "the check can fail"


def test_d3_e1_by_hand_uses_no_tensor_before_the_check(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = example("two_layer_by_hand")
    monkeypatch.setattr(program.tg, "tensor", None)
    assert program.solve()["loss"] > 0


def test_d4_e1_by_hand_and_by_the_engine_is_the_catalogue(example: Example) -> None:
    program, true = example("perceptron"), entry("D4-E1").true
    given = program.numbers()
    for found in (program.by_hand(*given), program.by_the_engine(*given)):
        for name, value in found.items():
            np.testing.assert_allclose(value, true[name], rtol=1e-13, err_msg=name)
    losses = program.losses(*given)
    assert losses[0] == pytest.approx(true["loss"])
    assert losses == sorted(losses, reverse=True)


# --- uniform labels -----------------------------------------------------------------------------


def test_d3_p1_the_floor_is_the_entropy_of_the_labels(example: Example) -> None:
    program, true = example("uniform_labels"), entry("D3-P1").true
    floors = program.floors(range(2000))
    assert [floors.min(), floors.max()] == pytest.approx(true["floor_range_over_seeds_0_to_1999"])
    assert floors.mean() == pytest.approx(true["expected_floor"], abs=0.002)
    assert floors.std() == pytest.approx(true["floor_standard_deviation"], rel=0.05)
    assert floors.min() > entry("D3-P1").reported["loss"] + 0.1


def test_d3_p1_no_prediction_beats_the_entropy(example: Example) -> None:
    entropy = example("uniform_labels").entropy
    t, y = np.meshgrid(np.linspace(0.01, 0.99, 99), np.linspace(0.01, 0.99, 99))
    loss = -t * np.log(y) - (1 - t) * np.log(1 - y)
    assert (loss >= entropy(t) - 1e-12).all()
    assert entropy(0.5) == pytest.approx(math.log(2))


def test_d3_p1_as_written_ends_above_its_floor_with_accuracy_zero(example: Example) -> None:
    program = example("uniform_labels")
    X, t = program.rows(0)
    run = program.trained(X, t, epochs=20, lr=0.05)
    assert run["loss"] > program.entropy(t).mean()
    assert run["accuracy"] == 0


def test_d3_p1_with_classes_for_labels_is_a_sound_program(example: Example) -> None:
    program = example("uniform_labels")
    X, _ = program.rows(0)
    classes = (X.sum(axis=1, keepdims=True) > 1.5).astype(float)
    run = program.trained(X, classes, epochs=100, lr=0.05)
    reported = entry("D3-P1").reported
    assert run["loss"] < reported["loss"] and run["accuracy"] >= reported["accuracy"]
