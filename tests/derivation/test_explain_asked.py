"""What is asked of `explain`: which tensor, which entry, from what; and what it refuses."""

import numpy as np
import pytest
from derivation import printed

import tinygrad_ed as tg
from tinygrad_ed.derivation.chain import LONGEST, in_one_formula, length_in_one
from tinygrad_ed.errors import CaptureError, ShapeError, TapeError


def leaf(values: object, name: str | None = None) -> tg.Tensor:
    return tg.tensor(np.array(values, dtype=float), requires_grad=True, name=name)


def network() -> tuple[tg.Tensor, tg.Tensor, tg.Tensor]:
    x = tg.tensor(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), name="x")
    w, b = leaf(np.arange(6).reshape(3, 2) / 10, "0.W"), leaf([0.1, -0.2], "0.b")
    loss = tg.mean(tg.tanh(x @ w + b))
    loss.name = "L"
    return loss, w, b


@pytest.mark.parametrize("which", [1, 2])
def test_any_leaf_is_wanted_as_a_tensor_or_by_its_own_name(which: int) -> None:
    loss, *leaves = network()
    wanted = leaves[which - 1]
    exact = tg.grad(loss, wanted).numpy()
    for wrt in (wanted, wanted.name, f"_0_{wanted.name[-1]}"):
        last = list(tg.explain(loss, wrt=wrt))[-1]
        np.testing.assert_allclose(last.value, exact, rtol=1e-13)
    assert "∂L/∂" in tg.explain(loss).chain(wanted.name)


def test_the_wanted_gradient_is_followed_also_where_its_name_is_anothers() -> None:
    w, other = leaf([[0.5], [2.0]], "W"), leaf([[3.0, 1.0]], "dW")
    derivation = tg.explain(tg.sum(tg.tanh(other @ w)), wrt=w, entry=(1, 0))
    last = list(derivation)[-1]
    assert last.name == "dW_2" and last.entry is not None and last.entry.place == (1, 0)
    assert last.value.shape == (2, 1)


def test_contributions_are_shown_at_the_entry_that_is_followed() -> None:
    w = leaf([[0.3, 0.2], [0.1, 0.5]], "w")
    derivation = tg.explain(tg.sum(w @ w), wrt=w, entry=(0, 1))
    parts = [s.entry for s in derivation if derivation.symbols.gradients.get(s.name) == "w"]
    assert len(parts) == 3 and all(e is not None and e.place == (0, 1) for e in parts)
    assert parts[0].value + parts[1].value == pytest.approx(parts[2].value)


def test_an_entry_in_columns_of_an_array_that_is_not_turned() -> None:
    x = leaf(np.arange(8.0).reshape(2, 2, 2), "x")
    derivation = tg.explain(tg.sum(x * x), wrt=x, entry=(1, 0, -1), convention="column")
    entry = list(derivation)[-1].entry
    assert entry is not None and entry.place == (1, 0, 1)


@pytest.mark.parametrize("entry", [(-1, 0), [2, 0], (np.int64(2), np.int64(-2))])
def test_entries_count_from_the_end_too(entry: object) -> None:
    loss, w, _ = network()
    found = list(tg.explain(loss, wrt=w, entry=entry))[-1].entry  # type: ignore[arg-type]
    assert found is not None and found.place == (2, 0)


@pytest.mark.parametrize("entry", [(3, 0), (2,), 2, (True, 0), (2.0, 0), "20", (slice(None), 0)])
def test_what_is_no_entry(entry: object) -> None:
    loss, w, _ = network()
    with pytest.raises(ShapeError, match=r"no entry of 0\.W \(3, 2\): give 2 numbers"):
        tg.explain(loss, wrt=w, entry=entry)  # type: ignore[arg-type]


def test_wrt_is_a_tensor_or_a_name_that_no_two_share() -> None:
    loss, _, _ = network()
    for wrt in (3, np.ones((3, 2))):
        with pytest.raises(TypeError, match="a tensor or its name"):
            tg.explain(loss, wrt=wrt)  # type: ignore[arg-type]
    with pytest.raises(TapeError, match="no gradient flows to x"):
        tg.explain(loss, wrt="x")
    twice = leaf(1.0, "a b") * leaf(2.0, "a b")
    with pytest.raises(TapeError, match="several tensors are called a b here; wrt is one of a_b,"):
        tg.explain(twice, wrt="a b")


