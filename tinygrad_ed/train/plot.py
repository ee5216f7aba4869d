"""The pictures of a run: its loss curves and, where there are two features, what it decides."""

from pathlib import Path
from typing import Any

import numpy as np

from .. import ops
from .binary import Report
from .scoring import predict

BLUE, ORANGE = "#0072B2", "#D55E00"  # told apart by all kinds of colour vision


def need_matplotlib() -> None:
    """Refuses early, before an hour of training, if no picture can be drawn afterwards.

    Raises:
        ImportError: matplotlib is missing; the message names the fix.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"a picture needs matplotlib, which cannot be imported ({error}): "
            f"pip install 'tinygrad_ed[viz]'"
        ) from error


def plot(report: Report, path: Path) -> None:
    """Draws the loss of each epoch; for two features also the data and the decision boundary.

    Args:
        report: What a run gave.
        path: The file to write; its ending gives the format.

    Raises:
        ImportError: matplotlib is missing.
        OSError: The file cannot be written.
    """
    need_matplotlib()
    # A figure without pyplot: no window, no global state, no display needed.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plane = report.data.X_train.shape[1] == 2
    figure = Figure(figsize=(11 if plane else 6, 4.5), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2 if plane else 1, squeeze=False)[0]
    figure.suptitle(
        f"{report.data.dataset.name}: accuracy {report.test['accuracy']:.3f} on held-out rows"
    )
    loss_curves(panels[0], report)
    if plane:
        decision_boundary(panels[1], report)
    figure.savefig(path)


def loss_curves(axes: Any, report: Report) -> None:
    """Mean binary cross-entropy per epoch, on the training rows and on those held out."""
    epochs = report.history["epoch"]
    few = len(epochs) <= 30
    style: dict[str, Any] = {"marker": "o", "markersize": 4} if few else {}
    loss, held_out = report.history["loss"], report.history["val_loss"]
    axes.plot(epochs, loss, color=BLUE, label="train, mean during the epoch", **style)
    axes.plot(epochs, held_out, color=ORANGE, label="test, after it", **style)
    axes.set_xlabel("epoch")
    axes.set_ylabel("binary cross-entropy")
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def decision_boundary(axes: Any, report: Report) -> None:
    """The probability of the positive class over the plane, and every row; test rows are ringed.

    The line is where the probability is one half.
    """
    from matplotlib.colors import LinearSegmentedColormap

    data = report.data
    names, features = data.dataset.class_names, data.dataset.feature_names
    rows = data.scaler.inverse(np.concatenate([data.X_train, data.X_test]))
    low, high = rows.min(axis=0), rows.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1)
    x, y = (np.linspace(a - m, b + m, 200) for a, b, m in zip(low, high, margin, strict=True))
    X, Y = np.meshgrid(x, y)
    grid = data.scaler.transform(np.column_stack([X.ravel(), Y.ravel()]))
    P = np.asarray(ops.sigmoid(predict(report.model, grid))).reshape(X.shape)
    colours = LinearSegmentedColormap.from_list("blue to orange", [BLUE, "white", ORANGE])
    shades = axes.contourf(X, Y, P, np.linspace(0, 1, 11), cmap=colours, alpha=0.4)
    axes.figure.colorbar(shades, ax=axes, label=f"P({names[1]})", ticks=[0, 0.5, 1])
    if P.min() < 0.5 < P.max():
        axes.contour(X, Y, P, [0.5], colors="black", linewidths=1.2)
    for part, targets, edge in (
        (data.X_train, data.y_train, "none"),
        (data.X_test, data.y_test, "black"),
    ):
        points = data.scaler.inverse(part)
        for code, colour, marker in ((0, BLUE, "o"), (1, ORANGE, "^")):
            chosen = points[targets.ravel() == code]
            label = names[code] if edge == "none" else None
            axes.scatter(*chosen.T, s=22, c=colour, marker=marker, edgecolors=edge, label=label)
    axes.set_xlabel(features[0])
    axes.set_ylabel(features[1])
    axes.legend(title="black edge: test", frameon=True, framealpha=0.9)
