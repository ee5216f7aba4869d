"""The V-curve: a difference quotient's error against its step, beside the complex step.

    forward    (f(x+h) - f(x)) / h        truncation  h |f''| / 2
    central    (f(x+h) - f(x-h)) / 2h     truncation  h² |f'''| / 6
    complex    Im f(x + ih) / h           truncation  h² |f'''| / 6, and no difference: no rounding

A shorter step makes the truncation smaller and the rounding larger: each value is off by half of
ε |f|, x + h by half of ε |x|, and the quotient divides both by h. So no step gives more than about
half of the digits (forward) or two thirds of them (central); the complex step gives all.

Source: Squire, Trapp 1998.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..check.numeric import slopes
from ..errors import DTypeError
from ..ops import Op, registry
from .exact import Exact, digits_of_context

Array = NDArray[Any]

METHODS = ("forward", "central", "complex")
DEFAULT_STEPS = {"float32": (1e-12, 1.0), "float64": (1e-20, 1.0)}
DIGITS, STEP = 240, "1e-60"  # of the exact derivatives: right to 120 digits, 60 for the third


@dataclass(frozen=True)
class Best:
    """The step with the smallest error.

    Attributes:
        step: The step h.
        error: The relative error it gives.
    """

    step: float
    error: float


@dataclass(frozen=True, repr=False)
class DifferenceCurve:
    """Errors of three numeric derivatives of f at x, for many steps.

    Attributes:
        name: Name of the function.
        x: Where.
        dtype: "float32" or "float64".
        steps: The steps h. Shape: (N,), as for all arrays here.
        exact: f'(x), right to the last bit of float64.
        value: f(x).
        second: f''(x); NaN if f' was given.
        third: f'''(x); NaN if f' was given.
        forward: Relative errors of the forward difference (absolute ones where f'(x) is 0).
        central: The same for the central difference.
        complex: The same for the complex step.
        extrapolated: The error of central differences continued to step 0, as `tg.gradcheck` does
            it in float64; NaN in float32.
    """

    name: str
    x: float
    dtype: str
    steps: Array
    exact: float
    value: float
    second: float
    third: float
    forward: Array
    central: Array
    complex: Array
    extrapolated: float

    def best(self, method: str = "central") -> Best:
        """The step at which "forward", "central" or "complex" came closest.

        Raises:
            ValueError: Another method.
        """
        errors = self._errors(method)
        k = int(np.nanargmin(errors))
        return Best(float(self.steps[k]), float(errors[k]))

    def rounding(self, method: str) -> Array:
        """What theory says of the rounding part of the error, for every step."""
        return np.full(self.steps.shape, self._coefficients(method)[0]) / self.steps

    def truncation(self, method: str) -> Array:
        """What theory says of the truncation part of the error, for every step."""
        _, factor, power = self._coefficients(method)
        return np.asarray(factor * self.steps**power)

    def best_in_theory(self, method: str = "central") -> Best:
        """The step at which rounding and truncation together are smallest, and their sum there.

        √(R / T) for an error R/h + T h, ∛(R / 2T) for R/h + T h².

        Raises:
            ValueError: Not "forward" or "central": the complex step has no best one, small will do.
        """
        rounding, factor, power = self._coefficients(method)
        if method == "complex" or not factor > 0:
            raise ValueError(
                f"{method}: the error only falls with the step, none is the best in theory"
            )
        step = (rounding / (power * factor)) ** (1 / (power + 1))
        return Best(float(step), float(rounding / step + factor * step**power))

    def _coefficients(self, method: str) -> tuple[float, float, int]:
        """R, T, p of the relative error R / h + T h^p."""
        self._errors(method)
        epsilon, scale = float(np.finfo(self.dtype).eps), abs(self.exact) or 1.0
        of_x = epsilon * abs(self.x * self.exact) / 2
        if method == "forward":
            return (epsilon * abs(self.value) + of_x) / scale, abs(self.second) / 2 / scale, 1
        if method == "central":
            return (epsilon * abs(self.value) / 2 + of_x) / scale, abs(self.third) / 6 / scale, 2
        return 0.0, abs(self.third) / 6 / scale, 2

    def _errors(self, method: str) -> Array:
        if method not in METHODS:
            raise ValueError(f"no method {method!r}: one of {', '.join(METHODS)}")
        errors: Array = getattr(self, method)
        return errors

    def text(self) -> str:
        """The best step of each method, measured and in theory."""
        from .drawing import curve_text

        return curve_text(self)

    def plot(self, ax: Any = None) -> Any:
        """Draws the errors over the step, both on logarithmic scales, with the theory's lines.

        Args:
            ax: matplotlib axes; new ones if None.

        Returns:
            The axes.

        Raises:
            ImportError: matplotlib is missing.
        """
        from .drawing import plot_curve

        return plot_curve(self, ax)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        best = ", ".join(f"{m} {self.best(m).error:.2g}" for m in METHODS)
        return f"<differences of {self.name} at {self.x:g} in {self.dtype}: best errors {best}>"


def difference_curve(
    f: Callable[[Any], Any] | str | Op,
    x: float,
    *,
    dtype: str = "float64",
    steps: Any = None,
    exact: float | None = None,
) -> DifferenceCurve:
    """Derivatives of f at x by differences and by complex step, for many steps, with their errors.

    The exact derivative comes from f itself, run on numbers of 240 digits (see `Exact`).

    Args:
        f: A function made of arithmetic and NumPy functions, which takes an array and works on each
            entry; or an elementwise op, or its name. Complex numbers must pass through it.
        x: Where.
        dtype: "float32" or "float64".
        steps: The steps; from 1 down to far below the type's spacing if None.
        exact: f'(x), for a function that cannot run on `Exact` numbers; theory has no lines then.

    Raises:
        DTypeError: Another number type, or f changes the number type.
        TypeError: f cannot run on `Exact` numbers, or not on complex ones.
        ValueError: No op of that name, or no finite derivative.
    """
    if dtype not in DEFAULT_STEPS:
        raise DTypeError(f"difference_curve: dtype is float32 or float64, got {dtype!r}")
    name, run, run_exact = _runs(f)
    kind = np.dtype(dtype).type
    h = np.geomspace(*DEFAULT_STEPS[dtype], 161) if steps is None else np.asarray(steps)
    h, point = h.astype(kind), kind(x)
    if exact is None:
        value, first, second, third = _exact_derivatives(run_exact, float(point), name)
    else:
        value, first, second, third = float(run(np.array([point]))[0]), exact, np.nan, np.nan
    if not np.isfinite(first):
        raise ValueError(f"difference_curve: {name} has no finite derivative at {x}: {first}")
    with np.errstate(all="ignore"):
        here, above, below = run(np.full_like(h, point)), run(point + h), run(point - h)
        upwards = run(point + np.array(1j, np.result_type(kind, np.complex64)) * h)
    _check(name, dtype, above, upwards)
    with np.errstate(all="ignore"):
        # Quotients in float64, so that the error is that of the values and not of the division.
        forward = (above - here).astype(np.float64) / h
        central = (above - below).astype(np.float64) / (2 * h.astype(np.float64))
        sideways = np.imag(upwards).astype(np.float64) / h
    scale = abs(first) or 1.0
    extrapolated = np.nan
    if dtype == "float64":
        found = slopes([lambda t: np.asarray(run(np.array([x + t])))], [max(1.0, abs(x))])
        extrapolated = abs(float(found.value[0, 0]) - first) / scale
    return DifferenceCurve(
        name=name,
        x=float(point),
        dtype=dtype,
        steps=h,
        exact=first,
        value=value,
        second=second,
        third=third,
        forward=np.abs(forward - first) / scale,
        central=np.abs(central - first) / scale,
        complex=np.abs(sideways - first) / scale,
        extrapolated=extrapolated,
    )


def _runs(f: Any) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    """What the function is called, how it is run on floats, and how on exact numbers."""
    op = registry.get(f, f) if isinstance(f, str) else f
    if not isinstance(op, Op):
        if callable(op):
            return getattr(op, "__name__", "f").replace("<lambda>", "f"), op, op
        raise ValueError(f"difference_curve: {f!r} is no function, and no op has this name")
    if not op.elementwise or len(op.operand_names) != 1:
        raise ValueError(
            f"difference_curve: {op.name} is no elementwise op of one operand; give a function of "
            f"one number: lambda x: ..."
        )
    form = op.textbook_form or op.forward
    return op.name, op, lambda x: form(x, **op.defaults)


def _exact_derivatives(f: Any, x: float, name: str) -> tuple[float, float, float, float]:
    """f, f', f'', f''' by central differences with so many digits that their error is nothing."""
    with digits_of_context(DIGITS):
        h = Exact(Decimal(STEP))
        points = np.array([Exact(x) + k * h for k in range(-2, 3)], dtype=object)
        try:
            b, a, here, c, d = (Exact(y) for y in np.asarray(f(points), dtype=object))
        except (TypeError, AttributeError) as error:
            raise TypeError(
                f"difference_curve: {name} cannot run on numbers of {DIGITS} digits ({error}). "
                f"Write it with arithmetic and np.exp, log, sqrt, tanh, sin, cos, or give its "
                f"derivative: exact=..."
            ) from error
        first = (c - a) / (2 * h)
        second = (c - 2 * here + a) / (h * h)
        third = (d - 2 * c + 2 * a - b) / (2 * h * h * h)
        return float(here), float(first), float(second), float(third)


def _check(name: str, dtype: str, values: Any, complex_values: Any) -> None:
    if values.dtype != dtype:
        raise DTypeError(
            f"difference_curve: {name} turns {dtype} into {values.dtype}, so its errors would not "
            f"be those of {dtype}; look for a constant that is a NumPy number: float(...) it"
        )
    if complex_values.dtype.kind != "c":
        raise TypeError(
            f"difference_curve: {name} turns complex numbers into {complex_values.dtype}: the "
            f"imaginary part, which is the derivative, is lost. abs and .real do that; where x is "
            f"not 0, write |x| as sqrt(x * x)"
        )
