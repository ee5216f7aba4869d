"""Plots in one style. A picture is drawn twice, and the page shows the one that fits its colours.

@picture("Loss against epoch, falling.")
def _(axes):
    axes.plot(history["loss"])
"""

import base64
import io
from collections.abc import Callable
from html import escape
from typing import Any

from IPython.display import HTML, display

# Okabe and Ito's colours are told apart by colour-blind readers; on black, blue is made lighter.
LIGHT = ("#0072B2", "#D55E00", "#009E73", "#B0568F", "#B58900", "#3A3A3A", "#2E8BC0")
DARK = ("#56B4E9", "#FF8C42", "#2FCB9B", "#E08BC0", "#F0C84B", "#D8D8D8", "#9AD1F5")
THEMES = {"light": (LIGHT, "#303030", "#d8d8d8"), "dark": (DARK, "#cfcfcf", "#454545")}
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))


def picture(
    alt: str, *, columns: int = 1, size: tuple[float, float] = (6.4, 3.6), **options: Any
) -> Callable[[Callable[..., None]], None]:
    """Draws at once and shows the result; the decorated function gets the axes.

    Args:
        alt: What is to be seen, for readers who do not see it.
        columns: Axes side by side; the function gets as many.
        size: Width and height in inches, of all of them together.
        options: For `Figure.subplots`, such as `sharey=True`.
    """

    def show(draw: Callable[..., None]) -> None:
        images = []
        for theme in THEMES:
            data = base64.b64encode(_svg(draw, theme, columns, size, options)).decode()
            images.append(
                f'<img class="plot only-{theme}" alt="{escape(alt)}" '
                f'src="data:image/svg+xml;base64,{data}">'
            )
        display(HTML(f'<div class="plot">{"".join(images)}</div>'))

    return show


def _svg(
    draw: Callable[..., None],
    theme: str,
    columns: int,
    size: tuple[float, float],
    options: dict[str, Any],
) -> bytes:
    from cycler import cycler
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = _style(theme) | {"axes.prop_cycle": cycler(color=THEMES[theme][0])}
    with rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(1, columns, squeeze=False, **options)[0]
        draw(*axes)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    return stream.getvalue()


def _style(theme: str) -> dict[str, Any]:
    _, ink, grid = THEMES[theme]
    return {
        "font.size": 11,
        "axes.titlesize": 11.5,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "axes.grid": True,
        "grid.color": grid,
        "grid.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.framealpha": 0.0,
        "legend.fontsize": 10,
        "svg.hashsalt": "tinygrad_ed",  # the same picture has the same bytes
        "svg.fonttype": "path",
        "image.cmap": "viridis",
    }
