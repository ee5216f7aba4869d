"""Counting arithmetic and memory traffic by running an op's own function on arrays that count.

The function runs as always, on NumPy arrays of a subclass; whatever it computes passes through
here. So the counts follow the branches that were taken and the helpers that were called, for the
forward formula and for the VJP as it was pruned, and no op needs a formula for its cost.

What counts as an operation:

    a + b, exp(a), a > b, max(a, b), where(c, a, b)   one for each entry of the result
    sum(a), max(a), cumsum(a) …                       one for each entry of a
    (N, D) @ (D, H), dot, einsum                      2 N D H: a multiplication and an addition each

An exponential counts as one, like an addition. Arithmetic of whole numbers and of truth values is
not counted, so dropout's generator counts nothing; neither is what only moves numbers, nor what
NumPy computes apart from its universal functions and these products (`np.linalg`).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..tape import broadcast_axes

Array = np.ndarray[Any, Any]


def footprint(array: Array) -> int:
    """Bytes of memory that an array covers; an axis along which it is repeated counts once."""
    axes = zip(array.shape, array.strides, strict=True)
    return int(math.prod(n if stride else min(n, 1) for n, stride in axes) * array.itemsize)


class Tally:
    """What a function computed and read.

    Attributes:
        flops: Floating-point operations.
        calls: NumPy functions that computed something or moved entries.
    """

    def __init__(self) -> None:
        self.flops = 0
        self.calls = 0
        self._read: Counter[int] = Counter()
        self._roots: list[Array] = []
        # A class of its own: every array that comes of the inputs reports here, views included.
        self._kind: Any = type("Counting", (_Counting,), {"tally": self})

    def run(
        self, function: Callable[..., Any], arrays: Sequence[Any], params: dict[str, Any]
    ) -> list[Array | None]:
        """Calls the function; its results as plain arrays (None where there is none)."""
        self._roots += [a for a in arrays if isinstance(a, np.ndarray)]
        given = [self._counting(a) if isinstance(a, np.ndarray) else a for a in arrays]
        found = function(*given, **params)
        several = found if isinstance(found, tuple | list) else [found]
        for result in several:
            self._copied(result)
        return [None if r is None else _plain(np.asanyarray(r)) for r in several]

    def moved(self, results: Sequence[Array | None]) -> int:
        """Bytes that were read of the inputs, each entry once, and written as these results.

        A result that is a view of an input moves nothing.
        """
        read = sum(min(footprint(root), self._read[id(root)]) for root in _distinct(self._roots))
        fresh = [r for r in results if r is not None and not self._shares(r)]
        return read + sum(footprint(r) for r in _distinct(fresh))

    def fit(self, gradient: Array, like: Array) -> Array:
        """The sum over the axes along which an operand was repeated, as the tape takes it."""
        if gradient.shape == like.shape:
            return gradient
        axes = broadcast_axes(gradient.shape, like.shape)
        (total,) = self.run(lambda g: np.reshape(np.sum(g, axis=axes), like.shape), [gradient], {})
        assert total is not None
        return total

    def _counting(self, array: Array) -> Any:
        view = array.view(self._kind)
        view.root = id(array)
        return view

    def _shares(self, result: Array) -> bool:
        return any(np.may_share_memory(result, root) for root in self._roots)

    def _copied(self, result: Any) -> None:
        """A result that only repeats entries of an input (`x[index]`): they were read."""
        if isinstance(result, _Counting) and result.root is not None and not self._shares(result):
            self.calls += 1
            self._read[result.root] += result.nbytes

    # --- what the arrays report -------------------------------------------------------------------

    def computed(self, ufunc: np.ufunc, method: str, inputs: Sequence[Any], result: Any) -> None:
        """A universal function was called."""
        arrays = [x for x in inputs if isinstance(x, np.ndarray | np.generic)]
        self.read(arrays)
        self.calls += 1
        results = result if isinstance(result, tuple) else (result,)
        if not any(x.dtype.kind in "fc" for x in (*arrays, *results) if hasattr(x, "dtype")):
            return
        if method in ("reduce", "accumulate", "reduceat"):
            self.flops += np.size(inputs[0])
        elif method == "at":
            self.flops += np.size(inputs[-1])
        elif ufunc.signature is not None:
            self.flops += 2 * np.shape(inputs[0])[-1] * np.size(results[0])
        else:
            self.flops += np.size(results[0])

    def called(self, function: Any, args: Sequence[Any], result: Any, calls: int) -> None:
        """Another NumPy function was called; most of them move entries, or ask for a shape.

        Args:
            function: Which one.
            args: What it was given.
            result: What it gave.
            calls: What `calls` was before: some are made of others that were counted.
        """
        results, inputs = list(_arrays(result)), list(_arrays(args))
        if not results or function in _ASK_FOR_SHAPES:
            return
        reads = [x for x in inputs if not any(np.may_share_memory(x, r) for r in results)]
        self.read(reads, most=sum(r.nbytes for r in results))
        self.calls += bool(reads) and self.calls == calls
        if results[0].dtype.kind not in "fc":
            return
        if function in (np.where, np.outer):
            self.flops += results[0].size
        elif function in (np.dot, np.vdot, np.inner, np.tensordot):
            # (P, K) and (K, Q) give (P, Q); P K, K Q and P Q are known, 2 P K Q is wanted
            self.read(inputs)
            self.flops += 2 * math.isqrt(math.prod(x.size for x in (*inputs[:2], results[0])))
        elif function is np.einsum and isinstance(args[0], str):
            self.read(inputs)
            self.flops += _einsum_flops(args[0], inputs)

    def read(self, inputs: Sequence[Any], most: float = math.inf) -> None:
        """These were read, so many bytes of each at most."""
        for x in inputs:
            root = getattr(x, "root", None)
            if root is not None:
                self._read[root] += int(min(footprint(x), most))


class _Counting(np.ndarray[Any, Any]):
    """A NumPy array that reports what is computed with it."""

    tally: Tally
    root: int | None
    """The input that it is, or is a view or copy of; None for what was computed."""

    def __array_finalize__(self, parent: Any) -> None:
        self.root = getattr(parent, "root", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if "out" in options:
            options["out"] = tuple(map(_plain, options["out"]))
        plain = [_plain(x) for x in inputs]
        result = getattr(ufunc, method)(*plain, **{k: _plain(v) for k, v in options.items()})
        self.tally.computed(ufunc, method, inputs, result)
        return self._fresh(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        calls = self.tally.calls
        result = super().__array_function__(function, types, args, kwargs)
        inputs = [*args, *kwargs.values()]
        self.tally.called(function, inputs, result, calls)
        return self._fresh(result, [x for x in _arrays(inputs) if isinstance(x, _Counting)])

    def _fresh(self, result: Any, inputs: Sequence["_Counting"] = ()) -> Any:
        """Results count, too; one that is a view is still of the input that it is a view of."""
        if isinstance(result, tuple | list):
            return type(result)(self._fresh(r, inputs) for r in result)
        if not isinstance(result, np.ndarray | np.generic):
            return result
        view = np.asarray(result).view(type(self))
        view.root = next((x.root for x in inputs if np.may_share_memory(x, result)), None)
        return view


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, _Counting) else value


def _arrays(value: Any) -> Iterator[Array]:
    """The arrays in a value, in lists and tuples too."""
    if isinstance(value, np.ndarray | np.generic):
        yield np.asanyarray(value)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _arrays(part)


def _distinct(arrays: Sequence[Array]) -> list[Array]:
    return list({id(a): a for a in arrays}.values())


def _einsum_flops(subscripts: str, operands: Sequence[Array]) -> int:
    """All indices run against each other; each time a product and a sum."""
    sizes: dict[str, int] = {}
    for term, operand in zip(subscripts.split("->")[0].split(","), operands, strict=True):
        head, _, tail = term.replace(" ", "").partition("...")
        rest = operand.ndim - len(head) - len(tail)
        names = [*head, *(f"...{rest - k}" for k in range(rest)), *tail]
        for name, size in zip(names, operand.shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 0))
    return len(operands) * math.prod(sizes.values())


_ASK_FOR_SHAPES = frozenset(
    (np.shape, np.ndim, np.size, np.ones_like, np.zeros_like, np.empty_like, np.full_like)
)