def test_the_seed_is_needed_checked_and_shown() -> None:
    w = leaf([0.5, -1.0], "w")
    y = tg.tanh(w)
    with pytest.raises(ShapeError, match="needs a scalar, but the result of tanh"):
        tg.explain(y)
    with pytest.raises(ShapeError, match="seed"):
        tg.explain(y, seed=np.ones(3))
    text = tg.explain(y, seed=np.array([2.0, 3.0])).text()
    np.testing.assert_array_equal(dict(printed.arrays(text))["dA"], [2.0, 3.0])


def test_second_derivatives_that_are_all_zero_are_said_to_be() -> None:
    a, b = leaf([1.0, 2.0], "a"), leaf([3.0, 4.0], "b")
    for loss in (tg.sum(a * b), tg.sum(tg.relu(a)), tg.sum(a + b)):
        with pytest.raises(TapeError, match=r"gradient of a \(2,\) does not change with it"):
            tg.explain(loss, wrt=a, order=2, entry=(0,))


def test_digits_are_those_of_the_numbers_put_in_too() -> None:
    loss, _, _ = network()
    derivation = tg.explain(loss)
    for digits in (2, 9):
        printed_ones = {n: (at, v) for n, at, _, v in printed.entries(derivation.text(digits))}
        place, value = printed_ones["Z"]
        assert value == pytest.approx(derivation["Z"].value[place], rel=10.0 ** (1 - digits))
        shown = derivation.with_digits(digits)["A"].entry
        assert shown is not None and f"{derivation['u1'].value[0, 0]:.{digits}g}" in shown.numbers
    for wrong in (0, -1, 2.5):
        with pytest.raises(ValueError, match="at least 1 significant digit"):
            derivation.text(digits=wrong)  # type: ignore[arg-type]


def test_a_dropout_layer_is_explained_with_the_mask_of_its_run() -> None:
    layer = tg.nn.Dropout(0.5, seed=4)
    x = leaf(np.arange(1.0, 13.0).reshape(3, 4), "x")
    for _ in range(2):
        y = layer(x)
        loss = tg.sum(y * y)
        derivation = tg.explain(loss)
        np.testing.assert_array_equal(derivation["u1"].value, y.numpy())
        np.testing.assert_allclose(derivation["dx"].value, tg.grad(loss, x).numpy())
        assert "keep_mask(x, 0.5, 4, " in derivation.text()


def test_inside_a_captured_step_it_says_why_not() -> None:
    w = leaf([[0.5], [1.0]], "w").to("cpu")

    def step(x: tg.Tensor) -> tg.Tensor:
        loss = tg.mean((x @ w) ** 2)
        tg.explain(loss)
        return loss

    with pytest.raises(CaptureError, match=r"tg\.explain looks at numbers"):
        tg.capture(step)(tg.tensor(np.ones((3, 2)), device="cpu"))


def test_a_formula_that_nobody_could_read_is_not_written_down() -> None:
    x = leaf(np.full((2, 2), 0.3), "x")
    h = x
    for _ in range(40):  # two paths at each step: 2^40 in one formula
        h = tg.tanh(h) + h
    derivation = tg.explain(tg.sum(h))
    assert length_in_one(derivation, "x") > 2**40
    text = derivation.chain("x")
    assert "… more paths" in text and "in one formula has" in text and len(text) < 10_000
    short = tg.explain(tg.sum(tg.tanh(x @ x)))
    assert length_in_one(short, "x") <= LONGEST
    assert "A" in {n for n in short.chain("x")} and in_one_formula(short, "x") is not None
    assert short.chain("Z").startswith("∂u₁/∂Z")  # of a result, too
    with pytest.raises(KeyError, match="no gradient flows to 'q'"):
        short.chain("q")
