"""`tg.explain(loss)`: the derivation of your own network with your own numbers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError, TapeError
from ..gradients import grad
from ..tensor import Tensor
from ..views.names import Names
from .convention import in_columns, turned
from .derivation import Derivation
from .entries import entry_of
from .math import Symbols
from .reader import Reader
from .replay import replayed
from .steps import Step

if TYPE_CHECKING:
    from ..optim import Optimizer


def explain(
    loss: "Tensor | Optimizer",
    *,
    wrt: Tensor | str | None = None,
    entry: tuple[int, ...] | None = None,
    convention: str = "row",
    order: int = 1,
    parts: bool = False,
    seed: Any = None,
) -> Derivation:
    """The derivation of a recorded tensor: every step forward and backward, with its numbers.

    `print(tg.explain(loss))` shows it; `.steps()` goes through it step by step. Of an optimiser:
    the update that its next step would make [D3-U1]; call it after `backward`, before `step`.

    Args:
        loss: A recorded tensor; `backward()` may or may not have been called on it. Or an
            optimiser: then `wrt` chooses one parameter, `entry` one of its entries.
        wrt: Only what leads to the gradient of this tensor, given as such or by its name.
        entry: The entry of `wrt` to follow: the sum over samples is written out, with the row and
            the column that meet.
        convention: "row" (a sample is a row: Z = X W + b) or "column" (as the documents 000, 002
            and 004: Z = W X + b; all matrices are shown transposed).
        order: 2 for the derivation of the second derivatives: of the gradient's entry `entry` of
            `wrt`, once more with respect to `wrt`.
        parts: Whether fused losses are taken apart into their composed twins, too.
        seed: Upstream gradient where the tensor is not a scalar.

    Raises:
        TapeError: Not recorded, an operand was changed in place since, or `wrt` is not part of it.
        ShapeError: `entry` is no entry of `wrt`; not a scalar, and there is no seed.
        ValueError: Another convention or order.
        OSError: The source of an op is not to be had (it was typed at a prompt).
    """
    if convention not in ("row", "column"):
        raise ValueError(f"explain: unknown convention {convention!r}; one of 'row', 'column'")
    if order not in (1, 2):
        raise ValueError(f"explain: order is 1 or 2, got {order!r}")
    if not isinstance(loss, Tensor):
        from .update import explain_update

        return explain_update(loss, wrt, entry)
    if (entry is not None or order == 2) and wrt is None:
        what = "order=2" if order == 2 else f"entry={entry}"
        raise ValueError(f"explain: {what} belongs to a tensor: say which with wrt=")
    names = Names(loss, "explain", short=True)
    wanted = None if wrt is None else _found(wrt, names)
    place = None if wanted is None or entry is None else _place(entry, wanted)
    root, twins = replayed(loss, parts)
    twin = None if wanted is None else twins[id(wanted)]
    title = f"Derivation of {names.of(loss)}"
    if order == 2:
        assert twin is not None and wanted is not None
        root = _slope(root, twin, place, seed)
        title = (
            f"Derivation of {root.name} = d{names.of(loss)}/d{names.of(wanted)}"
            f"{'' if place is None else list(place)}, once more with respect to {names.of(wanted)}"
        )
        seed = None
    elif wanted is not None:
        title = f"Derivation of d{names.of(loss)}/d{names.of(wanted)}"
    reader = Reader(root, seed, twin)
    return _derivation(reader, title, twin, place, convention)


def _derivation(
    reader: Reader,
    title: str,
    wanted: Tensor | None,
    place: tuple[int, ...] | None,
    convention: str,
) -> Derivation:
    steps, scope = reader.steps(), reader.scope
    columns = convention == "column"
    if columns:
        steps = [in_columns(step, scope) for step in steps]
        scope = {name: turned(value) for name, value in scope.items()}
    arrays = {name: value for name, value in scope.items() if isinstance(value, np.ndarray)}
    symbols = Symbols(
        shapes={name: array.shape for name, array in arrays.items()},
        gradients=reader.gradient_names(),
        loss=reader.names.of(reader.root),
    )
    target = "" if wanted is None else f"d{reader.names.of(wanted)}"
    done = []
    for step in steps:
        here = _here(step, place if step.name == target else None, columns)
        done.append(replace(step, entry=entry_of(step, here, scope, symbols)))
    return Derivation(
        title=title,
        steps=done,
        inputs={name: scope[name] for name in reader.inputs},
        result=reader.names.of(reader.root),
        gradients=reader.writer.gradients,
        symbols=symbols,
        convention=convention,
        scope=scope,
    )


def _here(step: Step, place: tuple[int, ...] | None, columns: bool) -> tuple[int, ...]:
    """Which entry of a step is followed: the wanted one, else the first."""
    if place is None:
        return (0,) * step.value.ndim
    if not columns:
        return place
    return place[::-1] if len(place) == 2 else (*place, 0)


def _found(wrt: Tensor | str, names: Names) -> Tensor:
    """The tensor on the tape that is meant.

    Raises:
        TapeError: There is none.
    """
    known: Mapping[str, Tensor] = {
        **names.inputs,
        **{names.of(n): n for n in names.nodes if isinstance(n, Tensor)},
    }
    for name, tensor in known.items():
        if (wrt is tensor or wrt == name) and tensor.requires_grad:
            return tensor
    called = wrt if isinstance(wrt, str) else wrt.label
    carrying = ", ".join(name for name, t in known.items() if t.requires_grad)
    raise TapeError(
        f"explain: no gradient flows to {called} here; wrt is one of {carrying} (a name or the "
        f"tensor itself)"
    )


def _place(entry: tuple[int, ...], wanted: Tensor) -> tuple[int, ...]:
    given = tuple(entry) if isinstance(entry, tuple | list) else (entry,)
    shape = wanted.shape
    fits = len(given) == len(shape) and all(
        isinstance(k, int) and -n <= k < n for k, n in zip(given, shape, strict=False)
    )
    if not fits:
        raise ShapeError(
            f"explain: entry={entry} is no entry of {wanted.label}: give one number for each axis, "
            f"counted from 0"
        )
    return tuple(k % n for k, n in zip(given, shape, strict=True))


def _slope(root: Tensor, wanted: Tensor, place: tuple[int, ...] | None, seed: Any) -> Tensor:
    """The gradient's entry, recorded, so that it can be derived once more."""
    gradient: Tensor = grad(root, wanted, seed, create_graph=True)
    if place is None and gradient.size != 1:
        raise ShapeError(
            f"explain: the gradient has the shape {gradient.shape}: say with entry= which of its "
            f"entries is to be derived once more"
        )
    slope: Tensor = gradient[place] if place is not None else gradient.reshape(())
    slope.name = "g"
    return slope
