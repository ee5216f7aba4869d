"""`tinygrad-ed explain`."""

import json
from pathlib import Path

import pytest

from tinygrad_ed.cli import main


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out


def test_an_example_one_entry_and_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    assert "two-layers" in shown(capsys, "--list")
    text = shown(capsys, "two-layers", "--wrt", "W1", "--entry", "2,0")
    assert "dW₁ = xᵀ dZ₁" in text and "dW₁[2, 0] = 2·(" in text
    assert "W₁ X" in shown(capsys, "two-layers", "--convention", "column").replace("x", "X")
    assert "∂L/∂y · ∂y/∂Z₂" in shown(capsys, "two-layers", "--wrt", "W1", "--chain")


def test_a_typed_formula(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(
        capsys, "--expr", "mean((sigmoid(x @ w + b) - t)**2)", "--let", "x=[[1,2]]",
        "--let", "w=[[0.5],[0.5]]", "--let", "b=[0.0]", "--let", "t=[[1]]",
    )  # fmt: skip
    assert "0.8176" in text  # sigmoid of 1.5


def test_files_are_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = {form: tmp_path / f"out.{form}" for form in ("html", "stepper", "latex", "json")}
    out = shown(capsys, "neuron", *[a for f, p in files.items() for a in (f"--{f}", str(p))])
    assert out.count("written:") == 4
    assert json.loads(files["json"].read_text(encoding="utf-8"))["result"] == "L"
    assert "\\documentclass" in files["latex"].read_text(encoding="utf-8")
    for form in ("html", "stepper"):
        assert files[form].read_text(encoding="utf-8").lower().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no example is called 'nothing'"),
        (["neuron", "--entry", "0,0"], "say of which with --wrt"),
        (["neuron", "--chain"], "say which with --wrt"),
        (["neuron", "--wrt", "W"], "wrt is one of"),
        (["--expr", "mean("], "is no formula"),
        (["--expr", "sum(x)", "--let", "x"], "NAME=VALUE"),
        (["neuron", "--wrt", "w", "--entry", "a"], "is no entry"),
        (["neuron", "--wrt", "w", "--entry", "9,9"], "is no entry"),
        (["--expr", "9**9**9"], "no number that fits"),
    ],
)
def test_mistakes_end_with_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments]) == 2
    assert message in capsys.readouterr().err
