"""The textbook form against the form that runs: values, and errors in ULP, over a range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..creation import tensor
from ..errors import DTypeError
from ..ops import Op, registry
from .breaks import Break, judged, stretches
from .cases import BEYOND_EXP, CASES, LIBRARY, Case, alone
from .exact import in_exact_numbers
from .units import ulp_errors, unit_in_last_place

Array = NDArray[Any]

FORMS = ("textbook", "stable")
CLOSEST = {"float32": 1e-12, "float64": 1e-20}
"""How close to 0 points come, in parts of the range: past where 1 + z is 1."""


@dataclass(frozen=True)
class Worst:
    """The point of a sweep where a form is the furthest off.

    Attributes:
        z: Where.
        exact: What it should be.
        got: What it is.
        ulp: The error in ULP of the exact value; infinity for NaN and for a wrong infinity.
    """

    z: float
    exact: float
    got: float
    ulp: float


@dataclass(frozen=True)
class Sweep:
    """An op with its case, ready to be run in three ways at any points."""

    op: Op
    case: Case
    device: str

    def _entry(self, value: Any) -> Array:
        values: Array = np.asarray(value)
        return values if self.case.entry is None else values[..., self.case.entry]

    @property
    def _params(self) -> dict[str, Any]:
        return {**self.op.defaults, **self.case.params}

    def textbook(self, z: Array) -> Array:
        """What the book's formula gives in the type of z."""
        assert self.op.textbook_form is not None
        with np.errstate(all="ignore"):
            return self._entry(self.op.textbook_form(*self.case.operands(z), **self._params))

    def stable(self, z: Array) -> Array:
        """What the op gives on the device: its computable form, or the device's kernel."""
        operands = self.case.operands(z)
        with np.errstate(all="ignore"):
            if self.device == "numpy":
                return self._entry(self.op(*operands, **self._params))
            if not self.case.by_row:
                return self._entry(self._on_device(operands, self._params))
            rows = [[x[i : i + 1] for x in operands] for i in range(z.size)]
            reduced = {**self._params, "reduction": "mean"}
            return np.array([self._on_device(row, reduced) for row in rows], z.dtype)

    def _on_device(self, operands: Sequence[Array], params: dict[str, Any]) -> Any:
        placed = [tensor(x, device=self.device) for x in operands]
        return self.op(*placed, **params).numpy()

    def exact(self, z: Array) -> Array:
        """The textbook form in hundreds of digits, as Decimals."""
        assert self.op.textbook_form is not None
        form, operands = self.op.textbook_form, self.case.operands(z)
        digits = self.case.digits(*operands)
        return self._entry(in_exact_numbers(lambda *x: form(*x, **self._params), operands, digits))

    def allowed(self, z: Array, exact: Array) -> Array:
        """The bound at each point, in ULP of the exact value there; infinity without a bound."""
        if self.case.bound is None:
            return np.full(z.shape, np.inf)
        size = self.case.size(exact.astype(np.float64), *self.case.operands(z))
        error = self.case.bound(LIBRARY[z.dtype.name]) * unit_in_last_place(size, z.dtype)
        if self.device != "numpy":  # a kernel's results below the smallest normal number are 0
            error = error + float(np.finfo(z.dtype).smallest_normal)
        with np.errstate(over="ignore"):
            return np.asarray(error / unit_in_last_place(exact.astype(np.float64), z.dtype))


@dataclass(frozen=True, repr=False)
class Comparison:
    """The two forms of an op at the points of a sweep. `print` shows a table, `plot` the errors.

    Attributes:
        op: The op's name.
        dtype: "float32" or "float64".
        device: Where the stable form ran.
        z: The points. Shape: (N,), as for all arrays here.
        exact: The exact values, rounded to float64 (the errors come from the unrounded ones).
        textbook: What the book's formula gave.
        stable: What the op gave.
        textbook_ulp: Errors in ULP of the exact value; infinity for NaN and for a wrong infinity.
        stable_ulp: The same for the stable form.
        allowed: What the bound allows the stable form, in the same unit.
    """

    op: str
    dtype: str
    device: str
    z: Array
    exact: Array
    textbook: Array
    stable: Array
    textbook_ulp: Array
    stable_ulp: Array
    allowed: Array
    _decimals: Array
    _sweep: Sweep

    @property
    def case(self) -> Case:
        """What is swept, and the bound with its reason."""
        return self._sweep.case

    @property
    def bound(self) -> float:
        """The bound in ULP of `case.size_in_words`; infinity if none is known."""
        bound = self.case.bound
        return np.inf if bound is None else float(bound(LIBRARY[self.dtype]))

    @property
    def holds(self) -> bool:
        """Whether the stable form keeps its bound at every point."""
        return bool(np.all(self.stable_ulp <= self.allowed))

    def worst(self, form: str = "textbook") -> Worst:
        """Where "textbook" or "stable" is the furthest off: the first such point.

        Raises:
            ValueError: Another form.
        """
        got, errors = self._of(form)
        k = int(np.argmax(errors))
        return Worst(float(self.z[k]), float(self.exact[k]), float(got[k]), float(errors[k]))

    def where_it_breaks(self, form: str = "textbook") -> tuple[Break, ...]:
        """The stretches in which a form gives nothing of use, in rising order.

        Their inner ends are exact: the next number of the type is fine, or breaks in another way.
        What lies wholly between two points that break alike, or are both fine, is not looked for:
        ask for more points or a smaller range.

        Raises:
            ValueError: Another form.
        """
        got, _ = self._of(form)
        run = self._sweep.textbook if form == "textbook" else self._sweep.stable
        kinds = judged(got, self._decimals)
        return tuple(stretches(self.z, kinds, lambda z: judged(run(z), self._sweep.exact(z))))

    def _of(self, form: str) -> tuple[Array, Array]:
        if form not in FORMS:
            raise ValueError(f"no form {form!r}: one of {' and '.join(map(repr, FORMS))}")
        got: Array = getattr(self, form)
        errors: Array = getattr(self, f"{form}_ulp")
        return got, errors

    def text(self, rows: int = 9) -> str:
        """The table: values and errors at some of the points, breaks, worst points, the bound."""
        from .drawing import comparison_text

        return comparison_text(self, rows)

    def plot(self, ax: Any = None) -> Any:
        """Draws both errors over z on a logarithmic scale, the bound, and where each form breaks.

        Args:
            ax: matplotlib axes; new ones if None.

        Returns:
            The axes.

        Raises:
            ImportError: matplotlib is missing.
        """
        from .drawing import plot_comparison

        return plot_comparison(self, ax)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return (
            f"<{self.op} in {self.dtype} on {self.device!r}: {self.z.size} points, worst error "
            f"{self.worst('textbook').ulp:.3g} ULP textbook, {self.worst('stable').ulp:.3g} stable>"
        )


