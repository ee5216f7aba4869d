"""The update rules as plain functions: PyTorch's trajectories, and what the theory says."""

import importlib.util
import inspect
import json
import warnings
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from tinygrad_ed.optim import SGD, AdaGrad, Adam, AdamW, RMSProp, rules

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden.json").read_text(encoding="utf-8"))


def load_tool() -> Any:
    """The script that made golden.json: it holds the problem and the list of variants."""
    path = HERE.parents[1] / "tools" / "make_golden_optimisers.py"
    spec = importlib.util.spec_from_file_location("make_golden_optimisers", path)
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


TOOL = load_tool()


def one_step(algorithm: str, p: Any, g: Any, memory: dict[str, Any], t: int, hypers: Any) -> Any:
    """Call the rule; `memory` is updated as an optimiser would keep it."""
    zero = np.zeros_like(p)
    if algorithm == "SGD":
        p, memory["v"] = rules.sgd(p, g, memory.get("v", zero), first=t == 1, **hypers)
    elif algorithm == "AdaGrad":
        of_the_rule = {k: v for k, v in hypers.items() if k != "initial_accumulator_value"}
        start = np.full_like(p, hypers.get("initial_accumulator_value", 0.0))
        p, memory["s"] = rules.adagrad(p, g, memory.get("s", start), t=t, **of_the_rule)
    elif algorithm == "RMSProp":
        slots = [memory.get(k, zero) for k in "vmb"]
        p, memory["v"], memory["m"], memory["b"] = rules.rmsprop(p, g, *slots, **hypers)
    else:
        rule = {"Adam": rules.adam, "AdamW": rules.adamw}[algorithm]
        slots = [memory.get(k, zero) for k in ("m", "v", "v_max")]
        p, memory["m"], memory["v"], memory["v_max"] = rule(p, g, *slots, t=t, **hypers)
    return p


@pytest.mark.parametrize("row", GOLDEN, ids=[row["name"] for row in GOLDEN])
def test_trajectory_equals_pytorch_over_100_steps(row: dict[str, Any]) -> None:
    p, memory = np.array(TOOL.START), {}
    for t in range(1, TOOL.STEPS + 1):
        p = one_step(row["algorithm"], p, TOOL.gradient(p), memory, t, row["hypers"])
        if str(t) in row["steps"]:
            np.testing.assert_allclose(p, row["steps"][str(t)], rtol=1e-9, atol=1e-12)


def test_golden_values_cover_every_variant_and_stay_small() -> None:
    assert [row["name"] for row in GOLDEN] == list(TOOL.VARIANTS)
    for row in GOLDEN:
        algorithm, hypers = TOOL.VARIANTS[row["name"]]
        assert (row["algorithm"], row["hypers"]) == (algorithm, json.loads(json.dumps(hypers)))
        assert list(row["steps"]) == [str(t) for t in TOOL.KEPT]
    assert (HERE / "golden.json").stat().st_size < 200_000


def test_golden_problem_has_the_gradient_that_it_states() -> None:
    def f(p: Any) -> Any:
        x, y, z = p[0], p[1], p[2:]
        bowl = 0.5 * np.sum(TOOL.CURVATURE * (z - TOOL.MINIMUM) ** 2)
        return (1 - x) ** 2 / 4 + (y - x * x) ** 2 + bowl

    steps = 1e-30j * np.eye(6)
    by_complex_step = [f(np.array(TOOL.START) + h).imag / 1e-30 for h in steps]
    np.testing.assert_allclose(TOOL.gradient(np.array(TOOL.START)), by_complex_step, rtol=1e-13)


# --- what the theory says -------------------------------------------------------------------------

finite = st.floats(-100, 100).map(lambda x: round(x, 3))
vectors = arrays(np.float64, 5, elements=finite)
nonzero = arrays(np.float64, 5, elements=finite.filter(lambda x: abs(x) > 1e-2))


