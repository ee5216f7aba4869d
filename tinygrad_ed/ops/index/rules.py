"""Index formulas for operands of any rank: the text that the ops hand over as their `index`.

Each function here is an op's `index`: it takes the operands' shapes and the parameters and gives
the formula, "" where none holds.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ..registry import Shapes

LETTERS = "ijkmnpqrsuvw"  # no l and o: they look like digits
SAMPLES = "nkijm"  # of losses: samples first, then classes

IndexRule = Callable[[Shapes, dict[str, Any]], str]


def entry(name: str, indices: Sequence[str]) -> str:
    """`X[n,d]`, or the bare name of a number."""
    return f"{name}[{','.join(indices)}]" if indices else name


def over(letters: Sequence[str], kind: str = "Σ") -> str:
    """`Σ_n Σ_k `, or nothing."""
    return "".join(f"{kind}_{i} " for i in letters)


def count(letters: Sequence[str]) -> str:
    """How many entries these indices run over: `N`, `(N * K)`, `1`."""
    capitals = " * ".join(i.upper() for i in letters)
    return f"({capitals})" if len(letters) > 1 else capitals or "1"


def ending(ranges: Sequence[tuple[str, int]]) -> str:
    """` for i < 3, j < 4`: how far indices run that no operand shows."""
    return " for " + ", ".join(f"{i} < {n}" for i, n in ranges) if ranges else ""


def number(value: float) -> str:
    """A parameter as a formula writes it: all its digits, and no `.0`."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def only(shapes: Shapes) -> tuple[str, tuple[int, ...]]:
    """The one operand with its shape."""
    ((name, shape),) = shapes.items()
    assert shape is not None
    return name, shape


# --- reductions: axis and keepdims --------------------------------------------------------------


def axes_of(ndim: int, axis: Any) -> list[int]:
    """The axes as numbers from 0 up."""
    if axis is None:
        return list(range(ndim))
    return sorted(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))


def reduction(body: Callable[[str, list[str], dict[str, Any]], str]) -> IndexRule:
    """`y[i] = …` of `body(x[i,j], reduced letters, params)`."""

    def rule(shapes: Shapes, params: dict[str, Any]) -> str:
        name, shape = only(shapes)
        if len(shape) > len(LETTERS):
            return ""
        axes = axes_of(len(shape), params["axis"])
        letters = LETTERS[: len(shape)]
        kept = [
            "0" if k in axes else i
            for k, i in enumerate(letters)
            if k not in axes or params["keepdims"]
        ]
        right = body(entry(name, letters), [letters[k] for k in axes], params)
        return f"{entry('y', kept)} = {right}" if right else ""

    return rule


def _mean(x: str, letters: list[str], params: dict[str, Any]) -> str:
    return f"{over(letters)}{x} / {count(letters)}"


def _var(x: str, letters: list[str], params: dict[str, Any]) -> str:
    """The entry minus the mean of all, with indices of its own."""
    name, _, inside = x.rstrip("]").partition("[")
    spare = iter(c for c in LETTERS if c not in inside.split(","))
    others = {i: next(spare, "") for i in letters}
    if not letters or "" in others.values():
        return ""
    other = entry(name, [others.get(i, i) for i in inside.split(",")])
    mean = f"{over(list(others.values()))}{other} / {count(letters)}"
    ddof = params["ddof"]
    m = count(letters) if not ddof else f"({count(letters).strip('()')} - {ddof})"
    return f"{over(letters)}({x} - {mean})**2 / {m}"


sum_rule = reduction(lambda x, letters, params: over(letters) + x)
mean_rule = reduction(_mean)
var_rule = reduction(_var)
max_rule = reduction(lambda x, letters, params: over(letters, "max") + x)
min_rule = reduction(lambda x, letters, params: over(letters, "min") + x)
prod_rule = reduction(lambda x, letters, params: over(letters, "Π") + x)
logsumexp_rule = reduction(lambda x, letters, params: f"log({over(letters)}exp({x}))")


def _row(shapes: Shapes, axis: int, result: str, right: str) -> str:
    name, shape = only(shapes)
    if len(shape) >= len(LETTERS):
        return ""
    letters = list(LETTERS[: len(shape)])
    here = entry(name, letters)
    own, other = letters[axis], LETTERS[len(shape)]
    letters[axis] = other
    row = f"Σ_{other} exp({entry(name, letters)})"
    letters[axis] = own
    return f"{entry(result, letters)} = {right.format(x=here, row=row)}"


def softmax_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`P[i,j] = exp(z[i,j]) / Σ_k exp(z[i,k])`."""
    return _row(shapes, params["axis"], "P", "exp({x}) / {row}")


def log_softmax_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`logP[i,j] = z[i,j] - log(Σ_k exp(z[i,k]))`."""
    return _row(shapes, params["axis"], "logP", "{x} - log({row})")


