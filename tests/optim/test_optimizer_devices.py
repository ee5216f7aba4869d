"""An optimiser works on arrays that are not NumPy's, and does not move them to the host.

CI has no GPU, so a strict stand-in takes the place of CuPy's array: it answers NumPy's protocols,
and refuses conversion to NumPy and mixing with NumPy arrays, as CuPy does.
"""

from typing import Any

import numpy as np
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin

import tinygrad_ed as tg
from tinygrad_ed.backends import Backend
from tinygrad_ed.optim import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp


class StrictArray(NDArrayOperatorsMixin):
    """An array elsewhere."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("implicit conversion to a NumPy array")

    @staticmethod
    def inside(value: Any) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            raise TypeError("a NumPy array among device arrays")
        return value.values if isinstance(value, StrictArray) else value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return StrictArray(getattr(ufunc, method)(*map(self.inside, inputs), **kwargs))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return StrictArray(function(*map(self.inside, args), **kwargs))

    def __getitem__(self, index: Any) -> Any:
        return StrictArray(self.values[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.values[index] = self.inside(value)

    def reshape(self, *shape: Any) -> Any:
        return StrictArray(self.values.reshape(*shape))

    dtype = property(lambda self: self.values.dtype)
    shape = property(lambda self: self.values.shape)
    size = property(lambda self: self.values.size)


class StrictBackend(Backend):
    def asarray(self, data: Any, dtype: Any = None) -> Any:
        return StrictArray(np.array(data, dtype))

    def to_numpy(self, array: Any) -> Any:
        return array.values.copy()


ELSEWHERE = StrictBackend("elsewhere")
CASES: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (AdaGrad, {"weight_decay": 0.1, "initial_accumulator_value": 0.1}),
    (RMSProp, {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    (Adam, {"amsgrad": True, "weight_decay": 0.1}),
    (AdamW, {"amsgrad": True}),
]


@pytest.mark.parametrize(("make", "hypers"), CASES, ids=[make.__name__ for make, _ in CASES])
def test_device_arrays_are_trained_saved_and_loaded_with_the_bits_of_numpy(
    make: Any, hypers: Any
) -> None:
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype(np.float32) for shape in [(2, 3), (), (4,)]]
    there = [tg.Tensor(ELSEWHERE.asarray(a), ELSEWHERE, requires_grad=True) for a in start]
    here = [tg.tensor(a, requires_grad=True) for a in start]
    far, near = make(there, **hypers), make(here, **hypers)
    for step in range(6):
        if step == 3:  # into fresh memory, over the host
            state = far.state_dict()
            far = make(there, **hypers)
            far.load_state_dict(state)
        for i, (p, q) in enumerate(zip(there, here, strict=True)):
            g = rng.normal(size=q.shape).astype(np.float32)
            p.grad = None if step == 1 == i else tg.Tensor(ELSEWHERE.asarray(g), ELSEWHERE)
            q.grad = None if step == 1 == i else tg.tensor(g)
        far.step()
        near.step()
    for p, q in zip(there, here, strict=True):
        assert isinstance(p._array, StrictArray)
        np.testing.assert_array_equal(ELSEWHERE.to_numpy(p._array), q.numpy())


def test_parameters_on_two_devices_train_side_by_side() -> None:
    p = tg.tensor(np.ones(2), requires_grad=True)
    q = tg.tensor(np.ones(3), requires_grad=True, device="cpu")
    optimiser = SGD([p, q], lr=0.5)
    p.grad, q.grad = tg.tensor(np.ones(2)), tg.tensor(np.ones(3), device="cpu")
    optimiser.step()
    assert (p.device, q.device) == ("numpy", "cpu")
    np.testing.assert_array_equal(p.numpy(), [0.5, 0.5])
    np.testing.assert_array_equal(q.numpy(), [0.5, 0.5, 0.5])
