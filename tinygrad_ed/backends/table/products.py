"""`linear` and `matmul`, by the product kernel."""

from ...ops.registry import Array
from ..base import Arrays, Gradients, Homes, Needs, Params
from . import rungs
from .environment import Environment, Launchers

CODES = {None: 0, "relu": 1, "sigmoid": 2, "tanh": 3}
"""What the kernels call the activations that a product can apply."""


class _Product:
    """Who needs products: by the top rung, or by the one that `use_kernel` chose in this thread."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        kernels = environment.library.rungs["matmul"]
        self.on_rung = {rung: Launchers(environment, kernel) for rung, kernel in kernels.items()}
        self.product = next(iter(self.on_rung.values()))

    def chosen(self) -> Launchers:
        """The products of the chosen rung, if the device has it; asked while `rungs.active`."""
        return self.on_rung.get(rungs.chosen(), self.product)

    def home(self, homes: Homes, k: int, like: Array) -> Array:
        """Where the gradient of the k-th operand is written."""
        home = homes[k] if homes else None
        return self.environment.empty(like.shape, like.dtype) if home is None else home


class MatrixProductKernel(_Product):
    """Z = A B for two matrices."""

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """Z = A B."""
        A, B = arrays
        if A.ndim != 2 or B.ndim != 2:
            return None
        Z = self.environment.empty((A.shape[0], B.shape[1]), A.dtype)
        product = self.chosen() if rungs.active else self.product
        return Z if product[A.dtype](A, B, Z, None, 0, None, 0) else None

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """dA = dZ Bᵀ, dB = Aᵀ dZ."""
        A, B = arrays
        if A.ndim != 2 or B.ndim != 2:
            return None
        product = (self.chosen() if rungs.active else self.product)[A.dtype]
        dA = dB = None
        if needs[0]:
            dA = self.home(homes, 0, A)
            if not product(dy, B.T, dA, None, 0, None, 0):
                return None
        if needs[1]:
            dB = self.home(homes, 1, B)
            if not product(A.T, dy, dB, None, 0, None, 0):
                return None
        return dA, dB


class LinearKernel(_Product):
    """A whole layer: A = f(X W + b) in one launch, its gradients in one each, and one for f'."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.slope = Launchers(environment, "slope")
        self.sum_rows = Launchers(environment, "sum_rows")

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """A = f(X W + b)."""
        X, W, b = arrays
        code = CODES.get(params["activation"])
        if X.ndim != 2 or W.ndim != 2 or code is None:
            return None
        Z = self.environment.empty((X.shape[0], W.shape[1]), X.dtype)
        product = self.chosen() if rungs.active else self.product
        return Z if product[X.dtype](X, W, Z, b, code, None, 0) else None

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """dX = dZ Wᵀ, dW = Xᵀ dZ, db = Σ_n dZ, with dZ = dY f'(Z)."""
        X, W, b = arrays
        dtype, code = X.dtype, CODES[params["activation"]]
        if not dy.flags.c_contiguous:
            dy = self.environment.ordered(dy)
        dZ = dy
        if code:
            dZ = self.environment.empty(dy.shape, dtype)
            if not self.slope[dtype](dZ, dy, y, code):
                return None
        product = (self.chosen() if rungs.active else self.product)[dtype]
        dX = dW = db = None
        if needs[0]:
            dX = self.home(homes, 0, X)
            if not product(dZ, W.T, dX, None, 0, None, 0):
                return None
        if needs[1]:
            dW = self.home(homes, 1, W)
            if not product(X.T, dZ, dW, None, 0, None, 0):
                return None
        if needs[2]:
            db = self.home(homes, 2, b)
            if not self.sum_rows[dtype](dZ, db, 0):
                return None
        return dX, dW, db
