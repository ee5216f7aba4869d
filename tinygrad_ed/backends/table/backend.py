"""Which kernel serves which op, on every device that has kernels."""

from collections.abc import Mapping
from typing import Any

from ...ops.registry import Array, Op, registry
from ..base import Backend, Kernel, Kernels
from .dropout import DropoutKernel
from .elementwise import ElementwiseKernel
from .environment import SERVED, Environment
from .losses import loss_kernels
from .products import LinearKernel, MatrixProductKernel
from .softmax import SoftmaxKernel
from .sums import SumKernel, reduction_over
from .updates import Updates


class KernelTable(Kernels):
    """Kernels by name for the library's own ops, and a loop for any elementwise op."""

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self.environment = environment
        self.by_name: dict[str, Kernel] = {
            "linear": LinearKernel(environment),
            "matrix_product": MatrixProductKernel(environment),
            **loss_kernels(environment),
            "sum": SumKernel(environment, mean=False),
            "mean": SumKernel(environment, mean=True),
            "softmax": SoftmaxKernel(environment, "softmax_rows"),
            "log_softmax": SoftmaxKernel(environment, "log_softmax_rows"),
            "dropout": DropoutKernel(environment),
        }

    def choose(self, op: Op) -> Kernel | None:
        """The kernel for an op, or None: its formula."""
        if registry.get(op.name) is op and op.name in self.by_name:
            return self.by_name[op.name]
        if op.elementwise and op.backward is not None:
            return ElementwiseKernel(self.environment, op)
        return None


class KernelBackend(Backend):
    """A device with kernels."""

    def __init__(self, name: str, environment: Environment) -> None:
        super().__init__(name)
        self._serve(environment)

    def _serve(self, environment: Environment) -> None:
        self.environment = environment
        self.kernels = KernelTable(environment)
        self.updates = Updates(environment)
        self.sums = SumKernel(environment, mean=False)
        self.plus = ElementwiseKernel(environment, registry["add"])

    def on(self, environment: Environment) -> "KernelBackend":
        """The same device, its kernels run by another environment."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other._serve(environment)
        return other

    def add(self, first: Array, second: Array) -> Array:
        """The sum of two gradients of one shape."""
        found = None
        if first.dtype == second.dtype and first.dtype in SERVED:
            found = self.plus.forward([first, second], {})
        return super().add(first, second) if found is None else found

    def sum_to(self, gradient: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
        """The sum over the axes that an operand was repeated along."""
        found = reduction_over(axes, False, gradient.shape) if gradient.size else None
        if found is not None and gradient.dtype in SERVED:
            total = self.environment.empty(shape, gradient.dtype)
            if self.sums.total(gradient, found, total):
                return total
        return super().sum_to(gradient, axes, shape)

    def update(
        self,
        rule: Any,
        p: Array,
        g: Array,
        slots: Mapping[str, Array],
        numbers: Mapping[str, Any],
    ) -> bool:
        """An optimiser's step in one pass; see `Backend.update`."""
        return self.updates.run(rule, p, g, slots, numbers)
