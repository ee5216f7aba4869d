"""What a review of the numbers on "cuda-sim" found wrong: each of these failed once.

Most were faults of the table that all devices with kernels share, so these tests run on them all.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from devices import DEVICES, WITH_KERNELS
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend

each_device = pytest.mark.parametrize("device", WITH_KERNELS)
A = np.arange(1.0, 13.0).reshape(3, 4)


def leaf(array: Any, device: str) -> tg.Tensor:
    """The very array as a tensor: `tg.tensor` would put it in C order, and masks in order."""
    return tg.Tensor(array, get_backend(device), array.dtype.kind == "f")


# --- ops whose functions hand on what they were given ---------------------------------------------


@tg.op(elementwise=True)
def reversing(x):  # type: ignore[no-untyped-def]
    """y = x, with a gradient that is turned round."""
    return x


@reversing.vjp
def _(dy, y, x):  # type: ignore[no-untyped-def]
    return -dy


@tg.op(elementwise=True)
def second_of(a, b):  # type: ignore[no-untyped-def]
    """y = b."""
    return b


@second_of.vjp
def _(dy, y, a, b):  # type: ignore[no-untyped-def]
    return None, dy


@tg.op(elementwise=True)
def wrong_slopes(a, b):  # type: ignore[no-untyped-def]
    """y = a b, with a VJP that forgets dy."""
    return a * b


@wrong_slopes.vjp
def _(dy, y, a, b):  # type: ignore[no-untyped-def]
    return b, a


@tg.op(elementwise=True)
def counted_slopes(a, b):  # type: ignore[no-untyped-def]
    """y = a b, with a mask for a gradient."""
    return a * b


@counted_slopes.vjp
def _(dy, y, a, b):  # type: ignore[no-untyped-def]
    return a > 3, dy


@each_device
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_op_whose_value_is_its_operand_gives_it(device: str, dtype: str) -> None:
    x = leaf(A.astype(dtype), device)
    y = reversing(x)
    assert y.numpy().dtype == dtype and np.array_equal(y.numpy(), A)
    (dx,) = tg.grad(y, [x], A.astype(dtype))
    assert np.array_equal(dx.numpy(), -A)


@each_device
def test_a_smaller_operand_is_handed_on_as_small_as_it_is(device: str) -> None:
    a, b = leaf(A, device), leaf(A[0], device)
    y = second_of(a, b)
    assert np.array_equal(y.numpy(), second_of(A, A[0]))
    assert np.array_equal(tg.grad(y, [b], A[1])[0].numpy(), A[1])


@each_device
@pytest.mark.parametrize("fuse", [True, False])
def test_such_an_op_can_be_captured(device: str, fuse: bool) -> None:
    captured = tg.capture(lambda x: reversing(x * 2) * 3, device=device, fuse=fuse)
    for scale in (1.0, 2.0):
        assert np.array_equal(captured(leaf(A * scale, device).detach()).numpy(), A * scale * 6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((3, 1), (3, 4)), ((0, 4), (4,))])
def test_a_gradient_of_another_shape_is_an_error(device: str, shapes: tuple[Any, Any]) -> None:
    a, b = (leaf(np.ones(shape), device) for shape in shapes)
    with pytest.raises(tg.ShapeError, match="VJP of wrong_slopes"):
        tg.grad(wrong_slopes(a, b), [a, b], np.ones(np.broadcast_shapes(*shapes)))


@pytest.mark.parametrize("device", DEVICES)
def test_a_mask_for_a_gradient_counts_as_zeros_and_ones(device: str) -> None:
    a, b = leaf(A, device), leaf(A, device)
    da, db = tg.grad(counted_slopes(a, b), [a, b], A)
    assert da.numpy().dtype == float and np.array_equal(da.numpy(), A > 3)
    assert np.array_equal(db.numpy(), A)


# --- parameters that are equal and not the same ---------------------------------------------------


@tg.op(elementwise=True)
def flagged(x, *, n):  # type: ignore[no-untyped-def]
    """y = 3 x for a flag, else n x."""
    if n is True:
        return 3 * x
    return n * x


@flagged.vjp
def _(dy, y, x, *, n):  # type: ignore[no-untyped-def]
    return dy * n


@each_device
def test_true_is_not_one(device: str) -> None:
    x = leaf(A, device)
    found = [flagged(x, n=n).numpy() for n in (True, 1, True)]
    assert [f[0, 0] for f in found] == [3, 1, 3]


def refuses(call: Callable[[], Any]) -> bool:
    try:
        call()
    except TypeError:
        return True
    return False


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("axis", [True, False, (True,), 1.0, (0, 1.0)])
def test_only_whole_numbers_are_axes(device: str, axis: Any) -> None:
    x = leaf(A, device)
    x.sum(axis=1), x.sum(axis=(0, 1)), tg.softmax(x, axis=1)
    assert refuses(lambda: x.sum(axis=axis))
    assert refuses(lambda: x.mean(axis=axis))
    if not isinstance(axis, tuple):
        assert refuses(lambda: tg.softmax(x, axis=axis)) == refuses(lambda: A.max(axis=axis))
        assert refuses(lambda: tg.log_softmax(x, axis=axis)) == refuses(lambda: A.max(axis=axis))


@pytest.mark.parametrize("device", DEVICES)
def test_keepdims_is_a_flag(device: str) -> None:
    x: Any = leaf(A, device)
    for keepdims in (None, "yes"):
        with pytest.raises(TypeError):
            x.sum(axis=0, keepdims=keepdims)
    assert x.sum(axis=0, keepdims=1).shape == (1, 4)


# --- numbers at the border of 64 bits, bytes that are no 0 or 1 -----------------------------------

calls = st.integers(-(2**63) - 9, 2**65) | st.sampled_from([2**32, 2**63 - 1, 2**63, -(2**63) - 1])


@each_device
@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**64 - 1) | st.sampled_from([2**31, 2**63 - 1, 2**63]),
    calls,
    st.sampled_from([0.0, 0.5, 1 - 2.0**-32, 1 - 2.0**-53]),
    st.integers(0, 9),
)
def test_dropout_draws_the_same_mask_for_any_call(
    device: str, seed: int, call: int, p: float, size: int
) -> None:
    x = np.ones(size)
    found = [tg.dropout(leaf(x, on), p=p, seed=seed, call=call).numpy() for on in ("numpy", device)]
    assert np.array_equal(*found)


@each_device
@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=12, max_size=12))
def test_every_byte_of_a_mask_but_0_is_true(device: str, data: bytes) -> None:
    mask = np.frombuffer(data, np.uint8).reshape(3, 4)
    m, x = leaf(mask.view(bool), device), leaf(A, device)
    assert np.array_equal((x * m).numpy(), A * (mask != 0))
    assert np.array_equal(tg.where(m, x, -x).numpy(), np.where(mask != 0, A, -A))


def test_the_ops_here_have_sources() -> None:
    """A loop is made of an op's source: without one these tests would see formulas alone."""
    assert "3 * x" in inspect.getsource(flagged.forward)
