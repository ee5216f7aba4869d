"""The tape: what is recorded, walked, refused and freed."""

import threading

import numpy as np
import pytest

import tinygrad_ed as tg


def leaf(*values: float, name: str | None = None) -> tg.Tensor:
    return tg.tensor(np.array(values, dtype=np.float64), requires_grad=True, name=name)


def test_gradients_of_two_paths_add_up() -> None:
    x = leaf(3.0)
    (x * x + 2 * x).sum().backward()
    assert x.grad is not None and x.grad.numpy() == [2 * 3.0 + 2]


def test_leaves_accumulate_over_backward_passes() -> None:
    x = leaf(1.0, 2.0)
    for _ in range(3):
        (x * x).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), 3 * 2 * x.numpy())


def test_only_leaves_get_gradients_unless_asked() -> None:
    x = leaf(0.5)
    y, z = tg.exp(x), None
    z = tg.sin(y).retain_grad()
    (z * z).sum().backward()
    assert y.grad is None
    assert z.grad is not None and z.grad.item() == 2 * np.sin(np.exp(0.5))


def test_a_gradient_owns_its_memory() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + y).sum().backward()
    assert x.grad is not None and y.grad is not None
    assert not np.may_share_memory(x.grad._array, y.grad._array)
    assert x.grad._array.flags.writeable


def test_broadcast_operands_get_the_sum_over_the_axes_they_were_spread_along() -> None:
    a = tg.tensor(np.ones((2, 3, 4)), requires_grad=True)
    b = tg.tensor(np.full((3, 1), 2.0), requires_grad=True)
    (a * b).sum().backward()
    assert a.grad is not None and b.grad is not None
    assert a.grad.shape == (2, 3, 4) and b.grad.shape == (3, 1)
    np.testing.assert_array_equal(b.grad.numpy(), np.full((3, 1), 8.0))


def test_mixed_precision_gradients_come_back_in_the_operands_type() -> None:
    a = tg.tensor([1.0, 2.0], requires_grad=True)
    b = leaf(3.0, 4.0)
    (a * b).sum().backward()
    assert a.grad is not None and a.grad.dtype == np.float32
    assert b.grad is not None and b.grad.dtype == np.float64


def test_grad_returns_derivatives_of_any_order() -> None:
    x = leaf(0.7)
    first = tg.grad(tg.sin(x).sum(), x, create_graph=True)
    second = tg.grad(first.sum(), x, create_graph=True)
    third = tg.grad(second.sum(), x)
    assert first.item() == np.cos(0.7)
    assert second.item() == -np.sin(0.7)
    assert third.item() == -np.cos(0.7)


def test_grad_reaches_inner_tensors_and_leaves_nothing_behind() -> None:
    x = leaf(2.0)
    y = x * x
    dy, dx = tg.grad((y * y).sum(), [y, x])
    assert dy.item() == 2 * 4.0 and dx.item() == 4 * 8.0
    assert x.grad is None


def test_detach_and_no_grad_cut_the_tape() -> None:
    x = leaf(2.0)
    y = x.detach() * x
    y.sum().backward()
    assert x.grad is not None and x.grad.item() == 2.0
    with tg.no_grad():
        z = x * x
    assert not z.requires_grad and z.op is None
    assert (x * x).requires_grad


def test_no_grad_is_a_matter_of_the_thread() -> None:
    seen = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_recording()))
        thread.start()
        thread.join()
        assert not tg.is_recording()
    assert seen == [True]


def test_a_seed_is_the_upstream_gradient() -> None:
    x = leaf(1.0, 2.0)
    (x * x).backward(seed=[1.0, 10.0])
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 40.0])


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: (leaf(1.0, 2.0) * 2).backward(), tg.ShapeError, ["scalar", "2 entries", "seed"]),
        (lambda: (leaf(1.0, 2.0) * 2).backward(seed=np.ones(3)), tg.ShapeError, ["(3,)", "(2,)"]),
        (lambda: tg.tensor([1.0]).sum().backward(), tg.TapeError, ["requires_grad"]),
        (lambda: tg.grad(leaf(1.0).sum(), leaf(2.0)), tg.TapeError, ["does not depend"]),
        (lambda: tg.tensor(np.arange(3), requires_grad=True), tg.DTypeError, ["int64", "float32"]),
        (
            lambda: tg.tensor(np.array([1j]), requires_grad=True),
            tg.DTypeError,
            ["complex128", "float"],
        ),
        (lambda: tg.tensor([[1.0, 2.0], [3.0]]), tg.ShapeError, ["different lengths"]),
        (lambda: tg.tensor(["a"]), tg.DTypeError, ["numbers"]),
        (lambda: tg.tensor([1.0], device="gpu"), tg.DeviceError, ["'gpu'", "numpy", "cuda"]),
        (
            lambda: tg.matmul(leaf(1.0), tg.tensor([1.0], requires_grad=True)),
            tg.DTypeError,
            ["float64", "float32"],
        ),
        (
            lambda: tg.tensor(np.ones((2, 3))) @ tg.tensor(np.ones((4, 2))),
            tg.ShapeError,
            ["(2, 3)", "(4, 2)"],
        ),
        (
            lambda: leaf(1.0, 2.0) + leaf(1.0, 2.0, 3.0),
            tg.ShapeError,
            ["add", "(2,)", "(3,)"],
        ),
        (
            lambda: tg.tensor([1.0]) + tg.tensor([1.0], device="cpu"),
            tg.DeviceError,
            ["numpy", "cpu", ".to("],
        ),
        (lambda: bool(leaf(1.0, 2.0)), tg.ShapeError, ["ambiguous", "2 entries"]),
        (lambda: np.fft.fft(leaf(1.0)), TypeError, ["np.fft", "differentiable"]),
    ],
)
def test_errors_teach(act, error, words) -> None:  # type: ignore[no-untyped-def]
    if "cpu" in words:
        pytest.importorskip("numba")
    with pytest.raises(error) as caught:
        act()
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_a_second_backward_is_an_error_and_adds_nothing() -> None:
    x = leaf(2.0)
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(tg.TapeError, match="twice"):
        loss.backward()
    assert x.grad is not None and x.grad.item() == 4.0


