"""`tg.explain(loss)`: the derivation of your own network with your own numbers."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError, TapeError
from ..gradients import grad
from ..recording import state
from ..storage import LOOKING
from ..tape import recorded_nodes
from ..tensor import Tensor
from ..views.names import Names
from .convention import in_columns, turned, turned_place
from .derivation import Derivation
from .entries import entry_of
from .math import Symbols
from .reader import Reader
from .replay import replayed
from .steps import Step
from .wanted import check_seed, place_in, tensor_in

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
            and 004: Z = W X + b; all matrices are shown transposed, all vectors as columns).
        order: 2 for the derivation of the second derivatives: of the gradient's entry `entry` of
            `wrt`, once more with respect to `wrt`.
        parts: Whether fused losses are taken apart into their composed twins, too.
        seed: Upstream gradient where the tensor is not a scalar.

    Raises:
        TapeError: Not recorded, an operand was changed in place since, or `wrt` is not part of it.
        ShapeError: `entry` is no entry of `wrt`; not a scalar, and there is no seed.
        ValueError: Another convention or order; what an optimiser's update does not have.
        TypeError: `loss` or `wrt` is something else.
        CaptureError: Inside a step that is being captured: it would show the trace's numbers.
        OSError: The source of an op is not to be had (it was typed at a prompt).
    """
    if state.trace is not None:
        state.trace.forbids(f"tg.explain {LOOKING}")
    if convention not in ("row", "column"):
        raise ValueError(f"explain: unknown convention {convention!r}; one of 'row', 'column'")
    if order not in (1, 2):
        raise ValueError(f"explain: order is 1 or 2, got {order!r}")
    if not isinstance(loss, Tensor):
        from .update import explain_update

        if order != 1 or parts or seed is not None:
            raise ValueError(
                "explain: order=2, parts= and seed= belong to a loss; an optimiser's update has "
                "wrt=, entry= and convention="
            )
        return explain_update(loss, wrt, entry, convention)
    if (entry is not None or order == 2) and wrt is None:
        what = "order=2" if order == 2 else f"entry={entry}"
        raise ValueError(f"explain: {what} belongs to a tensor: say which with wrt=")
    names = Names(loss, "explain", short=True)
    check_seed(loss, seed)
    wanted = None if wrt is None else tensor_in(wrt, names)
    place = None if wanted is None or entry is None else place_in(entry, wanted)
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
        for step in steps:
            scope |= step.values  # what a step keeps to itself may have stayed as it was
    arrays = {name: value for name, value in scope.items() if isinstance(value, np.ndarray)}
    symbols = Symbols(
        shapes={name: array.shape for name, array in arrays.items()},
        gradients=reader.gradient_names(),
        loss=reader.names.of(reader.root),
    )
    done = []
    for step in steps:
        follows = wanted is not None and reader.is_part(step.name, wanted)
        here = _here(step, place if follows else None, columns)
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
    return turned_place(place) if columns else place


def _slope(root: Tensor, wanted: Tensor, place: tuple[int, ...] | None, seed: Any) -> Tensor:
    """The gradient's entry, recorded, so that it can be derived once more.

    Raises:
        ShapeError: Which entry?
        TapeError: The gradient does not depend on the tensor.
    """
    gradient: Tensor = grad(root, wanted, seed, create_graph=True)
    if place is None and gradient.size != 1:
        raise ShapeError(
            f"explain: the gradient has the shape {gradient.shape}: say with entry= which of its "
            f"entries is to be derived once more"
        )
    sources = {id(source) for node in recorded_nodes(gradient) for source in node._sources}
    if id(wanted) not in sources:
        raise TapeError(
            f"explain: the gradient of {wanted.label} does not change with it, so its second "
            f"derivatives are all 0 and there is nothing to derive"
        )
    plain = not gradient.shape and not gradient.name
    slope: Tensor = gradient if plain else gradient[place] if place else gradient.reshape(())
    slope.name = "g"
    return slope