def compare(
    op: str | Op,
    *,
    dtype: str = "float32",
    range: tuple[float, float] | None = None,
    points: int = 401,
    device: str = "numpy",
) -> Comparison:
    """An op's textbook form and the form that runs, against the exact value.

    The exact value is the textbook form once more, in hundreds of digits (see `Exact`). Half of the
    points are evenly spaced, half crowd towards 0; where the formula has no value even then
    (0 · ln 0), a point is left out.

    Args:
        op: A name from `CASES`, or what the user calls it ("cross_entropy"), or any elementwise
            op of one operand that has a textbook form, also one of yours.
        dtype: "float32" or "float64".
        range: From where to where z goes.
        points: How many points, about.
        device: Where the stable form runs: "numpy" is the formula, "cpu" the kernels.

    Raises:
        ValueError: No such op, or it has no second form; an empty range or one too wide.
        DTypeError: Another number type.
    """
    found, case = _chosen(op)
    if dtype not in LIBRARY:
        raise DTypeError(f"compare: dtype must be one of {', '.join(LIBRARY)}, got {dtype!r}")
    low, high = case.ranges[dtype] if range is None else range
    if not (low < high and np.isfinite([low, high]).all()) or points < 2:
        raise ValueError(
            f"compare: needs a range from a lower to a higher number and at least 2 points, "
            f"got {(low, high)} and {points}"
        )
    sweep = Sweep(found, case, device)
    z = spaced(low, high, points, dtype)
    exact = sweep.exact(z)
    defined = np.array([not value.is_nan() for value in exact])
    z, exact = z[defined], exact[defined]
    textbook, stable = sweep.textbook(z), sweep.stable(z)
    return Comparison(
        op=found.name,
        dtype=dtype,
        device=device,
        z=z,
        exact=exact.astype(np.float64),
        textbook=textbook,
        stable=stable,
        textbook_ulp=ulp_errors(textbook, exact),
        stable_ulp=ulp_errors(stable, exact),
        allowed=sweep.allowed(z, exact),
        _decimals=exact,
        _sweep=sweep,
    )


def _chosen(op: str | Op) -> tuple[Op, Case]:
    """The op, and how it is swept."""
    if isinstance(op, str):
        names = [op, *(name for name in CASES if registry[name].called == op)]
        found = next((registry[name] for name in names if name in registry), None)
    else:
        found = op
    if found is not None and found.textbook_form is not None:
        if found.name in CASES and registry[found.name] is found:
            return found, CASES[found.name]
        if found.elementwise and len(found.operand_names) == 1:
            return found, Case(alone, BEYOND_EXP, found.operand_names[0])
    raise ValueError(
        f"compare: nothing to compare for {op!r}. The ops with a textbook form beside the one that "
        f"runs are {', '.join(CASES)}; of your own, every elementwise op of one operand with "
        f"@your_op.textbook will do"
    )


def spaced(low: float, high: float, points: int, dtype: str) -> Array:
    """Points of the range: one half evenly spaced, one half ever closer towards 0."""
    even = np.linspace(low, high, points // 2 + 1)
    reach = max(abs(low), abs(high))
    sizes = np.geomspace(reach * CLOSEST[dtype], reach, points // (4 if low < 0 < high else 2))
    crowding = np.concatenate([-sizes, [0.0], sizes])
    crowding = crowding[(crowding >= low) & (crowding <= high)]
    return np.unique(np.concatenate([even, crowding]).astype(dtype))
