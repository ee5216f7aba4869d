"""What holds for every op whatever its formula: number types, NaN, memory layout, pruning."""

from typing import Any

import numpy as np
import pytest
from devices import each_device
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, gradients, is_float, plain, run, tensors

import tinygrad_ed as tg


def close(a: Any, b: Any, relative: float) -> None:
    """Equal up to rounding of the largest entry."""
    size = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    np.testing.assert_allclose(a, b, rtol=relative, atol=relative * size)


@each_device
@each_op
@examples(3)
@given(data=st.data())
def test_float32_stays_float32_forward_and_backward(name: str, device: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    if name == "astype":
        params = {"dtype": "float32"}
    y, slopes = run(name, (operands, params), device=device, dtype=np.float32)
    assert y.dtype == np.float32
    assert [g.dtype for g in slopes] == [np.float32] * len(slopes)
    exact, exact_slopes = run(name, (operands, params), device=device)
    close(y, exact, 1e-5)
    for g, right in zip(slopes, exact_slopes, strict=True):
        close(g, right, 1e-4)


def test_a_cast_gradient_comes_back_in_the_operands_own_type() -> None:
    x = tg.tensor(np.ones(3, np.float32), requires_grad=True)
    assert tg.grad(x.astype("float64").sum(), x).dtype == np.float32
    z = tg.tensor(np.ones(3), requires_grad=True)
    assert tg.grad(z.astype("float32").sum(), z).dtype == np.float64


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.nan_from])
@examples(6)
@given(data=st.data())
def test_nan_in_gives_nan_out(name: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    wanted: tuple[int, ...] = CASES[name].nan_from  # type: ignore[assignment]
    for k in wanted:
        poisoned = [np.array(x) if isinstance(x, np.ndarray) else x for x in operands]
        if not poisoned[k].size:
            continue
        poisoned[k].flat[data.draw(st.integers(0, poisoned[k].size - 1))] = np.nan
        y = np.asarray(tg.registry[name](*poisoned, **params))
        assert not y.size or np.any(np.isnan(y))


@each_device
@each_op
@examples(4)
@given(data=st.data())
def test_an_op_sees_numbers_not_their_place_in_memory(name: str, device: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    packed = [np.array(x, order="C") if isinstance(x, np.ndarray) else x for x in operands]
    strided, straight = (run(name, (xs, params), device=device) for xs in (operands, packed))
    close(strided[0], straight[0], 1e-14)
    for a, b in zip(strided[1], straight[1], strict=True):
        close(a, b, 1e-14)


@each_op
@examples(3)
@given(data=st.data())
def test_an_op_changes_none_of_its_operands(name: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    before = [np.copy(x) if isinstance(x, np.ndarray) else x for x in plain(operands)]
    run(name, (operands, params))
    for x, copy in zip(plain(operands), before, strict=True):
        np.testing.assert_array_equal(x, copy)


@each_device
@pytest.mark.parametrize(
    "name", [n for n, op in tg.registry.items() if len(op.operand_names) > 1 or op.variadic]
)
@examples(4)
@given(data=st.data())
def test_one_gradient_alone_is_what_it_is_among_all(name: str, device: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    _, together = run(name, (operands, params), device=device)
    floats = [k for k, x in enumerate(operands) if is_float(x)]
    for k, expected in zip(floats, together, strict=True):
        _, alone = run(name, (operands, params), device=device, wanted=k)
        if device == "numpy":
            np.testing.assert_array_equal(alone[0], expected)
        else:  # a kernel may serve one set of operands and the formula another
            np.testing.assert_allclose(alone[0], expected, rtol=1e-12, atol=1e-300)


@each_op
@examples(3)
@given(data=st.data())
def test_the_recorded_backward_pass_gives_the_same_gradient(name: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    inputs = tensors(operands)
    y = tg.registry[name](*inputs, **params)
    recorded = gradients(y, inputs, create_graph=True)
    for a, b in zip(recorded, gradients(y, inputs), strict=True):
        np.testing.assert_array_equal(a, b)
