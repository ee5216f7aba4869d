"""Ways to get points without an answer: none of them does, and the grader always comes back."""

import sys
from pathlib import Path

import pytest
from exercises.answers import written

from tinygrad_ed.exercises import Report, cut, grade

TO_THE_LIBRARY = {
    "the op": "import tinygrad_ed as tg\nreturn tg.registry['sigmoid'].forward(z)",
    "its name": "import tinygrad_ed as tg\nreturn tg.sigmoid(z)",
    "its book": "import tinygrad_ed as tg\nreturn tg.registry['sigmoid'].textbook_form(z)",
    "its module": "from tinygrad_ed.ops import activations\n"
    "return activations.sigmoid.__wrapped__(z)",
}  # fmt: skip


def blank_with(tmp_path: Path, code: str, name: str = "sigmoid") -> Report:
    """A blank work file with some code of the cheater's at its end."""
    path = cut(name, folder=tmp_path)
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{code}\n", encoding="utf-8")
    return grade(path, timeout=20)


@pytest.mark.parametrize("way", TO_THE_LIBRARY)
def test_the_question_cannot_be_handed_back_to_the_library(way: str, tmp_path: Path) -> None:
    report = grade(written(tmp_path, "sigmoid", "forward", sigmoid=TO_THE_LIBRARY[way]))
    assert report.points == 0
    assert "taken out while" in str(report) or "RecursionError" in str(report)


def test_the_library_function_imported_before_is_empty_too(tmp_path: Path) -> None:
    code = "from tinygrad_ed import registry\nsigmoid = registry['sigmoid'].forward"
    report = blank_with(tmp_path, code)
    assert report.points == 0 and "it must be the def sigmoid of this file" in report.over


def test_a_lambda_or_a_name_in_the_place_of_the_def_is_refused(tmp_path: Path) -> None:
    assert "must be the def sigmoid" in blank_with(tmp_path, "sigmoid = lambda z: z").over
    path = cut("tanh", folder=tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("def tanh(", "def other("), "utf-8")
    assert "tanh must be a function of this file" in grade(path).over


@pytest.mark.parametrize(
    "code",
    [
        "print('all passed'); import os; os._exit(0)",
        "raise SystemExit(0)",
        "import sys; sys.exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_ending_early_is_no_answer(code: str, tmp_path: Path) -> None:
    report = blank_with(tmp_path, code)
    assert not report and report.points == 0 and report.over
    assert "all passed" not in code or "all passed" in report.printed


def test_ending_inside_the_function_is_no_answer(tmp_path: Path) -> None:
    report = grade(written(tmp_path, "sigmoid", sigmoid="import os\nos._exit(0)"))
    assert report.points == 0 and "ended by itself (exit code 0)" in report.over
    raised = grade(written(tmp_path, "sigmoid", sigmoid="raise SystemExit(0)"))
    assert not raised and "SystemExit: 0" in str(raised)


def test_a_forged_report_on_stdout_is_only_printed(tmp_path: Path) -> None:
    code = 'print(\'{"passed": true, "points": 17, "of": 17}\')'
    report = blank_with(tmp_path, code)
    assert report.points == 0 and '"passed": true' in report.printed
    assert "your program printed:" in str(report)


def test_frames_written_to_the_graders_pipe_are_no_answer(tmp_path: Path) -> None:
    code = (
        "import os\nfrom tinygrad_ed.exercises.wire import send\n"
        "for fd in range(3, 64):\n"
        "    try:\n        stream = os.fdopen(os.dup(fd), 'wb')\n"
        "        send(stream, {'nonce': '0', 'id': 0, 'value': None})\n"
        "    except OSError:\n        pass\n"
    )
    report = blank_with(tmp_path, code)
    assert report.points == 0 and "grader's pipe that is no answer" in report.over


def test_noise_on_the_graders_pipe_is_no_answer(tmp_path: Path) -> None:
    code = (
        "import os\nfor fd in range(3, 64):\n"
        "    try:\n        os.write(fd, b'\\xff' * 64)\n    except OSError:\n        pass\n"
    )
    report = blank_with(tmp_path, code)
    assert report.points == 0 and report.over


def test_a_child_that_says_that_it_passed_has_still_no_numbers(tmp_path: Path) -> None:
    """It may replace the grader's own code over there: what is right is not there to be found."""
    code = (
        "import sys\nfrom tinygrad_ed.exercises import child, same\n"
        "same.difference = lambda *a: ''\nsame.agree = lambda *a: False\n"
        "main = sys.modules['__main__']\n"
        "main.Answer.asked = lambda self, how, part, args, kw: (self.calls.update("
        "{part: self.calls[part] + 1}), args[0])[1]\n"
    )
    report = blank_with(tmp_path, code)
    assert not report
    assert not any(c.passed for c in report.checks if c.name == "values: ordinary")
    assert not any(c.passed for c in report.checks if c.name == "gradient: ordinary")


def test_a_monkeypatched_numpy_does_not_reach_the_judge(tmp_path: Path) -> None:
    code = "np.allclose = np.isclose = np.array_equal = lambda *a, **k: True"
    assert blank_with(tmp_path, code).points == 0


def test_answers_learned_by_heart_do_not_fit_new_inputs(tmp_path: Path) -> None:
    by_heart = "return np.full(np.shape(z), 0.5)"
    report = grade(written(tmp_path, "sigmoid", "forward", sigmoid=by_heart))
    wrong = {check.name for check in report.checks if not check.passed}
    assert {"values: ordinary", "values: number", "values: extreme"} <= wrong


def test_an_endless_loop_ends_with_the_time_limit(tmp_path: Path) -> None:
    path = written(tmp_path, "sigmoid", sigmoid_vjp="while True:\n    pass")
    report = grade(path, timeout=3)
    assert "no answer within 3 s" in report.over and "--timeout" in report.over
    assert all(c.passed for c in report.checks[:4]), "what was answered before still counts"
    assert not any(c.passed for c in report.checks if c.part == "backward")


def test_an_endless_loop_in_the_file_itself_ends_too(tmp_path: Path) -> None:
    path = cut("sigmoid", folder=tmp_path)
    path.write_text(f"{path.read_text(encoding='utf-8')}\nwhile True: pass\n", encoding="utf-8")
    assert "no answer within 2 s" in grade(path, timeout=2).over


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_processes_that_the_answer_started_are_ended_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    body = (
        "import subprocess, sys, pathlib\n"
        f"other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(other.pid))\nwhile True:\n    pass"
    )
    grade(written(tmp_path, "sigmoid", "forward", sigmoid=body), timeout=3)
    pid = int(note.read_text())
    status = Path(f"/proc/{pid}/stat")
    assert not status.exists() or status.read_text().split()[2] == "Z"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory limit is Linux's")
def test_memory_is_limited(tmp_path: Path) -> None:
    body = "return np.ones(2**34)"  # 128 GiB
    report = grade(written(tmp_path, "sigmoid", "forward", sigmoid=body))
    assert report.points == 0
    assert "MemoryError" in str(report) or "Unable to allocate" in str(report)


def test_floods_of_output_are_cut(tmp_path: Path) -> None:
    body = "print('x' * 1_000_000)\nreturn np.where(z >= 0, 1, 0.0) * 0.5"
    report = grade(written(tmp_path, "sigmoid", "forward", sigmoid=body))
    assert len(report.printed) <= 2_000


def test_input_cannot_be_waited_for(tmp_path: Path) -> None:
    report = grade(written(tmp_path, "sigmoid", "forward", sigmoid="input('?')"), timeout=20)
    assert "EOFError" in str(report)
