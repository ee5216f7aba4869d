"""What a box says of a tensor: shape, numbers, and its gradient or "not computed"."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import TapeError
from ..gradients import ArrayReading
from ..recording import no_grad
from ..tape import Node, walk_back
from ..views.names import Names
from .text import cells

Values = np.ndarray[Any, Any]

LINES = 4  # of an array that is shown in full
WIDTH = 44  # of a line, in letters
NOT_COMPUTED = "not computed"
NOT_REACHED = "none reaches it"
NOT_KEPT = "not kept (.grad holds other passes)"


def shape_text(node: Node) -> str:
    """(8, 3) float64."""
    return f"{tuple(node._array.shape)} {node._array.dtype}"


def host(node: Node) -> Values:
    """The values as NumPy has them, read-only."""
    return node._backend.to_numpy(node._array)


def numbers(name: str, array: Values) -> list[str]:
    """Lines that show an array: in full if it is small, else its least, mean and largest entry."""
    full = _in_full(name, array)
    if full is not None:
        return full
    if array.dtype.kind not in "fiu":
        return [f"{name}: {array.size:,} entries"]
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if not finite.size:
        return [f"{name}: no finite entry"]
    wide = finite.astype(np.float64)
    with np.errstate(over="ignore"):
        mean = wide.mean()
    text = f"min {number(wide.min())} mean {number(mean)} max {number(wide.max())}"
    lines = [f"{name}: {text}"] if cells(f"{name}: {text}") <= WIDTH else [f"{name}:", f"  {text}"]
    if finite.size < array.size:
        lines.append(f"  {array.size - finite.size:,} not finite")
    return lines


def number(value: Any) -> str:
    """Four digits of a float; whole numbers and truth values as they are."""
    if isinstance(value, float | np.floating):
        return f"{float(value):.4g}"
    return str(value)


def _in_full(name: str, array: Values) -> list[str] | None:
    """name = [[1, 2], [3, 4]] with a line for each row; None if that takes too much room."""
    if array.size == 0:
        return [f"{name} = empty"]
    if array.ndim > 2 or array.size > LINES * 8:
        return None
    head = f"{name} = "
    if array.ndim == 0:
        lines = [head + number(array[()])]
    else:
        rows = [[number(x) for x in row] for row in np.atleast_2d(array)]
        wide = max(len(text) for row in rows for text in row)
        texts = ["[" + ", ".join(f"{text:>{wide}}" for text in row) + "]" for row in rows]
        if array.ndim == 2:
            texts = [("[" if k == 0 else " ") + text for k, text in enumerate(texts)]
            texts[-1] += "]"
        lines = [(head if k == 0 else " " * cells(head)) + text for k, text in enumerate(texts)]
        if max(map(cells, lines)) > WIDTH and len(lines) < LINES:
            lines = [f"{name} =", *("  " + text for text in texts)]
    fits = len(lines) <= LINES and max(map(cells, lines)) <= WIDTH
    return lines if fits else None


def everything(array: Values) -> str:
    """The entries for a tool tip; the middle of a large array is left out."""
    return np.array2string(array, separator=", ", precision=6, threshold=60, edgeitems=3)


Gradients = Mapping[Node, Values | str]
"""Of each tensor that needs one, the gradient, or why there is none."""


def gradients_of(root: Node, names: Names) -> Gradients:
    """Every gradient that `root.backward()` computed.

    A leaf has it in `.grad`. An inner tensor's was not kept, so the walk is taken once more over
    the same arrays, and nothing on the tape changes. The leaves tell whether that is the pass which
    was taken: another seed, or gradients of several passes, give them other numbers.
    """
    nodes: list[Node] = list(names.nodes)
    leaves: list[Node] = [leaf for leaf in names.inputs.values() if leaf.requires_grad]
    kept = {node: _kept(node) for node in [*nodes, *leaves]}
    if not root._used and all(isinstance(kept[leaf], str) for leaf in leaves):
        return kept
    walked = _walk(root, set(nodes))
    same = all(_close(walked.get(leaf), kept[leaf]) for leaf in leaves)
    for node in nodes:
        if isinstance(kept[node], str) and (same or root._used):
            kept[node] = walked.get(node, NOT_REACHED) if same else NOT_KEPT
    return kept


def _kept(node: Node) -> Values | str:
    """What lies in `.grad`, read without taking it over (the property would)."""
    gradient = node._grad
    if gradient is None:
        return NOT_COMPUTED
    array = gradient._array if isinstance(gradient, Node) else gradient
    try:
        array.shape  # noqa: B018 (a captured step that used it up says so)
    except TapeError:
        return "not kept (fused)"
    return node._backend.to_numpy(array)


def _walk(root: Node, keep: set[Node]) -> dict[Node, Values]:
    reading = ArrayReading()
    with no_grad(), np.errstate(all="ignore"):
        walk = walk_back(root, np.ones_like(root._array), reading, keep)
        return {n: n._backend.to_numpy(n._backend.owned(found)) for n, found in walk}


def _close(walked: Values | None, kept: Values | str) -> bool:
    if walked is None or isinstance(kept, str):
        return walked is None and isinstance(kept, str)
    tolerance = float(np.sqrt(np.finfo(walked.dtype).eps))
    return np.allclose(walked, kept, rtol=tolerance, atol=tolerance**2, equal_nan=True)