def test_retain_graph_allows_a_second_backward() -> None:
    x = leaf(2.0)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad is not None and x.grad.item() == 8.0


def test_changing_a_saved_operand_is_noticed_and_the_writer_named() -> None:
    w = leaf(1.0, name="W1")
    loss = (w * w).sum()
    with tg.no_grad():
        w -= 0.1
    with pytest.raises(tg.TapeError, match=r"W1.*-="):
        loss.backward()
    assert w.grad is None


@pytest.mark.parametrize("write", ["view", "data", "setitem"])
def test_views_share_the_version_of_what_they_look_at(write: str) -> None:
    x = tg.tensor(np.arange(4.0))
    w = leaf(1.0, 2.0, 3.0, 4.0)
    view = x.reshape(2, 2)
    loss = (view * w.reshape(2, 2)).sum()
    if write == "view":
        view[0, 0] = 9.0
    elif write == "data":
        x.data = np.zeros(4)
    else:
        x[1] = 5.0
    with pytest.raises(tg.TapeError, match="changed in place"):
        loss.backward()


def test_a_parameter_changes_in_place_only_outside_the_tape() -> None:
    w = leaf(1.0)
    with pytest.raises(tg.TapeError, match="no_grad"):
        w -= 0.5
    with pytest.raises(tg.TapeError, match="no_grad"):
        w[0] = 2.0
    same = w
    with tg.no_grad():
        w -= 0.5
    assert w is same and w.item() == 0.5
    with pytest.raises(tg.TapeError, match="recorded result"):
        (w * 2)[0] = 1.0


def test_the_caller_may_change_its_array_afterwards() -> None:
    a, w = np.array([1.0, 2.0]), leaf(3.0, 4.0)
    t, loss = tg.tensor(a), (w * a).sum()
    a[:] = 100.0
    loss.backward()
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.numpy(), [1.0, 2.0])
    np.testing.assert_array_equal(t.numpy(), [1.0, 2.0])


def test_data_and_numpy_are_read_only_views() -> None:
    t = leaf(1.0)
    for view in (t.data, t.numpy()):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 2.0


def test_a_wrong_vjp_shape_names_the_op() -> None:
    @tg.op
    def doubled(x):  # type: ignore[no-untyped-def]
        return 2 * x

    @doubled.vjp
    def _(dy, y, x):  # type: ignore[no-untyped-def]
        return (2 * dy)[:1]

    with pytest.raises(tg.ShapeError, match=r"doubled.*\(1,\)"):
        doubled(leaf(1.0, 2.0)).sum().backward()


def test_a_failing_backward_changes_no_gradient() -> None:
    @tg.op
    def broken(x):  # type: ignore[no-untyped-def]
        return x * 1.0

    @broken.vjp
    def _(dy, y, x):  # type: ignore[no-untyped-def]
        raise ZeroDivisionError

    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(ZeroDivisionError):
        (broken(x) + y).sum().backward()
    assert x.grad is None and y.grad is None


def test_a_forgotten_zero_grad_is_noticed_at_the_next_backward() -> None:
    w = leaf(1.0, name="W1")
    optimizer = tg.optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    (w * w).sum().backward()  # two losses for one step: on purpose, no warning
    optimizer.step()
    with pytest.warns(tg.StaleGradientWarning, match=r"W1.*zero_grad") as caught:
        (w * w).sum().backward()
    assert caught[0].filename == __file__
    optimizer.zero_grad()
    (w * w).sum().backward()
    optimizer.step()


def test_the_caller_may_change_an_index_array_afterwards() -> None:
    x, index = leaf(1.0, 2.0, 3.0), np.array([0, 2])
    loss = x[index].sum()
    index[:] = 1
    loss.backward()
    assert x.grad is not None and x.grad.numpy().tolist() == [1.0, 0.0, 1.0]


def test_backward_with_create_graph_can_be_differentiated_again() -> None:
    x = leaf(0.5)
    (x * x * x).sum().backward(create_graph=True)
    first = x.grad
    assert first is not None and first.item() == 3 * 0.25
    x.grad = None
    first.sum().backward()
    assert x.grad is not None and x.grad.item() == 6 * 0.5


def test_iterating_over_a_tensor_gives_its_rows_on_the_tape() -> None:
    x = leaf(1.0, 2.0, 3.0)
    total = sum(k * row for k, row in enumerate(x))
    assert isinstance(total, tg.Tensor)
    total.backward()
    assert x.grad is not None and x.grad.numpy().tolist() == [0.0, 1.0, 2.0]
