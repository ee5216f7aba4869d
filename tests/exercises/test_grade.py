"""The grader on right answers and on blanks, for every exercise; its report and its JSON."""

import json
import re
from pathlib import Path

import pytest
from exercises.answers import written

from tinygrad_ed.exercises import cut, exercises, grade
from tinygrad_ed.exercises import report as report_module


@pytest.mark.parametrize("name", exercises())
def test_the_shipped_source_gets_every_point(name: str, tmp_path: Path) -> None:
    report = grade(written(tmp_path, name))
    assert report, str(report)
    assert report.points == len(report.checks) and not report.mutants and not report.over
    assert report.guess is None
    assert all(count > 0 for count in report.calls.values())
    assert set(report.calls) == {part.name for part in exercises()[name].parts}


@pytest.mark.parametrize("name", exercises())
def test_a_blank_gets_no_point(name: str, tmp_path: Path) -> None:
    report = grade(cut(name, folder=tmp_path))
    assert not report and report.points == 0 and len(report.checks) >= 5
    assert not report.mutants
    assert "NotImplementedError" in str(report) and "(line " in str(report)


@pytest.mark.parametrize("part", ["forward", "backward"])
@pytest.mark.parametrize("name", ["sigmoid", "dropout", "linear", "mean"])
def test_one_part_alone_can_be_graded(name: str, part: str, tmp_path: Path) -> None:
    report = grade(written(tmp_path, name, part))
    assert report, str(report)
    assert {check.part for check in report.checks} == {part} == set(report.calls)


def test_half_of_the_work_gets_half_of_the_points(tmp_path: Path) -> None:
    path = written(tmp_path, "tanh", tanh_vjp="raise NotImplementedError('later')")
    report = grade(path)
    passed = {check.part for check in report.checks if check.passed}
    assert not report and passed == {"forward"}
    assert all(c.passed for c in report.checks if c.part == "forward")


def test_the_books_sigmoid_loses_one_point_where_it_overflows(tmp_path: Path) -> None:
    report = grade(written(tmp_path, "sigmoid", sigmoid="return 1 / (1 + np.exp(-z))"))
    (lost,) = [check for check in report.checks if not check.passed]
    assert lost.name == "values: extreme" and "overflow encountered in exp" in lost.message


def test_a_mistake_that_is_in_no_zoo_is_guessed_from_its_numbers(tmp_path: Path) -> None:
    report = grade(written(tmp_path, "tanh", tanh_vjp="return dy * (1 - y * y) * 7"))
    assert not report.mutants
    assert report.guess is not None and "constant factor 7" in report.guess
    assert "best guess" in str(report)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return dy * y * (1 - y), dy", "2 gradients, expected one for each of z"),
        ("return 'a text'", "a text"),
        ("return object()", "a object is no answer"),
        ("return np.array([None])", "array of object is no answer"),
        ("return dy[:, :1] * 1j", "complex128"),
        ("return np.ones((7, 7))", "has the shape (7, 7)"),
        ("return None", "is None, expected an array"),
        ("dy *= y * (1 - y)\nreturn dy", "it writes into its argument dy"),
        ("return dy * y * (1 - y) * np.float64(1)", "float64, expected float32"),
        ("return dy * y * (1 - undefined)", "NameError: name 'undefined' is not defined (line"),
        ("return np.abs(dy) * y * (1 - y)", "does not give -64 times"),
    ],
)
def test_what_is_wrong_is_said(body: str, said: str, tmp_path: Path) -> None:
    report = grade(written(tmp_path, "sigmoid", sigmoid_vjp=body))
    assert not report and said in str(report), str(report)


def test_a_file_that_does_not_run_fails_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "exp")
    path.write_text(path.read_text(encoding="utf-8") + "\ndef broken(:\n", encoding="utf-8")
    report = grade(path)
    assert report.points == 0 and "SyntaxError" in report.over and "(line " in report.over
    path = written(tmp_path, "log")
    path.write_text(path.read_text(encoding="utf-8") + "\n1 / 0\n", encoding="utf-8")
    assert "ZeroDivisionError" in grade(path).over


def test_the_same_seed_draws_the_same_inputs(tmp_path: Path) -> None:
    path = written(tmp_path, "exp", exp="return np.exp(x) + 1")
    first, again, other = grade(path, seed=5), grade(path, seed=5), grade(path)
    assert first.checks == again.checks and first.seed == 5
    assert other.seed != 5 and other.checks != first.checks


def test_what_is_no_work_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def sigmoid(z): return z\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is no work file: the line"):
        grade(path)
    path.write_text("# tinygrad-ed exercise: sigmoyd (both)\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no exercise 'sigmoyd'"):
        grade(path)
    with pytest.raises(OSError, match=r"none\.py"):
        grade(tmp_path / "none.py")
    with pytest.raises(ValueError, match="time limit must be above 0"):
        grade(path, timeout=0)


def test_the_json_has_the_documented_fields(tmp_path: Path) -> None:
    report = grade(written(tmp_path, "relu", relu_vjp="return np.where(y >= 0, dy, 0)"))
    found = json.loads(json.dumps(report.to_json()))
    documented = re.findall(r"^    (\w+) +(\w+)", report_module.__doc__ or "", re.MULTILINE)
    kinds = {"str": str, "bool": bool, "int": int, "list": list, "object": dict}
    assert list(found) == [name for name, _ in documented]
    for name, kind in documented:
        assert isinstance(found[name], kinds[kind]), name
    assert set(found["checks"][0]) == {"part", "name", "passed", "message"}
    assert found["mutants"][0]["name"] == "relu-never-blocks" and found["mutants"][0]["story"]
    assert found["points"] == sum(c["passed"] for c in found["checks"]) < found["of"]
    assert found["passed"] is False
