"""`Tensor`: an array that remembers how it was computed.

Its operators are in `arithmetic.py`; NumPy's own functions work too (`np.exp(t)`): `protocols.py`.
"""

from typing import Any

import numpy as np

from . import ops
from .apply import apply
from .arithmetic import Arithmetic
from .backends import get_backend
from .backends.base import cast
from .errors import DeviceError, DTypeError, ShapeError
from .gradients import backward
from .recording import state
from .storage import LOOKING


class Tensor(Arithmetic):
    """An array on a device, with the tape that led to it.

    Made by `tg.tensor` and by ops on tensors. A *leaf* was not computed: its gradient is what
    `backward` accumulates in `.grad`.

    Attributes:
        requires_grad: Whether a gradient flows to it.
        name: What readings call it, or None.
    """

    __slots__ = ()
    __hash__ = object.__hash__

    def _result(self, array: Any, requires_grad: bool = False) -> "Tensor":
        """What an op on this tensor gave, as a tensor on the same device."""
        return Tensor(array, self._backend, requires_grad)

    # --- gradients ----------------------------------------------------------------------------

    @property
    def grad(self) -> "Tensor | None":
        """The accumulated gradient; None where none was computed yet."""
        if state.trace is not None:
            found: Tensor | None = state.trace.gradient(self)
            return found
        if self._grad is not None and not isinstance(self._grad, Tensor):
            # Backward left an array. Whoever reads it may keep it, so nothing is written there
            # until the optimiser whose memory it may be has looked (`optim/homes.py`).
            self._grad.shape  # noqa: B018 (a captured step that used it up says so)
            if self._grad is self._home:
                self._home = None
            self._grad = Tensor(self._grad, self._backend)
        return self._grad

    @grad.setter
    def grad(self, value: "Tensor | None") -> None:
        if value is not None and not isinstance(value, Tensor):
            raise DTypeError(
                f"the gradient of {self.label} is a tensor or None, got {type(value).__name__}: "
                f"wrap it with tg.tensor(..., device={self.device!r})"
            )
        if value is not None and (value.shape != self.shape or value.device != self.device):
            raise ShapeError(
                f"the gradient of {self.label} on {self.device} must have its shape and device, "
                f"got {value.shape} on {value.device}"
            )
        if state.trace is not None:
            state.trace.gradients.clears(self)
        self._grad = value
        self._spent = False

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
        backward(self, seed, create_graph=create_graph, retain_graph=retain_graph)

    def retain_grad(self) -> "Tensor":
        """Ask `backward` to keep this inner tensor's gradient too; returns the tensor."""
        self._retains = True
        return self

    def detach(self) -> "Tensor":
        """The same values, cut from the tape (storage is shared)."""
        cut = Tensor(self._array, self._backend)
        cut._version = self._storage_version()
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
        return self._off_tape(cast, dtype=dtype)

    # --- the tape's door, and NumPy's -----------------------------------------------------------

    _record_op = staticmethod(apply)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .protocols import run_ufunc

        return run_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .protocols import run_function

        return run_function(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if state.trace is not None:
            state.trace.forbids(f"making an array of {self.label} {LOOKING}")
        if self.device == "cuda":
            raise DeviceError(f"{self.label} is on the GPU: .numpy() copies it to the host")
        return np.array(self._array, dtype=dtype) if copy is not False else self.numpy()

    def __repr__(self) -> str:
        from .display import text

        return text(self)

    def _repr_html_(self) -> str:
        from .display import html

        return html(self)