# --- products -----------------------------------------------------------------------------------


def product_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`Z[i,n,h] = Σ_d A[i,n,d] * B[i,d,h]`; a stack of one serves every place with index 0."""
    A, B = shapes["A"], shapes["B"]
    assert A is not None and B is not None
    letters = "ijkmpqrsuvw"[: max(len(A), len(B)) - 2]
    if len(letters) < max(len(A), len(B)) - 2:
        return ""

    def stack(shape: tuple[int, ...], other: tuple[int, ...]) -> list[str]:
        own, across = shape[:-2], other[:-2]
        chosen = []
        for k in range(1, len(own) + 1):
            repeated = own[-k] == 1 and k <= len(across) and across[-k] != 1
            chosen.append("0" if repeated else letters[-k])
        return chosen[::-1]

    left = entry("Z", [*letters, "n", "h"])
    a, b = entry("A", [*stack(A, B), "n", "d"]), entry("B", [*stack(B, A), "d", "h"])
    return f"{left} = Σ_d {a} * {b}"


def linear_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]`, or A = f(Z)."""
    z = "Σ_d X[n,d] * W[d,h]" + ("" if shapes.get("b") is None else " + b[h]")
    f = params["activation"]
    return f"A[n,h] = {f}({z})" if f else f"Z[n,h] = {z}"


# --- losses -------------------------------------------------------------------------------------


def loss_rule(each: str | Callable[[dict[str, Any]], str]) -> IndexRule:
    """Reduced over every entry; `each` is its loss, with `@` where indices belong: `(y@ - t@)**2`.

    Its terms stand in brackets if there are several.
    """

    def rule(shapes: Shapes, params: dict[str, Any]) -> str:
        shape = next(iter(shapes.values())) or ()
        if len(shape) > len(SAMPLES):
            return ""
        letters = list(SAMPLES[: len(shape)])
        term = each if isinstance(each, str) else each(params)
        return total(letters, term.replace("@", entry("", letters)), params["reduction"])

    return rule


def total(letters: list[str], term: str, reduction: str) -> str:
    """`L = Σ_n term / N`, `L = Σ_n term`, or `L[n] = term`."""
    if reduction == "none" or not letters:
        bare = term[1:-1] if _in_brackets(term) else term
        return f"{entry('L', letters if reduction == 'none' else [])} = {bare}"
    mean = f" / {count(letters)}" if reduction == "mean" else ""
    return f"L = {over(letters)}{term}{mean}"


def _in_brackets(term: str) -> bool:
    """Whether one pair of brackets encloses everything."""
    depth = 0
    for k, c in enumerate(term):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return c == ")" and k == len(term) - 1
    return False


def _rows(shape: tuple[int, ...] | None) -> list[str] | None:
    """The letters of the axes before the classes k; None if there are too few letters."""
    assert shape is not None
    if len(shape) > len(SAMPLES):
        return None
    return [c for c in SAMPLES if c != "k"][: len(shape) - 1]


def row_loss_rule(name: str, term: str) -> IndexRule:
    """A sum over the classes k of each row; `@` is where indices belong, `@row` a whole row."""

    def rule(shapes: Shapes, params: dict[str, Any]) -> str:
        rows = _rows(shapes[name])
        if rows is None:
            return ""
        text = term.replace("@row", entry("", [*rows, ":"])).replace("@", entry("", [*rows, "k"]))
        return total(rows, f"Σ_k {text}", params["reduction"])

    return rule


def label_loss_rule(name: str, term: str) -> IndexRule:
    """A loss per row at its label; `@k` and `@label` are the entries at k and at the label."""

    def rule(shapes: Shapes, params: dict[str, Any]) -> str:
        rows = _rows(shapes[name])
        if rows is None:
            return ""
        at = entry("", [*rows, entry("labels", rows)])
        text = term.replace("@label", at).replace("@k", entry("", [*rows, "k"]))
        return total(rows, text, params["reduction"])

    return rule


def huber_each(params: dict[str, Any]) -> str:
    """A parabola inside δ, straight arms outside."""
    r, delta = "abs(y@ - t@)", params["delta"]
    slope = "" if delta == 1 else f"{number(delta)} * "
    near = f"[{r} <= {number(delta)}] * (y@ - t@)**2 / 2"
    far = f"[{r} > {number(delta)}] * {slope}({r} - {number(delta / 2)})"
    return f"({near} + {far})"


def bce_with_logits_each(params: dict[str, Any]) -> str:
    """softplus(z) - z t; with a weight on the positive class, both halves."""
    weight = params["pos_weight"]
    if weight == 1:
        return "(softplus(z@) - z@ * t@)"
    return f"({number(weight)} * t@ * softplus(-z@) + (1 - t@) * softplus(z@))"
