"""What a derivation is asked for: which tensor, which of its entries, starting with what."""

from collections.abc import Sequence
from operator import index
from typing import Any

from ..errors import ShapeError, TapeError
from ..gradients import seed_of
from ..tensor import Tensor
from ..views.names import Names


def tensor_in(wrt: Tensor | str, names: Names) -> Tensor:
    """The tensor on the tape that is meant: itself, what it is called here, or its own name.

    Raises:
        TapeError: There is none, or several have this name.
        TypeError: Neither a tensor nor a name.
    """
    known: dict[str, Tensor] = {
        **names.inputs,
        **{names.of(n): n for n in names.nodes if isinstance(n, Tensor)},
    }
    carrying = {name: tensor for name, tensor in known.items() if tensor.requires_grad}
    checked(wrt)
    if isinstance(wrt, Tensor):
        meant = [tensor for tensor in carrying.values() if tensor is wrt]
    elif wrt in known:
        meant = [carrying[wrt]] if wrt in carrying else []
    else:
        meant = [tensor for tensor in carrying.values() if tensor.name == wrt]
    if len(meant) == 1:
        return meant[0]
    called = wrt if isinstance(wrt, str) else wrt.label
    what = f"several tensors are called {called}" if meant else f"no gradient flows to {called}"
    raise TapeError(
        f"explain: {what} here; wrt is one of {', '.join(carrying)} (a name or the tensor itself)"
    )


def checked(wrt: object) -> None:
    """Raises:
    TypeError: Neither a tensor nor a name.
    """
    if not isinstance(wrt, Tensor | str):
        raise TypeError(f"explain: wrt is a tensor or its name, got {type(wrt).__name__}")


def place_in(entry: Any, tensor: Tensor) -> tuple[int, ...]:
    """An entry of a tensor, counted from 0; negative numbers count from the end.

    Raises:
        ShapeError: There is no such entry.
    """
    given: Sequence[Any] = tuple(entry) if isinstance(entry, tuple | list) else (entry,)
    shape = tensor.shape
    try:
        place = tuple(index(k) for k in given if not isinstance(k, bool))
    except TypeError:  # no whole numbers
        place = ()
    fits = len(given) == len(place) == len(shape)
    if not fits or not all(-n <= k < n for k, n in zip(place, shape, strict=True)):
        numbers = {0: "no number", 1: "one number"}.get(len(shape), f"{len(shape)} numbers")
        raise ShapeError(
            f"explain: entry={entry!r} is no entry of {tensor.label}: give {numbers}, one for "
            f"each axis, counted from 0"
        )
    return tuple(k % n for k, n in zip(place, shape, strict=True))


def check_seed(root: Tensor, seed: Any) -> None:
    """Whether the way back can start.

    Raises:
        ShapeError: A seed is needed and not there, or has another shape.
    """
    if seed is not None:
        seed_of(root, seed)
    elif root.size != 1:
        raise ShapeError(
            f"explain needs a scalar, but {root.label} has {root.size} entries: reduce it with "
            f".sum() or .mean(), or pass seed= an upstream gradient of that shape"
        )
