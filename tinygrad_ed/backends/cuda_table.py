"""Which CUDA kernel serves which op: one table for device "cuda" and for "cuda-sim"."""

from collections.abc import Sequence
from typing import Any

from ..kernels.cuda import TOP, Machine, Products, RowSums, Slopes
from ..kernels.cuda.ladder import ACTIVATIONS
from ..kernels.cuda.sources import TYPES
from ..ops.registry import Array, Op, registry
from .base import Kernel, Kernels

Homes = Sequence[Array | None]


class CudaKernels(Kernels):
    """Kernels by name for the library's own ops; the others run their formulas."""

    def __init__(self, machine: Machine, arrays: Any, rung: str = TOP) -> None:
        """The machine runs kernels on the arrays of an array module, NumPy or CuPy."""
        super().__init__()
        self.by_name: dict[str, Kernel] = {
            "linear": LinearKernel(machine, arrays, rung),
            "matrix_product": MatrixProductKernel(machine, arrays, rung),
        }

    def choose(self, op: Op) -> Kernel | None:
        """The kernel for an op, or None: its formula."""
        return self.by_name.get(op.name) if registry.get(op.name) is op else None


class _Product:
    def __init__(self, machine: Machine, arrays: Any, rung: str) -> None:
        self.arrays = arrays
        self.product = Products(machine, rung)
        self.slopes, self.row_sums = Slopes(machine), RowSums(machine)

    def fits(self, *operands: Any) -> bool:
        """Whether these are arrays of one type that there are kernels for, as kernels read them."""
        first = operands[0]
        return all(
            isinstance(x, self.arrays.ndarray)
            and x.dtype == first.dtype
            and x.dtype.name in TYPES
            and x.dtype.isnative
            and _in_whole_steps(x)
            for x in operands
        )

    def multiplies(self, A: Any, B: Any) -> bool:
        """Whether A B is a product of two matrices that fit."""
        return bool(self.fits(A, B) and A.ndim == B.ndim == 2 and A.shape[1] == B.shape[0])

    def home(self, homes: Homes | None, k: int, like: Any) -> Any:
        """Where the gradient of the k-th operand is written."""
        home = homes[k] if homes else None
        if home is not None and self.fits(like, home):
            return home
        return self.arrays.empty(like.shape, like.dtype)


def _in_whole_steps(x: Any) -> bool:
    # CuPy's arrays always lie so; a field of a record of NumPy need not
    aligned = getattr(x.flags, "aligned", True)
    return aligned and not any(step % x.itemsize for step in x.strides)


class MatrixProductKernel(_Product):
    """Z = A B for two matrices."""

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """Z = A B."""
        A, B = arrays
        if not self.multiplies(A, B):
            return None
        Z = self.arrays.empty((A.shape[0], B.shape[1]), A.dtype)
        self.product(A, B, Z)
        return Z

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
        homes: Homes | None = None,
    ) -> Sequence[Array | None] | None:
        """dA = dZ Bᵀ, dB = Aᵀ dZ."""
        A, B = arrays
        if not self.multiplies(A, B) or not self.fits(A, dy):
            return None
        dA = self.home(homes, 0, A) if needs[0] else None
        dB = self.home(homes, 1, B) if needs[1] else None
        if dA is not None:
            self.product(dy, B.T, dA)
        if dB is not None:
            self.product(A.T, dy, dB)
        return dA, dB


class LinearKernel(_Product):
    """A layer: Y = f(X W + b) in one launch; its gradients in one each, and one for the slopes."""

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """Y = f(X W + b)."""
        X, W, b = arrays
        activation = params["activation"]
        if not self.multiplies(X, W) or activation not in ACTIVATIONS:
            return None
        if b is not None and not (self.fits(X, b) and b.shape == W.shape[1:]):
            return None
        Y = self.arrays.empty((X.shape[0], W.shape[1]), X.dtype)
        self.product(X, W, Y, b, activation)
        return Y

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
        homes: Homes | None = None,
    ) -> Sequence[Array | None] | None:
        """dX = dZ Wᵀ, dW = Xᵀ dZ, db = Σ_n dZ, with dZ = dY f'(Z)."""
        X, W, b = arrays
        activation = params["activation"]
        if not self.multiplies(X, W) or not self.fits(X, dy, y) or activation not in ACTIVATIONS:
            return None
        dZ = dy
        if activation is not None:
            dZ = self.arrays.empty(y.shape, y.dtype)
            self.slopes(dZ, dy, y, activation)
        dX = self.home(homes, 0, X) if needs[0] else None
        dW = self.home(homes, 1, W) if needs[1] else None
        db = self.home(homes, 2, b) if needs[2] else None
        if dX is not None:
            self.product(dZ, W.T, dX)
        if dW is not None:
            self.product(X.T, dZ, dW)
        if db is not None:
            self.row_sums(dZ, db)
        return dX, dW, db
