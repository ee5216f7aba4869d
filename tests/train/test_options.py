"""The main job's command line: every mistake is one line that names what to mend, and exit 2."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tinygrad_ed.backends.cuda import why_unusable
from tinygrad_ed.data import moons
from tinygrad_ed.train import options


@pytest.fixture
def table(tmp_path: Path) -> Path:
    data = moons(40, seed=0)
    rows = [f"{x},{y},{data.class_names[c]}" for (x, y), c in zip(data.X, data.y, strict=True)]
    path = tmp_path / "moons.csv"
    path.write_text("\n".join(["x1,x2,moon", *rows]) + "\n", encoding="utf-8")
    return path


def main(*arguments: object) -> int:
    return options.main(options.train, None, [str(a) for a in arguments])


def test_the_defaults_are_the_documents() -> None:
    parser = argparse.ArgumentParser()
    options.add_options(parser)
    chosen = vars(parser.parse_args([]))
    assert chosen == {
        "data": None,
        "label": None,
        "device": "auto",
        "epochs": 10,
        "batch_size": 32,
        "lr": 1e-3,
        "threads": None,
        "seed": 0,
        "capture": None,
        "json": None,
        "plot": None,
    }


def test_an_own_table_is_trained_on_and_its_numbers_are_written(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "numbers.json"
    assert main("--data", table, "--device", "numpy", "--epochs", 2, "--json", target) == 0
    out = capsys.readouterr().out
    assert "positive class: upper" in out and "epoch 2/2" in out
    data = json.loads(target.read_text(encoding="utf-8"))
    assert data["device"] == "numpy" and len(data["epochs"]) == 2


def test_steps_are_captured_unless_told_otherwise_with_the_same_digits(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("numba")
    said = []
    for how in ([], ["--no-capture"]):
        assert main("--data", table, "--device", "cpu", "--epochs", 3, "--batch-size", 8, *how) == 0
        said.append(capsys.readouterr().out)
    first, second = (text.splitlines() for text in said)
    assert [line for line in first if line.startswith("captured: ")] != []
    assert [line for line in first if not line.startswith("captured: ")] == second


def test_the_label_column_can_be_named(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("--data", table, "--label", "moon", "--device", "numpy", "--epochs", 1) == 0
    assert "positive class: upper" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["--epochs", "0"], "--epochs"),
        (["--epochs", "two"], "--epochs"),
        (["--epochs", "1_0"], "--epochs"),
        (["--epochs", "٣"], "--epochs"),
        (["--epochs", "9" * 5000], "--epochs"),
        (["--batch-size", "0"], "--batch-size"),
        (["--batch-size", "1.5"], "--batch-size"),
        (["--lr", "0"], "--lr"),
        (["--lr", "-1"], "--lr"),
        (["--lr", "nan"], "--lr"),
        (["--lr", "inf"], "--lr"),
        (["--lr", "fast"], "--lr"),
        (["--seed", "-1"], "--seed"),
        (["--device", "tpu"], "--device"),
        (["--json", "no/such/folder/x.json"], "--json"),
        (["--json", "."], "--json"),
        (["--json", ""], "--json: the path is empty"),
        (["--data", ""], "--data: the path is empty"),
        (["--plot", "curves.txt"], "--plot"),
        (["--nonsense"], "--nonsense"),
        (["--epoch", "3"], "--epoch"),
    ],
)
def test_a_bad_flag_exits_with_2_and_is_named(
    arguments: list[str], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(*arguments)
    assert stop.value.code == 2
    assert flag in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("flag", ["--json", "--plot"])
def test_a_target_that_cannot_be_written_is_refused_before_training(
    flag: str,
    there: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "out.png"
    if there:
        target.write_text("old", encoding="utf-8")
    # Not by chmod: it stops nobody who is root.
    locked = target if there else tmp_path
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != locked)
    with pytest.raises(SystemExit) as stop:
        main(flag, target)
    said = capsys.readouterr()
    assert (stop.value.code, said.out) == (2, "")
    assert flag in said.err and f"{str(locked)!r}" in said.err and "written" in said.err


def test_a_file_that_fails_after_training_does_not_lose_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")

    def full(report: Any, path: Path) -> None:
        raise OSError("the disk is full")

    both = ["--json", tmp_path / "numbers.json", "--plot", tmp_path / "curves.png"]
    short = ["--device", "numpy", "--epochs", 1]
    monkeypatch.setattr(options, "_write_numbers", full)
    assert main(*both, *short) == 2
    assert one_line(capsys).endswith(": no numbers: the disk is full")
    assert (tmp_path / "curves.png").stat().st_size > 0
    monkeypatch.setattr("tinygrad_ed.train.plot.plot", full)
    assert main(*both, *short) == 2
    assert one_line(capsys).endswith("no numbers: the disk is full; no picture: the disk is full")


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    (only,) = capsys.readouterr().err.splitlines()
    return only


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("", "empty"),
        ("a,b,c\n1,x,no\n2,3,yes\n", "line 2"),
        ("a,b,c\n1,nan,no\n2,3,yes\n", "line 2"),
        ("a,b,c\n1,2,no\n2,yes\n", "line 3"),
        ("a,c\n1,no\n2,no\n", "class"),
        ("a,c\n1,no\n2,yes\n", "at least two are needed"),
        ("a,c\n1,x\n2,y\n3,z\n1,x\n2,y\n3,z\n", "3 classes (x, y, z)"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(
    text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main("--data", path, "--device", "numpy") == 2
    assert message in one_line(capsys)


def test_an_unknown_label_column_is_one_line(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--data", table, "--label", "price") == 2
    assert "price" in one_line(capsys)


def test_a_label_without_a_table_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("--label", "price") == 2
    assert "--label names a column of --data" in one_line(capsys)


def test_cuda_that_cannot_be_used_is_one_line_with_the_fix(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cause = why_unusable()
    if cause is None:
        pytest.skip("CUDA can be used here")
    assert main("--device", "cuda") == 2
    assert cause in one_line(capsys)


def test_a_diverging_run_is_one_line_without_warnings(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--data", table, "--device", "numpy", "--lr", "1e30", "--epochs", "2") == 2
    assert "diverged" in one_line(capsys)


def test_a_picture_without_matplotlib_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main("--plot", tmp_path / "curves.png", "--device", "numpy") == 2
    captured = capsys.readouterr()
    assert "pip install 'tinygrad_ed[viz]'" in captured.err
    assert captured.out == "", "nothing was trained"


def test_ctrl_c_is_130_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def program(_: Any) -> None:
        raise KeyboardInterrupt("interrupted after 3 whole epochs")

    assert options.main(program, None, []) == 130
    assert one_line(capsys).endswith(": interrupted after 3 whole epochs")


def test_a_bug_of_ours_is_not_dressed_up_as_a_users_mistake() -> None:
    def program(_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        options.main(program, None, [])
