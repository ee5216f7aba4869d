"""What is recorded and when: kernels that decline, the clock of writes, no_grad, late freezing."""

import threading
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.backends import Backend
from tinygrad_ed.backends.base import Kernels


def leaf(*values: float, name: str | None = None) -> tg.Tensor:
    return tg.tensor(np.array(values, dtype=np.float64), requires_grad=True, name=name)


class Declining:
    """A kernel for matrices of two rows and nothing else; it says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def forward(self, arrays: Any, params: Any) -> Any:
        self.asked.append(tuple(np.shape(arrays[0])))
        return np.maximum(arrays[0], 0) if np.shape(arrays[0])[:1] == (2,) else None

    def vjp(self, dy: Any, y: Any, arrays: Any, needs: Any, params: Any, homes: Any = None) -> Any:
        return (dy * (y > 0),) if np.shape(y)[:1] == (2,) else None


def test_where_a_kernel_declines_the_formula_runs_with_its_checks() -> None:
    kernel = Declining()
    backend = Backend("some kernels", Kernels({tg.relu: kernel}))
    for rows in (2, 3):
        z = tg.Tensor(np.arange(-2.0, rows - 2), backend, requires_grad=True)
        tg.relu(z).sum().backward()
        assert z.grad is not None
        np.testing.assert_array_equal(z.grad.numpy(), z.numpy() > 0)
    assert kernel.asked == [(2,), (3,)]


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda a: tg.linear(a((2, 3)), a((4, 5))), tg.ShapeError, ["(2, 3)", "(4, 5)", "(N, D)"]),
        (lambda a: tg.linear(a((2, 3)), a((3, 5)), a((4,))), tg.ShapeError, ["b (4,)"]),
        (lambda a: tg.linear(a((3,)), a((3, 5))), tg.ShapeError, ["X (3,)"]),
        (
            lambda a: tg.linear(a((2, 3)), a((3, 5)), activation="swish"),
            ValueError,
            ["'swish'", "'relu'"],
        ),
        (
            lambda a: tg.linear(a((2, 3)), a((3, 5)).astype("float32")),
            tg.DTypeError,
            ["float64", "float32"],
        ),
        (
            lambda a: tg.linear(a((2, 3)), a((3, 5)), a((5,)).astype("float32")),
            tg.DTypeError,
            ["float64", "float32"],
        ),
    ],
)
def test_operands_that_do_not_fit_are_explained_alike_with_and_without_kernels(
    act: Any, error: type[Exception], words: list[str]
) -> None:
    pytest.importorskip("numba")
    messages = []
    for device in ("numpy", "cpu"):
        with pytest.raises(error) as caught:
            act(lambda shape, device=device: tg.tensor(np.ones(shape), device=device))
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and all(word in messages[0] for word in words)


def test_a_write_before_the_op_is_no_reason_to_refuse() -> None:
    x, w = tg.tensor(np.ones(2)), leaf(1.0, 2.0)
    x[0] = 5.0
    loss = (w * x).sum()
    loss.backward()
    assert w.grad is not None and w.grad.numpy().tolist() == [5.0, 1.0]


@pytest.mark.parametrize("look", [lambda x: x.detach(), lambda x: x.reshape(2, 1), lambda x: x[:1]])
def test_views_made_before_and_after_the_op_share_the_clock(look: Any) -> None:
    for early in (True, False):
        x, w = tg.tensor(np.ones(2)), leaf(1.0, 2.0)
        seen = look(x) if early else None
        loss = (w * x).sum()
        seen = look(x) if seen is None else seen
        seen[0] = 9.0
        with pytest.raises(tg.TapeError, match=r"changed in place by t\[...\] = ..."):
            loss.backward()


def test_a_parameter_frozen_after_the_forward_pass_gets_no_gradient() -> None:
    w, v = leaf(1.0), leaf(2.0)
    loss = (w * v).sum()
    v.requires_grad = False
    loss.backward()
    assert w.grad is not None and v.grad is None


def test_what_required_no_gradient_when_it_was_used_gets_none() -> None:
    w, v = leaf(1.0), tg.tensor(np.array([2.0]))
    loss = (w * v).sum()
    v.requires_grad = True
    loss.backward()
    assert w.grad is not None and w.grad.item() == 2.0 and v.grad is None


def test_one_no_grad_may_be_entered_again_inside_itself() -> None:
    off = tg.no_grad()
    with off:
        with off:
            assert not tg.is_recording()
        assert not tg.is_recording()
    assert tg.is_recording()


def test_a_function_without_gradients_may_call_itself_in_several_threads() -> None:
    @tg.no_grad()
    def down(n: int) -> bool:
        return not tg.is_recording() and (n == 0 or down(n - 1))

    answers: list[bool] = []

    def work() -> None:
        answers.extend([all(down(20) for _ in range(50)), tg.is_recording()])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8 and tg.is_recording()


def test_an_error_inside_no_grad_switches_recording_on_again() -> None:
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        raise ZeroDivisionError
    assert tg.is_recording()


def test_gradients_meet_in_a_node_before_it_is_left_whatever_the_shape_of_the_graph() -> None:
    """Random graphs with many paths, against the forward-mode derivative."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        x = leaf(rng.standard_normal())
        values, slopes = [x], [1.0]
        for _ in range(25):
            i, j = rng.integers(len(values), size=2)
            a, b = 0.5, rng.standard_normal()
            values.append(a * values[i] + b * values[j])
            slopes.append(a * slopes[i] + b * slopes[j])
        total: Any = sum(values[1:], start=x)
        total.sum().backward()
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.item(), sum(slopes), rtol=1e-12)


def test_the_upstream_one_cannot_be_changed_through_a_gradient() -> None:
    x = tg.tensor(np.array(3.0), requires_grad=True)
    first = tg.grad(x, x)
    second = tg.grad(x, x, create_graph=True)
    for gradient in (first, second):
        with tg.no_grad():
            gradient[...] = 7.0
    assert tg.grad(x, x).item() == 1.0
