"""What cannot be captured says so, at the user's line, with what to do."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits, batches, classifier

import tinygrad_ed as tg
from tinygrad_ed import CaptureError, nn


def line_of(function: Callable[..., Any], words: str) -> str:
    """ "file.py:12" for the line of a function with these words."""
    lines, start = inspect.getsourcelines(function)
    k = next(k for k, line in enumerate(lines) if words in line)
    return f"test_refusals.py:{start + k}"


def x(k: float = 1.0, n: int = 3) -> tg.Tensor:
    return tg.tensor(np.full(n, k, np.float32), device="cpu")


W = nn.Parameter(np.ones(3), device="cpu", name="W")
other = nn.Parameter(np.ones(3), device="cpu", name="V")


def changing() -> dict[str, tuple[Callable[..., Any], str, str]]:
    """Steps that compute something else each time, words of the line and of the message."""
    calls = iter(range(100))
    rng = np.random.default_rng(0)

    def another_op(x: Any) -> Any:
        y = tg.tanh(x * W) if next(calls) % 2 else tg.exp(x * W)  # here
        return y.sum()

    def one_op_more(x: Any) -> Any:
        y = x * W
        if next(calls) % 2:
            y = y + W  # here
        return y

    def a_number(x: Any) -> Any:
        return x * W * float(next(calls))  # here

    def a_whole_number(x: Any) -> Any:
        return (x * W)[next(calls) % 2]  # here

    def a_new_array(x: Any) -> Any:
        noise = tg.tensor(rng.standard_normal(3).astype("float32"), device="cpu")
        return (x + noise) * W  # here

    def a_numpy_array(x: Any) -> Any:
        return x * W * rng.standard_normal(3).astype("float32")  # here

    def another_parameter(x: Any) -> Any:
        return x * (W if next(calls) % 2 else other)  # here

    def an_index(x: Any) -> Any:
        return (x * W)[rng.permutation(3)]  # here

    def another_seed(x: Any) -> Any:
        return tg.dropout(x * W, p=0.5, seed=next(calls))  # here

    def another_result(x: Any) -> Any:
        a, b = x * W, x + W
        return a if next(calls) % 2 else b

    def a_returned_number(x: Any) -> Any:
        return (x * W).sum(), next(calls)

    return {
        f.__name__: (f, words, message)
        for f, words, message in (
            (another_op, "# here", "computed where the first run computed"),
            (one_op_more, "# here", "one run only"),
            (a_number, "# here", "must be an argument"),
            (a_whole_number, "# here", "another array|given"),
            (a_new_array, "# here", "made anew with other values"),
            (a_numpy_array, "# here", "made anew with other values"),
            (another_parameter, "# here", "another parameter"),
            (an_index, "# here", "made anew with other values"),
            (another_seed, "# here", "must be an argument"),
            (another_result, "", "what the step returns works on another array"),
            (a_returned_number, "", "what the step returns was given"),
        )
    }


@pytest.mark.parametrize("name", changing())
def test_a_step_that_computes_something_else_each_time(name: str) -> None:
    step, words, message = changing()[name]
    captured = tg.capture(step)
    captured(x())
    with pytest.raises(CaptureError, match=message) as error:
        captured(x(2))
    assert name in str(error.value) and "does not compute the same each time" in str(error.value)
    if words:
        assert line_of(step, words) in str(error.value)


def test_the_same_constant_made_each_time_is_no_change() -> None:
    def step(x: Any) -> Any:
        return x * tg.tensor(np.arange(3, dtype=np.float32), device="cpu") + np.float32(2) * W

    captured = tg.capture(step)
    for k in range(4):
        assert_same_bits(step(x(k)).detach(), captured(x(k)))
    assert captured.program is not None


def looking() -> dict[str, tuple[Callable[..., Any], str]]:
    def item(x: Any) -> Any:
        return (x * W).sum().item()  # here

    def number(x: Any) -> Any:
        return float((x * W).sum())  # here

    def truth(x: Any) -> Any:
        return x if (x * W).sum() > 0 else W  # here

    def array(x: Any) -> Any:
        return (x * W).numpy()  # here

    def data(x: Any) -> Any:
        return W.data  # here

    def entry(x: Any) -> Any:
        x[0] = 1.0  # here
        return x

    def assigned(x: Any) -> Any:
        W.data = np.zeros(3)  # here
        return x

    def moved(x: Any) -> Any:
        with tg.no_grad():
            W.__isub__(x)  # here
        return x

    def shown(x: Any) -> Any:
        print(x * W)  # here
        return x

    optimizer = tg.optim.SGD([nn.Parameter(np.ones(2), device="cpu")], lr=0.1)

    def schedule(x: Any) -> Any:
        optimizer.param_groups[0]["lr"] *= 0.5  # here
        return x

    def restored(x: Any) -> Any:
        optimizer.load_state_dict(optimizer.state_dict())  # here
        return x

    return {
        f.__name__: (f, message)
        for f, message in (
            *((f, "return the tensor from the step") for f in (item, number, array, data, shown)),
            (truth, "return the tensor from the step"),
            *((f, "writes in place") for f in (entry, assigned, moved)),
            *((f, "do it between two steps") for f in (schedule, restored)),
        )
    }


@pytest.mark.parametrize("name", looking())
def test_looking_and_writing_inside_name_the_line_and_what_to_do(name: str) -> None:
    step, message = looking()[name]
    captured = tg.capture(step)
    with pytest.raises(CaptureError, match=message) as error:
        captured(x())
    assert str(error.value).startswith(line_of(step, "# here"))
    assert tg.tensor([1.0]).item() == 1.0, "outside, everything is allowed again"


def test_two_devices() -> None:
    there = nn.Parameter(np.ones(3))

    def inside(x: Any) -> Any:
        return (x * W).sum() + (there * there).sum().to("cpu")  # here

    with pytest.raises(CaptureError, match="device 'cpu' and meets a tensor on 'numpy'") as error:
        tg.capture(inside)(x())
    assert line_of(inside, "# here") in str(error.value)
    with pytest.raises(CaptureError, match=r"move it with .to\('cpu'\)"):
        tg.capture(lambda x: x)(tg.ones(3))


def test_a_captured_step_inside_another() -> None:
    inner = tg.capture(lambda x: x * W)
    for k in range(4):
        inner(x(k))

    def outer(x: Any) -> Any:
        return inner(x).sum()  # here

    with pytest.raises(CaptureError, match="inside another") as error:
        tg.capture(outer)(x())
    assert line_of(outer, "# here") in str(error.value)
    assert_same_bits(inner(x(3)), x(3) * W.detach())


@pytest.mark.parametrize("number", [0.5, 3, True])
def test_a_python_number_as_an_argument(number: Any) -> None:
    with pytest.raises(CaptureError, match=r"argument 2 of the step is .*Pass an array"):
        tg.capture(lambda x, k: x * k)(x(), number)


def test_an_argument_that_requires_a_gradient() -> None:
    with pytest.raises(CaptureError, match=r"requires a gradient.*\.detach\(\)"):
        tg.capture(lambda x: x)(W)


def test_a_result_that_no_program_can_make_anew() -> None:
    with pytest.raises(CaptureError, match="returns a object"):
        tg.capture(lambda x: object())(x())


def test_a_step_that_changes_its_own_ground_each_time() -> None:
    layer = nn.Linear(3, 1, device="cpu")
    calls = iter(range(100))

    def step(x: Any) -> Any:
        layer.train(next(calls) % 2 == 0)
        return layer(x)

    captured = tg.capture(step)
    with pytest.raises(CaptureError, match="changes each time"):
        for _ in range(20):
            captured(tg.ones((2, 3), device="cpu"))


def test_without_a_tape_it_says_what_the_eager_step_says() -> None:
    t = classifier(sizes=(6, 5, 1))
    step = tg.capture(t.step)
    batch = batches(1, 8, 6)[0]
    for _ in range(3):
        step(*batch)
    with tg.no_grad(), pytest.raises(tg.TapeError, match="not recorded"):
        step(*batch)
    program = step.program
    step(*batch)
    assert step.program is program


def test_an_error_of_the_users_own_leaves_nothing_behind() -> None:
    broken = True

    def step(x: Any) -> Any:
        if broken:
            raise KeyError("mine")
        return x * W

    captured = tg.capture(step)
    for _ in range(3):
        with pytest.raises(KeyError, match="mine"):
            captured(x())
        assert tg.tensor([2.0]).item() == 2.0
    broken = False
    for k in range(3):
        assert_same_bits(captured(x(k)), x(k) * W.detach())
    assert captured.program is not None
