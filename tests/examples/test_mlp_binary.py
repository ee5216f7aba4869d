"""The main job as a program: repeatable to the digit, interruptible, and never a traceback."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tinygrad_ed.data import breast_cancer
from tinygrad_ed.train.binary import train_binary

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "mlp_binary.py"
Example = Callable[[str], ModuleType]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def digits(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert data.pop("seconds") > 0
    return data


def test_processes_and_hash_seeds_change_no_digit(tmp_path: Path) -> None:
    files = [tmp_path / f"{k}.json" for k in range(2)]
    for file, seed in zip(files, ("0", "4242"), strict=True):
        done = run("--device", "numpy", "--json", file, PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert digits(files[0]) == digits(files[1])


def test_the_program_and_the_function_behind_the_cli_are_one_training(
    example: Example, tmp_path: Path
) -> None:
    program, file = example("mlp_binary"), tmp_path / "numbers.json"
    arguments = ["--device", "numpy", "--seed", "3", "--epochs", "2", "--json", str(file)]
    assert program.options.main(program.train, None, arguments) == 0
    report = train_binary(breast_cancer(), device="numpy", seed=3, epochs=2, progress=False)
    expected = report.to_dict()
    del expected["seconds"]
    assert digits(file) == expected


def test_it_prints_network_device_progress_and_scores(
    example: Example, capsys: pytest.CaptureFixture[str]
) -> None:
    program = example("mlp_binary")
    assert program.options.main(program.train, None, ["--device", "numpy"]) == 0
    text = capsys.readouterr().out
    for part in (
        "Linear(30, 64, relu)",
        "6,209 numbers to train",
        "device: numpy (as asked)",
        "epoch 10/10",
        "positive class: benign",
        *("loss", "accuracy", "precision", "recall", "f1", "auc"),
    ):
        assert part in text


def test_a_missing_file_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = run("--data", tmp_path / "none.csv")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [f"mlp_binary.py: no such file: {tmp_path / 'none.csv'}"]


def test_a_bad_flag_is_named_and_exit_2() -> None:
    done = run("--epochs", "none")
    assert done.returncode == 2
    assert "argument --epochs: 'none'" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_ctrl_c_while_it_trains_exits_with_130_and_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), "--device", "numpy", "--epochs", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background ignores Ctrl-C, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        while "epoch" not in (row := process.stdout.readline()):
            assert row, process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("mlp_binary.py: interrupted after") and errors.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), "--device", "numpy", "--epochs", "3000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == ""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("file", "label"),
    [("tabular/data_banknote_authentication.txt", None), ("tabular/breast_cancer.csv", None)],
)
def test_real_tables_are_learnt_from_their_own_files(
    shared_data: Callable[[str], Path], file: str, label: str | None, tmp_path: Path
) -> None:
    target = tmp_path / "numbers.json"
    done = run("--data", shared_data(file), "--device", "numpy", "--json", target)
    assert done.returncode == 0, done.stderr
    assert digits(target)["test"]["accuracy"] > 0.93
