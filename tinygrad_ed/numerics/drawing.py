"""How the lab's results look: tables as text, plots with matplotlib."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .comparison import Comparison
    from .curve import DifferenceCurve

Array = NDArray[Any]

COLOURS = {"textbook": "C1", "stable": "C0"}  # of the axes' own cycle: pages have their own
METHOD_COLOURS = {"forward": "C1", "central": "C0", "complex": "C2"}
LEAST_ULP = 1e-2  # drawn for errors below it, 0 among them: a logarithmic scale has no place for 0


def comparison_text(comparison: "Comparison", rows: int) -> str:
    """Values and errors at some points, then for each form its breaks and its worst point."""
    c = comparison
    wanted = np.linspace(c.z[0], c.z[-1], rows)
    chosen = sorted({int(np.argmin(np.abs(c.z - at))) for at in wanted})
    cells = [("z", "exact", "textbook", "stable", "textbook is off", "stable is off")]
    for k in chosen:
        numbers = [f"{v[k]:.8g}" for v in (c.z, c.exact, c.textbook, c.stable)]
        cells.append((*numbers, f"{c.textbook_ulp[k]:.3g} ULP", f"{c.stable_ulp[k]:.3g} ULP"))  # type: ignore[arg-type]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    meaning = "" if c.case.swept == "z" else f"; z: {c.case.swept.removeprefix('z ')}"
    lines = [f"{c.op} in {c.dtype} on device {c.device!r}{meaning}"]
    for row in cells:
        lines.append("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)))
    for form in COLOURS:
        lines += [f"{form} form {b}" for b in c.where_it_breaks(form)]
        worst = c.worst(form)
        lines.append(f"{form} form at worst: {worst.ulp:.3g} ULP at z = {worst.z:.9g}")
    if np.isfinite(c.bound):
        kept = "kept" if c.holds else "BROKEN"
        lines.append(
            f"bound of the stable form, {kept}: {c.bound:.3g} ULP of {c.case.size_in_words}"
        )
        lines += textwrap.wrap(c.case.why, 96, initial_indent="  ", subsequent_indent="  ")
        if c.device != "numpy":
            lines.append("  and the smallest normal number: below it, kernels give 0")
    return "\n".join(lines)


def curve_text(curve: "DifferenceCurve") -> str:
    """The best step of each method, measured and in theory."""
    lines = [f"{curve.name}' at {curve.x:g} in {curve.dtype}: {curve.exact:.17g}"]
    for method in METHOD_COLOURS:
        best = curve.best(method)
        line = f"  {method:<8} best error {best.error:.2g} at h = {best.step:.2g}"
        if method != "complex" and curve.truncation(method)[-1] > 0:
            theory = curve.best_in_theory(method)
            line += f"; in theory {theory.error:.2g} at h = {theory.step:.2g}"
        lines.append(line)
    if np.isfinite(curve.extrapolated):
        lines.append(f"  differences continued to h = 0: error {curve.extrapolated:.2g}")
    return "\n".join(lines)


def axes_or_new(ax: Any) -> Any:
    """The given axes, or new ones of a figure of their own.

    Raises:
        ImportError: matplotlib is missing.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            f"a picture needs matplotlib, which cannot be imported ({error}): "
            f"pip install 'tinygrad_ed[viz]'"
        ) from error
    return pyplot.subplots(figsize=(7, 4), layout="constrained")[1]


def plot_comparison(comparison: "Comparison", ax: Any) -> Any:
    """Errors in ULP over z; bands show where a form gives nothing of use."""
    c, ax = comparison, axes_or_new(ax)
    for form, colour in COLOURS.items():
        errors: Array = getattr(c, f"{form}_ulp")
        shown = np.where(np.isfinite(errors), np.maximum(errors, LEAST_ULP), np.nan)
        ax.plot(c.z, shown, ".", markersize=4, color=colour, label=f"{form} form")
        label = f"{form}: no use"
        for stretch in c.where_it_breaks(form):
            ax.axvspan(stretch.low, stretch.high, color=colour, alpha=0.15, lw=0, label=label)
            label = "_nolegend_"
    if np.isfinite(c.bound):
        ax.plot(c.z, c.allowed, color=ax.title.get_color(), lw=1, label="bound of the stable form")
    ax.set_yscale("log")
    if c.z[0] > 0 and c.z[-1] > 1e3 * c.z[0]:
        ax.set_xscale("log")
    ax.set_xlim(c.z[0], c.z[-1])
    ax.set_xlabel(c.case.swept)
    ax.set_ylabel("error in ULP")
    ax.set_title(f"{c.op} in {c.dtype}")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_curve(curve: "DifferenceCurve", ax: Any) -> Any:
    """Relative errors over the step, with the two slopes of theory for each difference."""
    ax = axes_or_new(ax)
    floor = float(np.finfo(curve.dtype).eps) / 8  # where an error of 0 is drawn
    for method, colour in METHOD_COLOURS.items():
        errors = np.maximum(getattr(curve, method), floor)
        ax.plot(curve.steps, errors, ".", markersize=4, color=colour, label=method)
        for theory in (curve.rounding(method), curve.truncation(method)):
            if method != "complex" and np.all(theory > 0):
                ax.plot(curve.steps, theory, "--", lw=1, color=colour)
    if np.isfinite(curve.extrapolated):
        level = max(curve.extrapolated, floor)
        ink = ax.title.get_color()
        ax.axhline(level, color=ink, lw=1, ls=":", label="differences continued to h = 0")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(floor / 4, 1e2)
    ax.set_xlabel("step h")
    ax.set_ylabel("relative error of the derivative")
    ax.set_title(f"{curve.name}' at {curve.x:g} in {curve.dtype}")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize="small")
    return ax
