"""The command line: exit codes, one line where a user can mend something, never a traceback."""

import argparse
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_ed
from tinygrad_ed import DeviceError, DTypeError, ShapeError, TapeError, cli, doctor
from tinygrad_ed.doctor_probes import Row
from tinygrad_ed.exits import exit_code


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tinygrad_ed.cli", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_the_installed_command_answers_its_version() -> None:
    program = shutil.which("tinygrad-ed", path=str(Path(sys.executable).parent))
    assert program, "the entry point is not installed beside this Python"
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout == f"tinygrad_ed {tinygrad_ed.__version__}\n"


def test_help_lists_the_commands() -> None:
    done = command("--help")
    assert done.returncode == 0
    for name in ("doctor", "train", "bench", "asm"):
        assert f"    {name} " in done.stdout


def test_without_a_command_the_commands_are_named() -> None:
    done = command()
    assert done.returncode == 2
    assert "doctor, train, bench, asm" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--no-such-flag"], ["doctor", "--no-such-flag"], ["train", "--no-such-flag"]],
    ids=" ".join,
)
def test_a_bad_flag_exits_2_and_is_named(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert "--no-such-flag" in capsys.readouterr().err


def test_an_unknown_command_exits_2_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dance"]) == 2
    assert "dance" in capsys.readouterr().err


def test_doctor_prints_a_row_for_each_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for device in ("numpy", "cpu", "cuda"):
        assert f"device {device} " in printed


def test_doctor_json_has_every_field_of_every_row() -> None:
    done = command("doctor", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    for row in report["rows"]:
        assert row.keys() == {"name", "found", "status", "fix", "needed"}
        assert row["status"] in {"ok", "missing"}
        assert bool(row["fix"]) == (row["status"] == "missing")


def test_doctor_exits_1_when_something_needed_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Row("NumPy", "1.26", False, "pip install --upgrade 'numpy>=2'", needed=True)
    monkeypatch.setattr(doctor, "examine", lambda: [broken])
    assert cli.main(["doctor"]) == 1
    assert "fix: pip install" in capsys.readouterr().out


def raising(error: BaseException) -> argparse.ArgumentParser:
    """A parser whose one command raises."""

    def run(arguments: argparse.Namespace) -> int:
        raise error

    parser = argparse.ArgumentParser(prog="tinygrad-ed")
    parser.add_subparsers(dest="command").add_parser("train").set_defaults(run=run)
    return parser


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("there is no file rows.csv"),
        PermissionError(13, "Permission denied", "rows.csv"),
        ValueError("line 3:\n  text where a number should be"),
        ShapeError("shapes (2,) and (3,)"),
        DTypeError("float32 and float64"),
        DeviceError("device 'cuda' cannot be used"),
        TapeError("used twice"),
        ImportError("matplotlib is missing: pip install 'tinygrad_ed[viz]'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_user_can_mend_is_one_line_and_exit_2(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "build_parser", lambda: raising(error))
    assert cli.main(["train"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"tinygrad-ed train: {' '.join(str(error).split())}\n"


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "build_parser", lambda: raising(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        cli.main(["train"])


def interrupted() -> argparse.ArgumentParser:
    raise KeyboardInterrupt


def test_ctrl_c_before_the_command_has_begun_exits_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "build_parser", interrupted)
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "tinygrad-ed: interrupted\n"


def test_the_entry_point_loads_before_training_does() -> None:
    program = "import sys, tinygrad_ed.cli; sys.exit('tinygrad_ed.train' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize(
    "arguments", [["--vers"], ["doctor", "--js"], ["train", "--epoch", "3"]], ids=" ".join
)
def test_a_flag_is_written_out(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(os.name != "posix", reason="a shell that can close descriptors")
@pytest.mark.parametrize("arguments", ["doctor", "train --device numpy --epochs 1"])
def test_without_a_standard_output_the_work_is_done(arguments: str, tmp_path: Path) -> None:
    file = f" --json {tmp_path / 'report.json'}" if arguments.startswith("train") else ""
    line = f"{shlex.quote(sys.executable)} -m tinygrad_ed.cli {arguments}{file} >&-"
    done = subprocess.run(line, shell=True, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert not file or json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


def test_a_character_that_the_output_lacks_is_a_question_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252"))
    assert exit_code(lambda: print("δ = ½") or 0, "x") == 0
    assert written.getvalue().split() == [b"?", b"=", b"\xbd"]


def test_ctrl_c_exits_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "build_parser", lambda: raising(KeyboardInterrupt()))
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "tinygrad-ed train: interrupted\n"


def test_a_reader_that_stops_reading_is_no_error_message() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "tinygrad_ed.cli", "doctor"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["train", "--help"]], ids=" ".join
)
def test_heavy_packages_load_only_in_the_command_that_needs_them(arguments: list[str]) -> None:
    program = f"""
import sys
from tinygrad_ed import cli
code = cli.main({arguments!r})
loaded = sorted({{"numba", "cupy", "rich", "matplotlib", "hypothesis"}} & set(sys.modules))
sys.exit(f"loaded {{loaded}}" if loaded else code)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
