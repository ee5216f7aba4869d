"""`explain` of an optimiser: the update with its numbers is the update that the step makes."""

import numpy as np
import pytest
from derivation import printed

import tinygrad_ed as tg
from tinygrad_ed.errors import ShapeError, TapeError

W = np.array([[0.4, -0.3], [0.2, 0.1]])
OPTIMISERS = {
    "SGD": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "Nesterov": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "AdaGrad": lambda p: tg.optim.AdaGrad(p, lr=0.1),
    "RMSProp": lambda p: tg.optim.RMSProp(p, lr=0.1, momentum=0.9, centered=True),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: tg.optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: tg.optim.AdamW(p, lr=0.1),
}


def trained(make, steps: int):
    w = tg.tensor(W, requires_grad=True, name="W")
    b = tg.tensor(np.array([0.5, -0.5]), requires_grad=True, name="b")
    optimizer = make([w, b])
    for k in range(steps + 1):
        optimizer.zero_grad()
        tg.sum(tg.tanh(tg.tensor(np.full((3, 2), 0.3 + 0.1 * k)) @ w + b)).backward()
        if k < steps:
            optimizer.step()
    return optimizer, w, b


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_new_weights_are_those_of_the_step(name: str, steps: int) -> None:
    optimizer, w, b = trained(OPTIMISERS[name], steps)
    before = w.numpy().copy()
    derivation = tg.explain(optimizer)
    np.testing.assert_array_equal(w.numpy(), before)
    text = derivation.text()
    optimizer.step()
    for parameter in (w, b):
        new = [s for s in derivation if s.name == parameter.name][-1].value
        np.testing.assert_array_equal(new, parameter.numpy())
    for step in derivation:
        here = {"np": np, **derivation.scope, **step.inputs}
        exec(step.code, here)
        np.testing.assert_array_equal(here[step.name], step.value)
    shown = dict(printed.arrays(text))
    np.testing.assert_allclose(shown["W"], w.numpy(), atol=6e-5)


def test_D3_U1_with_its_numbers() -> None:
    w = tg.tensor(W, requires_grad=True, name="w")
    tg.sum(w * w).backward()
    derivation = tg.explain(tg.optim.SGD([w], lr=0.1), entry=(1, 0))
    (step,) = derivation
    assert step.code == "w = w - lr * dw"
    assert "w ← w − α · dw" in derivation.text()
    assert step.entry is not None and step.entry.value == pytest.approx(0.2 - 0.1 * 0.4)
    assert step.entry.numbers == "0.2 − 0.1 · 0.4"


def test_adams_bias_correction_stands_in_numbers() -> None:
    optimizer, _, _ = trained(OPTIMISERS["Adam"], 0)
    derivation = tg.explain(optimizer, wrt="W")
    assert {s.name for s in derivation} == {
        "m_W", "v_W", "step_size_W", "denominator_W", "W",
    }  # fmt: skip
    assert derivation["step_size_W"].value == pytest.approx(0.1 / (1 - 0.9))
    assert "0.1/(1 − 0.9¹)" in derivation.text()


def test_without_gradients_it_says_what_to_do() -> None:
    w = tg.tensor(W, requires_grad=True, name="w")
    with pytest.raises(TapeError, match=r"loss\.backward\(\) first"):
        tg.explain(tg.optim.SGD([w], lr=0.1))


def stepped(optimizer: tg.optim.Optimizer, *parameters: tg.Tensor) -> None:
    """One derivation, one step: the weights of the one are those of the other."""
    derivation = tg.explain(optimizer)
    names = list(derivation.gradients)
    optimizer.step()
    for name, parameter in zip(names, parameters, strict=True):
        np.testing.assert_array_equal(derivation[name].value, parameter.numpy())


def two_parameters(
    first: str | None = "w", second: str | None = "b"
) -> tuple[tg.Tensor, tg.Tensor]:
    w = tg.tensor(W, requires_grad=True, name=first)
    b = tg.tensor(np.array([0.5, -0.5]), requires_grad=True, name=second)
    tg.sum(tg.tanh(tg.tensor(np.full((3, 2), 0.3)) @ w + b)).backward()
    return w, b


def test_groups_with_numbers_of_their_own_show_their_own() -> None:
    w, b = two_parameters()
    groups = [{"params": [w], "lr": 0.3}, {"params": [b], "lr": 0.01, "betas": (0.5, 0.9)}]
    optimizer = tg.optim.Adam(groups)
    given = {name: float(v) for name, v in tg.explain(optimizer).inputs.items() if not v.shape}
    assert given == {
        "lr_w": 0.3, "lr_b": 0.01, "beta1_w": 0.9, "beta2_w": 0.999, "beta1_b": 0.5,
        "beta2_b": 0.9, "eps": 1e-8, "weight_decay": 0.0, "t": 1.0,
    }  # fmt: skip
    assert "step_size_b = alpha_b/(1 − beta1_b^t)" in tg.explain(optimizer).text()
    stepped(optimizer, w, b)


