"""`apply`: the one door through which every op on tensors goes."""

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .backends import Backend, checked_array
from .backends.base import copied
from .errors import DeviceError, DTypeError, LogitsWarning, ShapeError
from .ops.registry import Op
from .recording import state
from .tape import Node, record

if TYPE_CHECKING:
    from .tensor import Tensor


def adopt(operand: Any, like: Node) -> Any:
    """An operand as the tape takes it: tensors and plain numbers as they are, arrays copied in.

    The copy lets the caller change the array afterwards. Lists become float32 like `tg.tensor`.

    Raises:
        DeviceError: A tensor on another device.
    """
    if isinstance(operand, Node):
        if operand._backend is not like._backend:
            here, there = like._backend.name, operand._backend.name
            raise DeviceError(
                f"two devices in one op: {operand.label} is on {there!r}, the other operand on "
                f"{here!r}. Move one of them with .to({here!r})"
            )
        return operand
    if operand is None or (
        isinstance(operand, int | float) and not isinstance(operand, np.generic)
    ):
        return operand
    return like._result(checked_array(operand, like._backend))


def computed(function: Callable[..., Any], like: Node, *inputs: Any, **params: Any) -> Any:
    """What a function that is no op gives for arrays; a step that is captured notes it down."""
    if state.trace is None:
        return like._backend.result(function(*inputs, **params))
    return state.trace.computed(like._backend, function, *inputs, **params)


def plain_index(index: Any, like: Node) -> Any:
    """An index with arrays of its own on the device: the caller may change its own afterwards."""
    if isinstance(index, Node):
        return computed(copied, like, index._array)
    if isinstance(index, list | np.ndarray):
        return like._backend.asarray(index, None if len(index) else int)
    if isinstance(index, tuple):
        return tuple(plain_index(part, like) for part in index)
    return index


def apply(op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> "Tensor":
    """Runs an op on tensors and records it: the one door through which everything goes.

    Raises:
        ShapeError: Operands that do not fit; the op and all shapes are named.
        DeviceError: Two devices.
    """
    like = operands[0]
    if not isinstance(like, Node):
        like = next(o for o in operands if isinstance(o, Node))
    backend = like._backend
    if len(operands) < len(op.operand_names):
        operands = op.complete(operands)
    if len(params) < len(op.parameter_names):
        params = {**op.defaults, **params} if params else op.defaults
    if "index" in params:
        params = {**params, "index": plain_index(params["index"], like)}
    arrays: list[Any] = []
    wants: list[bool] = []
    for operand in operands:
        if not isinstance(operand, Node) or operand._backend is not backend:
            operand, k = adopt(operand, like), len(arrays)
            operands = (*operands[:k], operand, *operands[k + 1 :])
        if isinstance(operand, Node):
            arrays.append(operand._array)
            wants.append(operand._needs)
        else:
            arrays.append(operand)
            wants.append(False)
    requires = True in wants and state.recording

    if state.trace is not None:
        backend = state.trace.traced(backend, operands)
    kernel = backend.kernels[op]
    try:
        y = None if kernel is None else kernel.forward(arrays, params)
    except MemoryError as error:
        raise backend.out_of_memory(error, _with_shapes(op, operands)) from error
    if y is not None:
        node: Tensor = like._result(y, requires)
    elif op.backward is None:  # a composition: its parts are recorded instead
        node = op.forward(*operands, **params)
        return node
    else:
        y = _by_formula(backend, op, operands, arrays, params)
        if requires and y.dtype.kind == "c":
            raise DTypeError(
                f"{op.called} gave complex numbers, and gradients are for real ones: take real and "
                f"imaginary parts as tensors of their own"
            )
        node = like._result(y, requires)
        _share_version(node, operands, arrays)
    if op.expects_logits:
        _warn_about_probabilities(op, operands[0])
    if requires:
        record(node, op, operands, arrays, tuple(wants), params)
    return node


def _by_formula(
    backend: Backend, op: Op, operands: Sequence[Any], arrays: list[Any], params: dict[str, Any]
) -> Any:
    """What an op without a kernel for these operands gives, once they have passed its checks."""
    if op.validate is not None:
        try:
            op.validate(*arrays, **params)
        except AttributeError as error:  # a plain number where an array belongs
            raise _explained(TypeError(str(error)), op, operands, params) from error
    try:
        return backend.forward(op, arrays, params)
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise _explained(error, op, operands, params) from error
    except MemoryError as error:
        raise backend.out_of_memory(error, _with_shapes(op, operands)) from error


def _with_shapes(op: Op, operands: Sequence[Any]) -> str:
    """What was computed, of which shapes."""
    given = [f"{s._array.shape} {s._array.dtype}" for s in operands if isinstance(s, Node)]
    return f"{op.called} of {', '.join(given)}"


def _share_version(node: Node, operands: Sequence[Any], arrays: list[Any]) -> None:
    """A view of an operand, or the operand's own array: writing to one changes the other."""
    y = node._array
    if y.base is None and not any(y is array for array in arrays):
        return
    for source in operands:
        if isinstance(source, Node) and np.may_share_memory(y, source._array):
            node._version = source._storage_version()


def _explained(
    error: Exception, op: Op, sources: Sequence[Any], params: dict[str, Any]
) -> Exception:
    """The error with the op, the operands' shapes and types, and the parameters in its message."""
    operands = ", ".join(
        f"{name}: {tuple(s._array.shape)} {s._array.dtype}"
        if isinstance(s, Node)
        else f"{name}: {s!r}"
        for name, s in zip(op.names_of(len(sources)), sources, strict=True)
    )
    settings = "".join(f", {k}={v!r}" for k, v in params.items())
    kind = ShapeError if isinstance(error, ValueError) and "shape" in str(error) else type(error)
    return kind(f"{op.called}({operands}{settings}): {error}")


def _warn_about_probabilities(op: Op, z: Any) -> None:
    """A loss that applies softmax or sigmoid itself was fed the output of one [D1-P1]."""
    while isinstance(z, Node) and z._op is not None and z._op.name in _REARRANGING:
        z = z._sources[0]
    if not isinstance(z, Node) or z._op is None:
        return
    fused = z._params.get("activation") if z._op.name == "linear" else None
    if z._op.gives_probabilities or fused == "sigmoid":
        warnings.warn(
            f"{op.called} expects logits and applies its own softmax or sigmoid, but it is fed the "
            f"output of {fused or z._op.name} ({z.label}): probabilities squashed twice, gradients "
            f"shrink. Drop that {fused or z._op.name}, or use the loss on probabilities",
            LogitsWarning,
            stacklevel=levels_to_the_user(),
        )


_REARRANGING = frozenset(
    {"reshape", "squeeze", "expand_dims", "transpose", "swapaxes", "getitem", "astype", "flip"}
)
"""Ops that hand probabilities on as they are."""


def levels_to_the_user() -> int:
    """How many calls up, seen from whoever asks, the code outside this package is."""
    frame, levels = sys._getframe(1), 1
    while frame.f_back and Path(frame.f_code.co_filename).is_relative_to(Path(__file__).parent):
        frame, levels = frame.f_back, levels + 1
    return levels
