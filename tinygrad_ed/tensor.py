"""`Tensor`: an array that remembers how it was computed.

The operators, the methods, and `apply`, through which every op on tensors goes. NumPy's own
functions work too (`np.exp(t)`): see `protocols.py`.
"""

import warnings
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from . import ops
from .backends import Backend, get_backend
from .errors import DeviceError, DTypeError, LogitsWarning, ShapeError, TapeError
from .ops.registry import Op
from .tape import Node, Version, is_recording, record

Shape = tuple[int, ...]


class Tensor(Node):
    """An array on a device, with the tape that led to it.

    Made by `tg.tensor` and by ops on tensors. A *leaf* was not computed: its gradient is what
    `backward` accumulates in `.grad`.

    Attributes:
        requires_grad: Whether a gradient flows to it.
        name: What readings call it, or None.
    """

    __slots__ = ()
    __hash__ = object.__hash__

    def __init__(self, array: Any, backend: Backend, requires_grad: bool = False) -> None:
        self._array = array
        self._backend = backend
        self.requires_grad = requires_grad
        self._grad: Tensor | None = None
        self._op = None
        self._sources = ()
        self._params = {}
        self._versions = ()
        self._version = Version()
        self._order = -1
        self._used = False
        self._retains = False
        self.name = None

    # --- what it is ---------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """Sizes of the axes."""
        return tuple(self._array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self._array.ndim)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(self._array.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Number type."""
        return np.dtype(self._array.dtype)

    @property
    def device(self) -> str:
        """Name of the device that holds the array."""
        return self._backend.name

    @property
    def is_leaf(self) -> bool:
        """True if it was not computed by a recorded op."""
        return self._op is None

    @property
    def op(self) -> Op | None:
        """The op that computed it, if it was recorded."""
        return self._op

    @property
    def data(self) -> Any:
        """The array itself, read-only; assigning copies values into place (same shape).

        An optimiser that takes a parameter over moves its storage: take a fresh view after that.
        """
        if isinstance(self._array, np.ndarray):
            return self._backend.to_numpy(self._array)
        return self._array

    @data.setter
    def data(self, values: Any) -> None:
        values = values._array if isinstance(values, Tensor) else values
        values = self._backend.asarray(values, self._array.dtype)
        if values.shape != self._array.shape:
            raise ShapeError(
                f"{self.label} cannot take values of shape {values.shape}: a tensor keeps its "
                f"shape; make a new one with tg.tensor"
            )
        self._array[...] = values
        self._written("assigning .data")

    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a read-only NumPy array (a copy from the GPU, a view on the CPU)."""
        return self._backend.to_numpy(self._array)

    def item(self) -> float | int | bool:
        """The one value of a tensor of size 1, as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item() needs exactly one entry; {self.label} has {self.size}")
        value: float | int | bool = self._array.item()
        return value

    def _written(self, by: str) -> None:
        """Somebody wrote to the storage: readings of older tapes must now refuse."""
        self._version.count += 1
        self._version.by = by

    # --- gradients ----------------------------------------------------------------------------

    @property
    def grad(self) -> "Tensor | None":
        """The accumulated gradient; None where none was computed yet."""
        return self._grad

    @grad.setter
    def grad(self, value: "Tensor | None") -> None:
        if value is not None and (value.shape != self.shape or value.device != self.device):
            raise ShapeError(
                f"the gradient of {self.label} on {self.device} must have its shape and device, "
                f"got {value.shape} on {value.device}"
            )
        self._grad = value

    def backward(
        self, seed: Any = None, *, create_graph: bool = False, retain_graph: bool = False
    ) -> None:
        """Adds dself/dleaf to `.grad` of every leaf that requires a gradient.

        Args:
            seed: Upstream gradient, in the shape of this tensor; 1 for a scalar.
            create_graph: Record the backward pass too, for higher derivatives. The gradients then
                hold the tape and the tape the leaves, a cycle: prefer `tg.grad`.
            retain_graph: Allow another `backward` from this tensor.

        Raises:
            TapeError: Not recorded, used before, or an operand was changed since.
            ShapeError: Not a scalar and no seed, or a seed of another shape.
        """
        from .gradients import backward

        backward(self, seed, create_graph=create_graph, retain_graph=retain_graph)

    def retain_grad(self) -> "Tensor":
        """Ask `backward` to keep this inner tensor's gradient too; returns the tensor."""
        self._retains = True
        return self

    def detach(self) -> "Tensor":
        """The same values, cut from the tape (storage is shared)."""
        cut = Tensor(self._array, self._backend)
        cut._version = self._version
        return cut

    def to(self, device: str) -> "Tensor":
        """A copy on another device, cut from the tape; itself if it is there already."""
        backend = get_backend(device)
        if backend is self._backend:
            return self
        moved = Tensor(backend.asarray(self.numpy()), backend, self.requires_grad)
        moved.name = self.name
        return moved

    def astype(self, dtype: Any) -> "Tensor":
        """The values as another number type; the gradient of a floating cast is cast back."""
        if np.dtype(dtype).kind == "f":
            return apply(ops.astype, (self,), {"dtype": np.dtype(dtype).name})
        return Tensor(self._array.astype(dtype), self._backend)

    # --- the tape's door, and NumPy's -----------------------------------------------------------

    def _record_op(self, op: Op, operands: Sequence[Any], params: dict[str, Any]) -> "Tensor":
        return apply(op, operands, params)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .protocols import run_ufunc

        return run_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .protocols import run_function

        return run_function(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self.device == "cuda":
            raise DeviceError(f"{self.label} is on the GPU: .numpy() copies it to the host")
        return np.array(self._array, dtype=dtype) if copy is not False else self.numpy()

    # --- operators ------------------------------------------------------------------------------

    def __add__(self, other: Any) -> "Tensor":
        return apply(ops.add, (self, other), {})

    def __radd__(self, other: Any) -> "Tensor":
        return apply(ops.add, (other, self), {})

    def __sub__(self, other: Any) -> "Tensor":
        return apply(ops.subtract, (self, other), {})

    def __rsub__(self, other: Any) -> "Tensor":
        return apply(ops.subtract, (other, self), {})

    def __mul__(self, other: Any) -> "Tensor":
        return apply(ops.multiply, (self, other), {})

    def __rmul__(self, other: Any) -> "Tensor":
        return apply(ops.multiply, (other, self), {})

    def __truediv__(self, other: Any) -> "Tensor":
        return apply(ops.divide, (self, other), {})

    def __rtruediv__(self, other: Any) -> "Tensor":
        return apply(ops.divide, (other, self), {})

    def __neg__(self) -> "Tensor":
        return apply(ops.negative, (self,), {})

    def __abs__(self) -> "Tensor":
        return apply(ops.absolute, (self,), {})

    def __pow__(self, other: Any) -> "Tensor":
        if isinstance(other, int | float) and not isinstance(other, np.generic):
            return apply(ops.constant_power, (self,), {"n": other})
        return apply(ops.power, (self, other), {})

    def __rpow__(self, other: Any) -> "Tensor":
        return apply(ops.power, (other, self), {})

    def __matmul__(self, other: Any) -> "Tensor":
        result: Tensor = ops.matmul(self, adopt(other, self._backend))
        return result

    def __rmatmul__(self, other: Any) -> "Tensor":
        result: Tensor = ops.matmul(adopt(other, self._backend), self)
        return result

    def __getitem__(self, index: Any) -> "Tensor":
        return apply(ops.getitem, (self,), {"index": plain_index(index)})

    def __setitem__(self, index: Any, values: Any) -> None:
        self._refuse_recorded_write("t[...] = ...")
        self._array[plain_index(index)] = values._array if isinstance(values, Tensor) else values
        self._written("t[...] = ...")

    def _in_place(self, result: "Tensor", spelled: str) -> "Tensor":
        """`w -= step` writes into a parameter; on anything else it just names a new result."""
        if not (self.is_leaf and self.requires_grad):
            return result
        self._refuse_recorded_write(spelled)
        self.data = result
        self._written(spelled)
        return self

    def __iadd__(self, other: Any) -> "Tensor":
        return self._in_place(self + other, "+=")

    def __isub__(self, other: Any) -> "Tensor":
        return self._in_place(self - other, "-=")

    def __imul__(self, other: Any) -> "Tensor":
        return self._in_place(self * other, "*=")

    def __itruediv__(self, other: Any) -> "Tensor":
        return self._in_place(self / other, "/=")

    def _refuse_recorded_write(self, spelled: str) -> None:
        if self._op is not None:
            raise TapeError(
                f"{spelled} on {self.label}: a recorded result cannot be changed, its gradient "
                f"would be wrong. Build a new tensor with tg.where or arithmetic"
            )
        if self.requires_grad and is_recording():
            raise TapeError(
                f"{spelled} on {self.label}, which requires a gradient, while recording: "
                f"do it inside `with tg.no_grad():`"
            )

    def _compare(self, ufunc: Any, other: Any) -> "Tensor":
        other = adopt(other, self._backend)
        values = ufunc(self._array, other._array if isinstance(other, Tensor) else other)
        return Tensor(self._backend.result(values), self._backend)

    def __lt__(self, other: Any) -> "Tensor":
        return self._compare(np.less, other)

    def __le__(self, other: Any) -> "Tensor":
        return self._compare(np.less_equal, other)

    def __gt__(self, other: Any) -> "Tensor":
        return self._compare(np.greater, other)

    def __ge__(self, other: Any) -> "Tensor":
        return self._compare(np.greater_equal, other)

    def __eq__(self, other: object) -> "Tensor":  # type: ignore[override]
        return self._compare(np.equal, other)

    def __ne__(self, other: object) -> "Tensor":  # type: ignore[override]
        return self._compare(np.not_equal, other)

    def __and__(self, other: Any) -> "Tensor":
        return self._compare(np.bitwise_and, other)

    def __or__(self, other: Any) -> "Tensor":
        return self._compare(np.bitwise_or, other)

    def __invert__(self) -> "Tensor":
        return Tensor(self._backend.result(np.invert(self._array)), self._backend)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError(f"len() of {self.label}: a scalar has no length")
        return self.shape[0]

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"the truth of {self.label} is ambiguous: it has {self.size} entries; "
                f"reduce it with .numpy().any() or .all()"
            )
        return bool(self._array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"{self.label} of type {self.dtype} is no index; indices are integers")
        return int(self.item())

    # --- methods that are ops -------------------------------------------------------------------

    @property
    def T(self) -> "Tensor":
        """The axes reversed; for a matrix its transpose."""
        return apply(ops.transpose, (self,), {})

    def transpose(self, *axes: int) -> "Tensor":
        """The axes in this order (reversed if none is given)."""
        return apply(ops.transpose, (self,), {"axes": axes or None})

    def reshape(self, *shape: Any) -> "Tensor":
        """The entries in C order under another shape; one size may be -1."""
        if len(shape) == 1 and not isinstance(shape[0], SupportsIndex):
            shape = tuple(shape[0])
        return apply(ops.reshape, (self,), {"shape": tuple(int(n) for n in shape)})

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The sum over the axes."""
        return apply(ops.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The mean over the axes."""
        return apply(ops.mean, (self,), {"axis": axis, "keepdims": keepdims})

    def max(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The largest entry along the axes; ties share the gradient."""
        return apply(ops.max, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The smallest entry along the axes; ties share the gradient."""
        return apply(ops.min, (self,), {"axis": axis, "keepdims": keepdims})

    def __repr__(self) -> str:
        from .display import text

        return text(self)

    def _repr_html_(self) -> str:
        from .display import html

        return html(self)


def adopt(operand: Any, backend: Backend) -> Any:
    """An operand as the tape takes it: tensors and plain numbers as they are, arrays copied in.

    The copy lets the caller change the array afterwards. Lists become float32 like `tg.tensor`.

    Raises:
        DeviceError: A tensor on another device.
    """
    if isinstance(operand, Tensor):
        if operand._backend is not backend:
            raise DeviceError(
                f"two devices in one op: {operand.label} is on {operand.device!r}, the other "
                f"operand on {backend.name!r}. Move one of them with .to({backend.name!r})"
            )
        return operand
    if operand is None or (
        isinstance(operand, int | float) and not isinstance(operand, np.generic)
    ):
        return operand
    from .creation import checked_array

    return Tensor(checked_array(operand, backend), backend)


def plain_index(index: Any) -> Any:
    """An index with its tensors replaced by their arrays."""
    if isinstance(index, Tensor):
        return index._array
    if isinstance(index, list):
        return np.asarray(index)
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    return index


def apply(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> Tensor:
    """Runs an op on tensors and records it: the one door through which everything goes.

    Raises:
        ShapeError: Operands that do not fit; the op and all shapes are named.
        DeviceError: Two devices.
    """
    backend = next(o._backend for o in operands if isinstance(o, Tensor))
    sources = tuple(adopt(o, backend) for o in operands)
    params = {**op.defaults, **params}
    if op.backward is None:  # a composition: its parts are recorded instead
        result: Tensor = op.forward(*sources, **params)
        return result
    arrays = [s._array if isinstance(s, Tensor) else s for s in sources]
    try:
        if op.validate is not None:
            op.validate(*arrays, **params)
        y = backend.forward(op, arrays, params)
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise _explained(error, op, sources, params) from error
    requires = is_recording() and any(isinstance(s, Tensor) and s.requires_grad for s in sources)
    node = Tensor(y, backend, requires)
    if y.base is not None:  # a view of an operand: writing to one changes the other
        for source in sources:
            if isinstance(source, Tensor) and np.may_share_memory(y, source._array):
                node._version = source._version
    if op.expects_logits:
        _warn_about_probabilities(op, sources[0])
    if requires:
        record(node, op, sources, params)
    elif op.gives_probabilities:
        pass
    return node


def _explained(
    error: Exception, op: Op, sources: Sequence[Any], params: dict[str, Any]
) -> Exception:
    """The error with the op, the operands' shapes and types, and the parameters in its message."""
    if isinstance(error, ShapeError | DTypeError):
        return error
    operands = ", ".join(
        f"{name}: {s.shape} {s.dtype}" if isinstance(s, Tensor) else f"{name}: {s!r}"
        for name, s in zip(_operand_names(op, len(sources)), sources, strict=True)
    )
    settings = "".join(f", {k}={v!r}" for k, v in params.items())
    kind = ShapeError if isinstance(error, ValueError) and "shape" in str(error) else type(error)
    if str(error).startswith(op.name):
        return kind(str(error))
    return kind(f"{op.name}({operands}{settings}): {error}")


def _operand_names(op: Op, count: int) -> list[str]:
    if op.variadic:
        return [f"{op.operand_names[0]}[{k}]" for k in range(count)]
    return op.operand_names[:count]


def _warn_about_probabilities(op: Op, z: Any) -> None:
    """A loss that applies softmax or sigmoid itself was fed the output of one [D1-P1]."""
    while isinstance(z, Tensor) and z._op is not None and z._op.name in ("reshape", "squeeze"):
        z = z._sources[0]
    if not isinstance(z, Tensor) or z._op is None:
        return
    fused = z._params.get("activation") if z._op.name == "linear" else None
    if z._op.gives_probabilities or fused == "sigmoid":
        warnings.warn(
            f"{op.name} expects logits and applies its own softmax or sigmoid, but it is fed the "
            f"output of {fused or z._op.name} ({z.label}): probabilities squashed twice, gradients "
            f"shrink. Drop that {fused or z._op.name}, or use the loss on probabilities",
            LogitsWarning,
            stacklevel=4,
        )