@pytest.mark.parametrize(
    "names",
    [("t", "lr"), ("m", "v"), ("w", "m_w"), ("w", "dw"), ("np", "p"), ("eps", "beta1"),
     ("alpha", "denominator"), ("0.W", "0.b"), (None, None), ("w", "w")],
)  # fmt: skip
def test_parameters_may_be_called_like_anything_in_the_rule(names: tuple[str | None, ...]) -> None:
    w, b = two_parameters(*names)
    optimizer = tg.optim.Adam([w, b], lr=0.1)
    assert tg.explain(optimizer).html()
    stepped(optimizer, w, b)


def test_a_parameter_that_is_thawed_starts_its_own_count() -> None:
    w, b = two_parameters()
    b.requires_grad = False
    optimizer = tg.optim.Adam([w, b], lr=0.1)
    stepped(optimizer, w)
    b.requires_grad = True
    optimizer.zero_grad()
    tg.sum(tg.tanh(tg.tensor(np.full((3, 2), 0.3)) @ w + b)).backward()
    given = tg.explain(optimizer).inputs
    assert (given["t_w"], given["t_b"]) == (2, 1) and not given["m_b"].any()
    stepped(optimizer, w, b)


def test_the_update_in_columns_and_at_an_entry() -> None:
    w, b = two_parameters()
    optimizer = tg.optim.Adam([w, b], lr=0.1)
    rows = tg.explain(optimizer, wrt=w, entry=(1, 0))
    columns = tg.explain(optimizer, wrt="w", entry=(1, 0), convention="column")
    for row, column in zip(rows, columns, strict=True):
        np.testing.assert_array_equal(column.value, row.value.T)
        assert row.entry is not None and column.entry is not None
        assert row.entry.place == column.entry.place[::-1]
        assert row.entry.value == column.entry.value
    last = list(tg.explain(optimizer, wrt=b, entry=(-1,)))[-1].entry
    assert last is not None and last.place == (1,)


def test_what_an_update_does_not_have_is_refused() -> None:
    w, b = two_parameters()
    optimizer = tg.optim.SGD([w, b], lr=0.1)
    with pytest.raises(ValueError, match="say which with wrt="):
        tg.explain(optimizer, entry=(0, 0))
    with pytest.raises(ShapeError, match=r"no entry of b \(2,\)"):
        tg.explain(optimizer, wrt=b, entry=(7,))
    with pytest.raises(TypeError, match="a tensor or its name"):
        tg.explain(optimizer, wrt=3)  # type: ignore[arg-type]
    with pytest.raises(TapeError, match="no parameter of that name"):
        tg.explain(optimizer, wrt="q")
    for options in ({"order": 2}, {"parts": True}, {"seed": 1.0}):
        with pytest.raises(ValueError, match="belong to a loss"):
            tg.explain(optimizer, **options)  # type: ignore[arg-type]


# --- rules of one's own ---------------------------------------------------------------------------


def plain(p, g, m, *, lr):
    m *= 0.9
    m = m + g
    return p - lr * m, m


def returns_all(p, g, m, *, lr):
    return p - lr * g, m + g


def loops(p, g, m, *, lr):
    for _ in range(2):
        p = p - lr * g
    return p, m


def asks_for_numbers(p, g, m, *, lr):
    if np.any(g > 0):
        p = p - lr * g
    return p, m


def hands_on_something_else(p, g, m, *, lr):
    return plain(p, 2 * g, m, lr=lr)


def crosses(p, g, m, *, lr):
    return p - lr * m, m + p


def no_tuple(p, g, m, *, lr):
    return [p - lr * g, m]


def with_rule(rule) -> type[tg.optim.Optimizer]:
    class Own(tg.optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        @staticmethod
        def _slots(hypers):
            return {"m": 0.0}

    Own.rule = None if rule is None else staticmethod(rule)
    return Own


@pytest.mark.parametrize("rule", [plain, returns_all])
def test_a_rule_of_ones_own_is_read(rule) -> None:
    w, b = two_parameters()
    stepped(with_rule(rule)([w, b]), w, b)


@pytest.mark.parametrize(("rule", "why"), [
    (loops, "has the line `for"),
    (asks_for_numbers, "asks for more than hyper-parameters"),
    (hands_on_something_else, "gives p other values than its lines do"),
    (crosses, "parts that read each other"),
    (no_tuple, "returns something else"),
])  # fmt: skip
def test_a_rule_that_is_no_straight_line_is_refused_with_the_reason(rule, why: str) -> None:
    with pytest.raises(OSError, match=why):
        tg.explain(with_rule(rule)(two_parameters()))


def test_an_update_that_is_no_rule_is_refused() -> None:
    class Halving(tg.optim.SGD):
        def _update(self, p, g, slots, t, hypers):
            p, slots = super()._update(p, g, slots, t, hypers)
            return p / 2, slots

    for optimizer in (Halving(two_parameters()), with_rule(None)(two_parameters())):
        with pytest.raises(OSError, match="only a rule can be shown"):
            tg.explain(optimizer)
