"""NumPy's functions on tensors: `np.exp(t)`, `np.sum(t, axis=0)`, `np.where(c, a, b)`.

A table from each NumPy function to the op that differentiates it. This is what lets an op's VJP,
ordinary Python over NumPy functions, run on tensors and thereby be recorded itself.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np

from . import ops
from .apply import adopt, computed
from .ops.shape import border
from .recording import is_recording
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
    axis = kwargs.get("axis", 0)
    kwargs = {k: v for k, v in kwargs.items() if v is not None}
    if method == "reduce" and ufunc in REDUCTIONS and kwargs.keys() <= {"axis", "keepdims"}:
        (x,) = inputs
        return REDUCTIONS[ufunc](x, axis=axis, keepdims=kwargs.get("keepdims", False))
    if method == "__call__" and not kwargs:
        if ufunc in UFUNCS:
            return UFUNCS[ufunc](*_adopted(inputs))
        if ufunc is np.power:
            return inputs[0] ** inputs[1] if isinstance(inputs[0], Tensor) else ops.power(*inputs)
        if ufunc in STEPWISE:
            return _computed(ufunc, inputs)
    refuse(f"{ufunc.__name__}{'' if method == '__call__' else '.' + method}", kwargs)


def run_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Any other NumPy function called on tensors (`Tensor.__array_function__`)."""
    handler = FUNCTIONS.get(function)
    if handler is None:
        refuse(function.__name__)
    kwargs = {k: v for k, v in kwargs.items() if v is not None or k not in ("dtype", "out")}
    try:
        return handler(*args, **kwargs)
    except TypeError:
        try:
            inspect.signature(handler).bind(*args, **kwargs)
        except TypeError:  # arguments of NumPy's that have no op here, never dropped in silence
            refuse(function.__name__, kwargs)
        raise


def refuse(name: str, options: Iterable[str] = ()) -> NoReturn:
    """NumPy can do it, the tape cannot.

    Raises:
        TypeError: Always.
    """
    extra = f" with {', '.join(options)}" if options else ""
    raise TypeError(
        f"np.{name}{extra} is not differentiable here: use tg's functions, "
        f"or t.numpy() to leave the tape"
    )


def _adopted(inputs: tuple[Any, ...]) -> list[Any]:
    like = next(x for x in inputs if isinstance(x, Tensor))
    return [adopt(x, like) for x in inputs]


def _computed(function: Any, inputs: tuple[Any, ...], **kwargs: Any) -> Tensor:
    """A function on the tensors' arrays, off the tape."""
    like = next(x for x in inputs if isinstance(x, Tensor))
    arrays = [x._array if isinstance(x, Tensor) else x for x in _adopted(inputs)]
    return Tensor(computed(function, like, *arrays, **kwargs), like._backend)


def _reduction(op: Callable[..., Any]) -> Callable[..., Any]:
    def run(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
    ) -> Any:
        _no_target(dtype, out)
        return op(a, axis=axis, keepdims=keepdims)

    return run


def _deviation(op: Callable[..., Any]) -> Callable[..., Any]:
    def run(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: int = 0,
        keepdims: bool = False,
    ) -> Any:
        _no_target(dtype, out)
        return op(a, axis=axis, ddof=ddof, keepdims=keepdims)

    return run


def _extreme(op: ops.Op) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        _no_target(None, out)
        return op(a, axis=axis, keepdims=keepdims)

    return run


def _no_target(dtype: Any, out: Any) -> None:
    """Results are new tensors, in the operand's number type."""
    if dtype is not None or out is not None:
        raise TypeError(
            f"a reduction of a tensor with {'dtype' if out is None else 'out'} is not "
            f"differentiable here: use the tensor it returns, and .astype on it"
        )


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    """NumPy's default is to number the entries of the flattened array."""
    if axis is None:
        a, axis = ops.reshape(a, shape=(-1,)), 0
    return ops.take(a, indices, axis=axis)


def _clip(a: Any, a_min: Any = None, a_max: Any = None) -> Any:
    """A bound that is None does not bind."""
    low = -np.inf if a_min is None else a_min
    return ops.clip(a, low=low, high=np.inf if a_max is None else a_max)


def _pad(a: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0.0) -> Any:
    if mode != "constant":
        refuse("pad", [f"mode={mode!r}"])
    return ops.pad(a, width=border(pad_width, a.ndim), value=constant_values)


def _off_tape(function: Any) -> Callable[..., Any]:
    def run(a: Any, *args: Any, **kwargs: Any) -> Tensor:
        return _computed(lambda x: function(x, *args, **kwargs), (a,))

    return run


def _constants_only(function: Any) -> Callable[..., Any]:
    """A linear function without an op: VJPs count and mask with it, but a gradient would be cut."""

    def run(a: Any, *args: Any, **kwargs: Any) -> Tensor:
        if a.requires_grad and is_recording():
            refuse(f"{function.__name__} of a tensor that requires a gradient")
        return _computed(lambda x: function(x, *args, **kwargs), (a,))

    return run


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _reduction(ops.sum),
    np.mean: _reduction(ops.mean),
    np.prod: _reduction(ops.prod),
    np.var: _deviation(ops.var),
    np.std: _deviation(ops.std),
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
    np.split: lambda ary, indices_or_sections, axis=0: ops.split(
        ary, indices_or_sections, axis=axis
    ),
    np.take: _take,
    np.take_along_axis: lambda a, indices, axis: ops.take_along_axis(a, indices, axis=axis),
    np.pad: _pad,
    np.flip: lambda a, axis=None: ops.flip(a, axis=axis),
    np.where: lambda condition, a, b: ops.where(condition, a, b),
    np.clip: _clip,
    np.any: _off_tape(np.any),
    np.all: _off_tape(np.all),
    np.ones_like: _off_tape(np.ones_like),
    np.zeros_like: _off_tape(np.zeros_like),
    np.triu: _constants_only(np.triu),
    np.tril: _constants_only(np.tril),
    np.cumsum: _constants_only(np.cumsum),
    np.argmax: _off_tape(np.argmax),
    np.argmin: _off_tape(np.argmin),
    np.iscomplexobj: lambda a: a.dtype.kind == "c",
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
}
"""Functions with an op, and those that only shape or count."""
