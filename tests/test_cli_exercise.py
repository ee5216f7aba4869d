"""`tinygrad-ed exercise` and `tinygrad-ed grade`: exit codes, messages, JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from exercises.answers import written

from tinygrad_ed import cli
from tinygrad_ed.exercises import exercises


def test_the_list_shows_every_exercise(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["exercise", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["exercise", "to", "write", "mistakes", "what", "it", "is"]
    assert [line.split()[0] for line in lines[1:]] == list(exercises())
    (sigmoid,) = [line for line in lines if line.startswith("sigmoid ")]
    assert "forward + backward" in sigmoid and "σ(z) = 1 / (1 + e^-z)" in sigmoid


def test_a_file_is_cut_filled_in_and_graded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["exercise", "sigmoid", "--out", str(tmp_path)]) == 0
    path = tmp_path / "sigmoid.py"
    assert capsys.readouterr().out == (
        f"{path} is yours: fill it in, then run: tinygrad-ed grade {path}\n"
    )
    assert cli.main(["grade", str(path)]) == 1
    assert "0 of " in capsys.readouterr().out
    written(tmp_path, "sigmoid")
    assert cli.main(["grade", str(path)]) == 0
    out = capsys.readouterr().out
    assert "FAIL" not in out and "ok    backward  gradient: ordinary" in out
    assert "your functions were called: forward " in out
    assert cli.main(["exercise", "sigmoid", "--out", str(tmp_path)]) == 2
    assert "that is your work: nothing was written" in capsys.readouterr().err


def test_one_part_has_a_file_of_its_own(tmp_path: Path) -> None:
    assert cli.main(["exercise", "relu", "--part", "backward", "--out", str(tmp_path)]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["relu_backward.py"]


def test_a_mistake_is_told_with_its_story(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "sigmoid", sigmoid_vjp="return dy * y * (1 + y)")
    assert cli.main(["grade", str(path), "--seed", "7"]) == 1
    out = capsys.readouterr().out
    assert "known mistake: sigmoid-plus\n  A slip of the pen" in out
    assert "FAIL  backward  is the slope that differences give" in out
    assert "--seed 7 draws the same inputs again" in out


def test_json_alone_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "sgd", sgd="print('hello')\nreturn p + lr * g, v")
    assert cli.main(["grade", str(path), "--json", "--seed", "3"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["exercise"] == "sgd" and found["seed"] == 3 and found["passed"] is False
    assert "hello" in found["printed"] and found["calls"]["rule"] > 0


def test_the_time_limit_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "exp", exp="while True: pass")
    assert cli.main(["grade", str(path), "--timeout", "2"]) == 1
    assert "stopped: no answer within 2 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["exercise"], "say which exercise (tinygrad-ed exercise sigmoid), or --list them"),
        (["exercise", "sigmoyd"], "did you mean sigmoid"),
        (["exercise", "adam", "--part", "forward"], "leave out --part"),
        (["exercise", "relu", "--part", "sideways"], "sideways"),
        (["grade"], "FILE"),
        (["grade", "no-such-file.py"], "no-such-file.py"),
        (["grade", __file__], "is no work file"),
        (["grade", __file__, "--timeout", "0"], "time limit must be above 0"),
        (["grade", __file__, "--timeout", "soon"], "soon"),
    ],
)
def test_what_cannot_be_done_exits_2_and_says_why(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert told in capsys.readouterr().err


def test_it_works_from_another_folder_as_a_program(tmp_path: Path) -> None:
    path = written(tmp_path, "square")
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_ed.cli", "grade", path.name],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout.startswith("square (square.py)\n")