@given(p=vectors, g=vectors)
def test_D3_U1_plain_sgd_subtracts_alpha_times_the_gradient(p: Any, g: Any) -> None:
    new, _ = rules.sgd(p, g, lr=0.1, first=True)
    np.testing.assert_array_equal(new, p - 0.1 * g)


@given(p=vectors, g=vectors)
def test_first_momentum_step_is_a_plain_step_whatever_the_dampening(p: Any, g: Any) -> None:
    damped, v = rules.sgd(p, g, np.zeros(5), lr=0.1, momentum=0.9, dampening=0.5, first=True)
    np.testing.assert_array_equal(damped, p - 0.1 * g)
    np.testing.assert_array_equal(v, g)


def test_momentum_reaches_the_terminal_velocity_g_over_one_minus_momentum() -> None:
    p, v, g = np.zeros(1), np.zeros(1), np.array([2.0])
    for t in range(1, 500):
        p, v = rules.sgd(p, g, v, lr=0.1, momentum=0.9, first=t == 1)
    np.testing.assert_allclose(v, g / (1 - 0.9), rtol=1e-12)


@given(p=vectors, g=nonzero)
def test_adams_first_step_is_the_learning_rate_times_the_sign(p: Any, g: Any) -> None:
    new, *_ = rules.adam(p, g, np.zeros(5), np.zeros(5), t=1, lr=0.1, eps=1e-300)
    np.testing.assert_allclose(new - p, -0.1 * np.sign(g), rtol=0, atol=1e-12)


@given(p=vectors, g=nonzero)
def test_adagrads_first_step_is_the_learning_rate_times_the_sign(p: Any, g: Any) -> None:
    new, _ = rules.adagrad(p, g, np.zeros(5), t=1, lr=0.1, eps=1e-300)
    np.testing.assert_allclose(new - p, -0.1 * np.sign(g), rtol=0, atol=1e-12)


@given(gradients=arrays(np.float64, (4, 5), elements=finite), power=st.integers(-20, 20))
def test_adam_does_not_see_the_scale_of_the_loss(gradients: Any, power: int) -> None:
    """A power of two scales without rounding, so the bits are equal, not just the values."""

    def run(scale: float) -> Any:
        p, m, v = np.zeros(5), np.zeros(5), np.zeros(5)
        for t, g in enumerate(gradients, start=1):
            p, m, v, _ = rules.adam(p, scale * g, m, v, t=t, eps=scale * 1e-8)
        return p

    np.testing.assert_array_equal(run(2.0**power), run(1.0))


@given(p=vectors, g=vectors)
def test_adamw_without_decay_is_adam(p: Any, g: Any) -> None:
    ours = rules.adamw(p, g, np.ones(5), np.ones(5), np.ones(5), t=3, weight_decay=0, amsgrad=True)
    adam = rules.adam(p, g, np.ones(5), np.ones(5), np.ones(5), t=3, weight_decay=0, amsgrad=True)
    for a, b in zip(ours, adam, strict=True):
        np.testing.assert_array_equal(a, b)


def test_adamw_decays_all_weights_alike_and_adam_does_not() -> None:
    p, g, zero = np.ones(2), np.array([0.0, 0.0]), np.zeros(2)
    v = np.array([1e-4, 1e4])  # one weight has seen small gradients, the other large ones
    decoupled, *_ = rules.adamw(p, g, zero, v, t=10, lr=0.1, weight_decay=0.5)
    np.testing.assert_array_equal(decoupled, (1 - 0.1 * 0.5) * p)
    coupled, *_ = rules.adam(p, g, zero, v, t=10, lr=0.1, weight_decay=0.5)
    assert p[0] - coupled[0] > 10 * (p[1] - coupled[1])


