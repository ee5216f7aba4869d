"""The plots show the numbers of the result."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib
from matplotlib.figure import Figure

from tinygrad_ed.numerics import CASES, compare, difference_curve


@pytest.fixture(autouse=True)
def no_display() -> Iterator[None]:
    matplotlib.use("Agg")
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def line(ax: Any, label: str) -> Any:
    (found,) = (each for each in ax.get_lines() if each.get_label() == label)
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_errors_are_drawn_over_z(name: str) -> None:
    c, ax = compare(name, points=60), Figure().subplots()
    assert c.plot(ax) is ax
    for form in ("textbook", "stable"):
        errors = getattr(c, f"{form}_ulp")
        drawn = line(ax, f"{form} form")
        np.testing.assert_array_equal(drawn.get_xdata(), c.z)
        shown = np.where(np.isfinite(errors), np.maximum(errors, 1e-2), np.nan)
        np.testing.assert_array_equal(drawn.get_ydata(), shown)
    np.testing.assert_array_equal(line(ax, "bound of the stable form").get_ydata(), c.allowed)
    bands = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    breaks = [*c.where_it_breaks("textbook"), *c.where_it_breaks("stable")]
    np.testing.assert_allclose(bands, [(b.low, b.high) for b in breaks], atol=1e-40)
    assert ax.get_yscale() == "log" and ax.get_title() == f"{c.op} in float32"
    ax.figure.canvas.draw()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_v_is_drawn_over_the_steps(dtype: str) -> None:
    c, ax = difference_curve("sigmoid", 0.5, dtype=dtype), Figure().subplots()
    assert c.plot(ax) is ax
    for method in ("forward", "central", "complex"):
        drawn = line(ax, method)
        np.testing.assert_array_equal(drawn.get_xdata(), c.steps)
        floor = float(np.finfo(dtype).eps) / 8
        np.testing.assert_array_equal(drawn.get_ydata(), np.maximum(getattr(c, method), floor))
    dashed = [each.get_ydata() for each in ax.get_lines() if each.get_linestyle() == "--"]
    for method in ("forward", "central"):
        for theory in (c.rounding(method), c.truncation(method)):
            assert any(np.array_equal(theory, each) for each in dashed)
    ax.figure.canvas.draw()


def test_without_axes_there_is_a_new_figure() -> None:
    c = compare("tanh", points=30)
    first, second = c.plot(), c.plot()
    assert first.figure is not second.figure


def test_without_matplotlib_the_message_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    c = compare("tanh", points=30)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    with pytest.raises(ImportError, match=r"tinygrad_ed\[viz\]"):
        c.plot()
