"""`tinygrad-ed train` is the main job on any table, and says in one line what is wrong with one."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tinygrad_ed import cli
from tinygrad_ed.data import moons

ROOT = Path(__file__).resolve().parent.parent
FAST = ["--device", "numpy", "--epochs", "2"]


def numbers(path: Path) -> dict[str, Any]:
    """A report without the one field that is a measurement of time."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert report.pop("seconds") > 0
    return report


@pytest.fixture
def table(tmp_path: Path) -> Path:
    data = moons(200, noise=0.1, seed=3)
    lines = ["left,shape,height"]
    lines += [
        f"{x!r},{'upper' if y else 'lower'},{z!r}"
        for (x, z), y in zip(data.X.tolist(), data.y.tolist(), strict=True)
    ]
    path = tmp_path / "moons.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_command_and_the_example_give_the_same_digits(tmp_path: Path) -> None:
    command, example = tmp_path / "command.json", tmp_path / "example.json"
    assert cli.main(["train", *FAST, "--seed", "7", "--json", str(command)]) == 0
    done = subprocess.run(
        [sys.executable, "examples/mlp_binary.py", *FAST, "--seed", "7", "--json", str(example)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert numbers(command) == numbers(example)


def test_it_learns_a_table_of_ones_own(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    own = ["--data", str(table), "--label", "shape", "--device", "numpy"]
    assert cli.main(["train", *own, "--epochs", "60", "--lr", "0.01", "--json", str(path)]) == 0
    printed = capsys.readouterr()
    assert "positive class: upper" in printed.out
    assert printed.err == ""
    report = numbers(path)
    assert report["device"] == "numpy"
    assert len(report["epochs"]) == 60
    assert report["train"].keys() == report["test"].keys()
    assert report["test"]["accuracy"] >= 0.95


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr, which must be one line."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_missing_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--data", "no/such/rows.csv", *FAST]) == 2
    assert "no/such/rows.csv" in one_line(capsys)


def test_a_label_column_that_is_not_there_is_one_line_that_lists_the_columns(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", "--data", str(table), "--label", "colour", *FAST]) == 2
    line = one_line(capsys)
    for name in ("colour", "left", "shape", "height"):
        assert name in line


def test_text_where_a_number_should_be_is_one_line_that_names_the_row(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[4] = "tall,lower,0.5"
    table.write_text("\n".join(lines), encoding="utf-8")
    assert cli.main(["train", "--data", str(table), "--label", "shape", *FAST]) == 2
    line = one_line(capsys)
    assert "line 5" in line
    assert "tall" in line


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--epochs", "0"),
        ("--epochs", "many"),
        ("--batch-size", "0"),
        ("--lr", "-1"),
        ("--lr", "nan"),
        ("--seed", "-1"),
        ("--device", "abacus"),
        ("--json", "no/such/folder/report.json"),
        ("--plot", "curves.txt"),
    ],
)
def test_a_bad_value_exits_2_and_names_its_flag_and_itself(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", flag, value]) == 2
    said = capsys.readouterr().err
    assert flag in said
    assert value.partition("/")[0] in said
    assert "Traceback" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_in_the_middle_exits_130_without_a_traceback() -> None:
    program = [sys.executable, "-m", "tinygrad_ed.cli"]
    # A shell starts background jobs with SIGINT ignored, and children inherit that.
    with subprocess.Popen(
        [*program, "train", "--device", "numpy", "--epochs", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        try:
            assert running.stdout
            for line in running.stdout:
                if line.lstrip().startswith("epoch"):  # training has begun
                    break
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "interrupted" in said