def test_amsgrad_never_forgets_a_large_gradient() -> None:
    p, m, v, v_max = (np.zeros(1) for _ in range(4))
    for t, g in enumerate([100.0, *[0.01] * 50], start=1):
        p, m, v, v_max = rules.adam(
            p, np.array([g]), m, v, v_max, t=t, betas=(0.9, 0.5), amsgrad=True
        )
    assert v_max[0] == 0.5 * 100.0**2 and v[0] < 1e-3


def test_centered_rmsprop_survives_a_constant_gradient() -> None:
    """v - m^2 tends to zero and rounding takes it below: the root must not become NaN."""
    p, v, m = np.zeros(50), np.zeros(50), np.zeros(50)
    g = np.linspace(0.1, 3, 50)
    went_below = False
    for _ in range(400):
        p, v, m, _ = rules.rmsprop(p, g, v, m, alpha=0.8, centered=True, eps=1e-3)
        went_below |= bool(np.any(v - m * m < 0))
    assert went_below and np.all(np.isfinite(p))


# --- what explanations, devices and generated code rely on ----------------------------------------

MEMORY = {"SGD": "v", "AdaGrad": "s", "RMSProp": "vmb", "Adam": ("m", "v", "v_max")}
MEMORY["AdamW"] = MEMORY["Adam"]
FULL = {
    "SGD": {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1},
    "AdaGrad": {"lr_decay": 0.1, "weight_decay": 0.1},
    "RMSProp": {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
    "Adam": {"amsgrad": True, "weight_decay": 0.1},
    "AdamW": {"amsgrad": True, "weight_decay": 0.1},
}


@pytest.mark.parametrize("algorithm", FULL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rules_keep_the_dtype_and_change_no_input(algorithm: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    p, g = rng.normal(size=(2, 7)).astype(dtype)
    memory = {name: np.abs(rng.normal(size=7)).astype(dtype) for name in MEMORY[algorithm]}
    inputs = [p, g, *memory.values()]
    before = [a.copy() for a in inputs]
    for a in inputs:
        a.flags.writeable = False
    new = one_step(algorithm, p, g, memory, 3, FULL[algorithm])
    for a in [new, *memory.values()]:
        assert a.dtype == dtype and not any(a is b for b in inputs)
    for a, b in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("algorithm", FULL)
@given(cut=st.integers(0, 37), seed=st.integers(0, 1000))
def test_rules_are_elementwise_to_the_bit(algorithm: str, cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, g = rng.normal(size=(2, 37)).astype(np.float32)
    memory = {name: np.abs(rng.normal(size=37)).astype(np.float32) for name in MEMORY[algorithm]}
    parts = []
    for part in (slice(0, cut), slice(cut, 37)):
        of_part = {name: a[part] for name, a in memory.items()}
        parts.append(one_step(algorithm, p[part], g[part], of_part, 5, FULL[algorithm]))
    whole = one_step(algorithm, p, g, memory, 5, FULL[algorithm])
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("algorithm", FULL)
def test_a_nan_gradient_shows_in_the_parameter(algorithm: str) -> None:
    memory = {name: np.zeros(2) for name in MEMORY[algorithm]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = one_step(algorithm, np.ones(2), np.array([np.nan, 1.0]), memory, 1, FULL[algorithm])
    assert np.isnan(new[0]) and np.isfinite(new[1])


@pytest.mark.parametrize(
    ("optimiser", "rule"),
    [
        (SGD, rules.sgd),
        (AdaGrad, rules.adagrad),
        (RMSProp, rules.rmsprop),
        (Adam, rules.adam),
        (AdamW, rules.adamw),
    ],
)
def test_an_optimiser_and_its_rule_have_the_same_defaults(optimiser: Any, rule: Any) -> None:
    def hypers(function: Any) -> dict[str, Any]:
        parameters = inspect.signature(function).parameters.values()
        return {p.name: p.default for p in parameters if p.default not in (p.empty, None)}

    start_of_memory = {"initial_accumulator_value": 0.0} if optimiser is AdaGrad else {}
    assert hypers(optimiser) == {**hypers(rule), **start_of_memory}
