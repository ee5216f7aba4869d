"""What a step returns, as a program gives it: copies, cut from the tape."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import CaptureError
from ..ops.registry import Array
from ..tape import Node, recorded_nodes
from ..tensor import Tensor


class Result:
    """The arrays in what a step returned, and how it is put together from copies of them.

    Attributes:
        arrays: One for each tensor in it.
        build: Makes what the step returns of new arrays.
    """

    def __init__(self, arrays: Sequence[Array], build: Callable[[Sequence[Array]], Any]) -> None:
        self.arrays, self.build = list(arrays), build

    @property
    def is_number(self) -> bool:
        """Whether it is one tensor with one number that an epoch can collect."""
        if not isinstance(self.build(self.arrays), Tensor):
            return False
        return self.arrays[0].size == 1 and self.arrays[0].dtype in ("float32", "float64")

    def plain_tensor(self) -> Array | None:
        """The array, if it is one tensor without a name."""
        built = self.build(self.arrays)
        return self.arrays[0] if isinstance(built, Tensor) and built.name is None else None

    def taken(self) -> Any:
        """What the step returns, in memory of its own."""
        return self.build([a.copy() for a in self.arrays])


def result_of(value: Any) -> tuple[Result, Any]:
    """What a step returned, taken apart; and the same with arrays in it, to compare two runs by.

    Raises:
        CaptureError: Something that is neither a tensor nor a plain value, nor made of such.
    """
    arrays: list[Array] = []
    shape = _shape(value, arrays)
    return Result(arrays, lambda new: _built(shape, iter(new))), _shown(value)


def _shape(value: Any, arrays: list[Array]) -> Any:
    """The value with a maker in the place of each tensor."""
    if isinstance(value, Tensor):
        arrays.append(value._array)
        return _Maker(value)
    if isinstance(value, tuple | list):
        return _Several(value, [_shape(v, arrays) for v in value])
    if isinstance(value, dict):
        return _Several(value, {k: _shape(v, arrays) for k, v in value.items()})
    if isinstance(value, np.ndarray):
        return value.copy()
    if value is None or isinstance(value, bool | int | float | complex | str | np.generic):
        return value
    raise CaptureError(
        f"the step returns a {type(value).__name__}: return a tensor, or a tuple, list or dict of "
        f"tensors, so that a program can give new ones each time"
    )


class _Maker:
    """Stands for a tensor."""

    def __init__(self, tensor: Tensor) -> None:
        self.backend, self.name = tensor._backend, tensor.name

    def made(self, array: Array) -> Tensor:
        made = Tensor(array, self.backend)
        made.name = self.name
        return made


class _Several:
    """Stands for a tuple, a list or a dict."""

    def __init__(self, like: Any, parts: Any) -> None:
        self.kind, self.parts = type(like), parts
        self.is_named = hasattr(like, "_fields")


def _built(shape: Any, new: Any) -> Any:
    if isinstance(shape, _Maker):
        return shape.made(next(new))
    if isinstance(shape, _Several):
        if isinstance(shape.parts, dict):
            return {k: _built(part, new) for k, part in shape.parts.items()}
        parts = [_built(part, new) for part in shape.parts]
        return shape.kind(*parts) if shape.is_named else shape.kind(parts)
    return shape.copy() if isinstance(shape, np.ndarray) else shape


def _shown(value: Any) -> Any:
    """The value with arrays in the place of tensors."""
    if isinstance(value, Tensor):
        return value._array
    if isinstance(value, tuple | list):
        return [_shown(v) for v in value]
    return {k: _shown(v) for k, v in value.items()} if isinstance(value, dict) else value


def named_in(value: Any) -> Iterator[tuple[Array, str]]:
    """Results that the user has named, on the tape of what a step returned, with their names."""
    parts = value if isinstance(value, tuple | list) else [value]
    for part in value.values() if isinstance(value, dict) else parts:
        if isinstance(part, Node):
            for node in (part, *recorded_nodes(part)):
                if node.name is not None:
                    yield node._array, node.name
