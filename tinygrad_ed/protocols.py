"""NumPy's functions on tensors: `np.exp(t)`, `np.sum(t, axis=0)`, `np.where(c, a, b)`.

A table from each NumPy function to the op that differentiates it. This is what lets an op's VJP,
ordinary Python over NumPy functions, run on tensors and thereby be recorded itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .apply import adopt
from .tensor import Tensor

UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: ops.add,
    np.subtract: ops.subtract,
    np.multiply: ops.multiply,
    np.divide: ops.divide,
    np.negative: ops.negative,
    np.exp: ops.exp,
    np.expm1: ops.expm1,
    np.log: ops.log,
    np.log1p: ops.log1p,
    np.sqrt: ops.sqrt,
    np.square: ops.square,
    np.absolute: ops.absolute,
    np.sin: ops.sin,
    np.cos: ops.cos,
    np.tanh: ops.tanh,
    np.maximum: ops.maximum,
    np.minimum: ops.minimum,
    np.matmul: ops.matmul,
}
"""Ufuncs with an op of their own."""

REDUCTIONS: dict[Any, ops.Op] = {
    np.add: ops.sum,
    np.multiply: ops.prod,
    np.maximum: ops.max,
    np.minimum: ops.min,
}
"""`ufunc.reduce` by ufunc."""

STEPWISE = {
    np.sign,
    np.floor,
    np.ceil,
    np.rint,
    np.trunc,
    np.isnan,
    np.isfinite,
    np.isinf,
    np.greater,
    np.greater_equal,
    np.less,
    np.less_equal,
    np.equal,
    np.not_equal,
    np.logical_and,
    np.logical_or,
    np.logical_not,
    np.bitwise_and,
    np.bitwise_or,
    np.invert,
}
"""Ufuncs whose slope is 0 wherever there is one: computed, not recorded."""


def run_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy ufunc called on tensors (`Tensor.__array_ufunc__`)."""
    if method == "reduce" and ufunc in REDUCTIONS:
        (x,) = inputs
        axis = kwargs.get("axis", 0)
        return REDUCTIONS[ufunc](x, axis=axis, keepdims=kwargs.get("keepdims", False))
    kwargs = {k: v for k, v in kwargs.items() if v is not None}
    if method == "__call__" and not kwargs:
        if ufunc in UFUNCS:
            return UFUNCS[ufunc](*_adopted(inputs))
        if ufunc is np.power:
            return inputs[0] ** inputs[1] if isinstance(inputs[0], Tensor) else ops.power(*inputs)
        if ufunc in STEPWISE:
            return _computed(ufunc, inputs)
    extra = f" with {', '.join(kwargs)}" if kwargs else ""
    raise TypeError(
        f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method}{extra} is not "
        f"differentiable here: use tg's functions, or t.numpy() to leave the tape"
    )


def run_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Any other NumPy function called on tensors (`Tensor.__array_function__`)."""
    handler = FUNCTIONS.get(function)
    if handler is None:
        raise TypeError(
            f"np.{function.__name__} is not differentiable here: use tg's functions, "
            f"or t.numpy() to leave the tape"
        )
    return handler(*args, **kwargs)


def _adopted(inputs: tuple[Any, ...]) -> list[Any]:
    like = next(x for x in inputs if isinstance(x, Tensor))
    return [adopt(x, like) for x in inputs]


def _computed(function: Any, inputs: tuple[Any, ...], **kwargs: Any) -> Tensor:
    """A function on the tensors' arrays, off the tape."""
    backend = next(x._backend for x in inputs if isinstance(x, Tensor))
    arrays = [x._array if isinstance(x, Tensor) else x for x in _adopted(inputs)]
    return Tensor(backend.result(function(*arrays, **kwargs)), backend)


def _reduction(op: Callable[..., Any]) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
        if dtype is not None or out is not None:
            raise TypeError(
                "a reduction of a tensor takes no dtype or out: use .astype on the result"
            )
        return op(a, axis=axis, **kwargs)

    return run


def _extreme(op: ops.Op) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return op(a, axis=axis, keepdims=keepdims)

    return run


def _off_tape(function: Any) -> Callable[..., Any]:
    def run(a: Any, *args: Any, **kwargs: Any) -> Tensor:
        return _computed(lambda x: function(x, *args, **kwargs), (a,))

    return run


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _reduction(ops.sum),
    np.mean: _reduction(ops.mean),
    np.prod: _reduction(ops.prod),
    np.var: _reduction(ops.var),
    np.std: _reduction(ops.std),
    np.max: _extreme(ops.max),
    np.min: _extreme(ops.min),
    np.reshape: lambda a, shape: ops.reshape(a, shape=shape),
    np.transpose: lambda a, axes=None: ops.transpose(a, axes=axes),
    np.swapaxes: lambda a, axis1, axis2: ops.swapaxes(a, axis1=axis1, axis2=axis2),
    np.broadcast_to: lambda a, shape: ops.broadcast_to(a, shape=shape),
    np.expand_dims: lambda a, axis: ops.expand_dims(a, axis=axis),
    np.squeeze: lambda a, axis=None: ops.squeeze(a, axis=axis),
    np.concatenate: lambda arrays, axis=0: ops.concatenate(arrays, axis=axis),
    np.stack: lambda arrays, axis=0: ops.stack(arrays, axis=axis),
    np.split: lambda a, parts, axis=0: ops.split(a, parts, axis=axis),
    np.take: lambda a, indices, axis=0: ops.take(a, indices, axis=axis),
    np.take_along_axis: lambda a, indices, axis: ops.take_along_axis(a, indices, axis=axis),
    np.pad: lambda a, width, constant_values=0.0: ops.pad(a, width=width, value=constant_values),
    np.flip: lambda a, axis=None: ops.flip(a, axis=axis),
    np.where: lambda condition, a, b: ops.where(condition, a, b),
    np.clip: lambda a, low, high: ops.clip(a, low=low, high=high),
    np.any: _off_tape(np.any),
    np.all: _off_tape(np.all),
    np.ones_like: _off_tape(np.ones_like),
    np.zeros_like: _off_tape(np.zeros_like),
    np.triu: _off_tape(np.triu),
    np.tril: _off_tape(np.tril),
    np.cumsum: _off_tape(np.cumsum),
    np.argmax: _off_tape(np.argmax),
    np.argmin: _off_tape(np.argmin),
    np.iscomplexobj: lambda a: a.dtype.kind == "c",
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
}
"""Functions with an op, and those that only shape or count."""
