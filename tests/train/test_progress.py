"""How a run shows itself: plain lines where nobody watches, a bar on a terminal, or nothing."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.train import fit
from tinygrad_ed.train.progress import Bar, line, reporter

PROGRAM = """
import sys
import numpy as np
import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.train import fit
if "without-rich" in sys.argv:
    sys.modules["rich"] = sys.modules["rich.console"] = sys.modules["rich.progress"] = None
model = nn.Linear(2, 1)
X = np.ones((40, 2), "float32")
fit(model, X, X[:, :1], loss=tg.mse, optimizer=optim.SGD(model.parameters()), epochs=3,
    batch_size=1)
assert ("rich" in sys.modules and sys.modules["rich"] is not None) == ("bar" in sys.argv)
"""


def run(**changes: Any) -> None:
    model, X = nn.Linear(2, 1, init="zeros"), np.ones((4, 2), "float32")
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    fit(model, X, X[:, :1], loss=tg.mse, optimizer=optimizer, epochs=2, batch_size=4, **changes)


def test_elsewhere_than_on_a_terminal_each_epoch_is_one_plain_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run()
    # From w = 0, b = 0: y = 0, loss 1; each of the three gradients is -2, so y = 0.6, loss 0.16.
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/2  loss 1.0000",
        "epoch 2/2  loss 0.1600",
    ]


def test_without_a_standard_output_it_trains_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    run()


def test_silence_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    run(progress=False)
    assert capsys.readouterr().out == ""


def test_a_line_names_every_number() -> None:
    logs = {"epoch": 3, "loss": 0.12345, "val_loss": 2.0}
    assert line(logs, 10) == "epoch  3/10  loss 0.1235  val_loss 2.0000"


def on_a_terminal(*arguments: str) -> str:
    """What the program writes when its output is a terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while chunk := os.read(ours, 4096):
                written += chunk
        except OSError:  # Linux says so when the other end is closed
            pass
        assert process.stderr is not None
        errors = process.stderr.read().decode()
    os.close(ours)
    assert process.returncode == 0, errors
    return written.decode()


def test_on_a_terminal_there_is_a_bar_and_a_line_an_epoch() -> None:
    pytest.importorskip("rich")
    text = on_a_terminal("bar")
    assert "\x1b[" in text and "training" in text and "%" in text
    assert [f"epoch {k}/3" in text for k in (1, 2, 3)] == [True] * 3


def test_a_terminal_without_rich_gets_plain_lines() -> None:
    rows = on_a_terminal("without-rich").splitlines()
    assert [row.split("  ")[0] for row in rows] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_the_bar_is_redrawn_at_most_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    bar = Bar(1, 1000)
    drawn = []
    monkeypatch.setattr(bar.bar, "update", lambda *_, **settings: drawn.append(settings))
    clock = iter(np.arange(1, 1001) * 0.01 + 100)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    for _ in range(1000):
        bar.step()
    assert 80 <= len(drawn) <= 100
    assert drawn[-1]["completed"] > 980


def test_rich_is_not_loaded_where_no_bar_is_shown() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert type(reporter(True, 1, 1)).__name__ == "Lines"
