"""Our optimisers and PyTorch's, side by side, in float64.

The gradients are given from outside, so that rounding is not amplified by the problem (trajectories
that feed back are in tests/optim/golden.json).
"""

import importlib.util
import inspect
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_ed as tg
from tinygrad_ed.optim import SGD, AdaGrad, Adam, AdamW, RMSProp

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
SHAPES = [(3, 2), (2,), ()]
PEERS = [
    (SGD, torch.optim.SGD),
    (AdaGrad, torch.optim.Adagrad),
    (RMSProp, torch.optim.RMSprop),
    (Adam, torch.optim.Adam),
    (AdamW, torch.optim.AdamW),
]


def pairs(rng: Any, dtype: Any = np.float64) -> tuple[list[Any], list[Any]]:
    values = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    ours = [tg.tensor(v, requires_grad=True) for v in values]
    theirs = [torch.tensor(v, requires_grad=True) for v in values]
    return ours, theirs


def give(ours: list[Any], theirs: list[Any], rng: Any, skip: tuple[int, ...] = ()) -> None:
    """The same gradients to both; those in `skip` are frozen and get none."""
    for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
        g = rng.normal(size=p.shape).astype(p.dtype)
        p.requires_grad = q.requires_grad = i not in skip
        p.grad = None if i in skip else tg.tensor(g)
        q.grad = None if i in skip else torch.tensor(g)


def assert_same(ours: list[Any], theirs: list[Any], **tolerance: float) -> None:
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), **tolerance)


def numbers(low: float, high: float) -> Any:
    return st.floats(low, high).map(lambda x: float(f"{x:.4g}"))


def maybe(values: Any) -> Any:
    return st.just(0.0) | values


rates, decays, shares = numbers(1e-4, 0.1), maybe(numbers(1e-4, 0.5)), numbers(0.0, 0.98)
# A denominator that forgets at once is |g|, or 0 if centred: g / |g| magnifies the last bit of a g
# near zero, and two correct programs differ.
long_memory = numbers(0.8, 0.999)
epsilons = st.sampled_from([1e-10, 1e-8, 1e-3])
of_adam = st.fixed_dictionaries(
    {
        "lr": rates,
        "betas": st.tuples(shares, long_memory),
        "eps": epsilons,
        "weight_decay": decays,
        "amsgrad": st.booleans(),
    }
)
HYPERS = {
    SGD: st.fixed_dictionaries(
        {
            "lr": rates,
            "momentum": numbers(0.1, 0.99),
            "nesterov": st.just(True),
            "weight_decay": decays,
        }
    )
    | st.fixed_dictionaries(
        {"lr": rates, "momentum": maybe(shares), "dampening": shares, "weight_decay": decays}
    ),
    AdaGrad: st.fixed_dictionaries(
        {
            "lr": rates,
            "lr_decay": decays,
            "weight_decay": decays,
            "initial_accumulator_value": decays,
            "eps": epsilons,
        }
    ),
    RMSProp: st.fixed_dictionaries(
        {
            "lr": rates,
            "alpha": long_memory,
            "eps": epsilons,
            "weight_decay": decays,
            "momentum": maybe(shares),
            "centered": st.booleans(),
        }
    ),
    Adam: of_adam,
    AdamW: of_adam,
}


@pytest.mark.parametrize(("ours", "theirs"), PEERS)
@settings(max_examples=15, deadline=None)
@given(data=st.data(), seed=st.integers(0, 100))
def test_trajectories_agree_over_100_steps_with_freezing(
    ours: Any, theirs: Any, data: Any, seed: int
) -> None:
    hypers = data.draw(HYPERS[ours])
    rng = np.random.default_rng(seed)
    p, q = pairs(rng)
    mine, peer = ours(p, **hypers), theirs(q, **hypers, foreach=False)
    for t in range(100):
        give(p, q, rng, skip=(1,) if 30 <= t < 45 else ())
        mine.step()
        peer.step()
    assert_same(p, q, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("ours", "theirs"), PEERS)
def test_float32_trajectories_agree_to_float32_rounding(ours: Any, theirs: Any) -> None:
    rng = np.random.default_rng(0)
    p, q = pairs(rng, np.float32)
    mine, peer = ours(p, lr=0.01), theirs(q, lr=0.01, foreach=False)
    for _ in range(100):
        give(p, q, rng)
        mine.step()
        peer.step()
    assert_same(p, q, rtol=1e-5, atol=1e-5)


def test_groups_and_a_changing_learning_rate_agree() -> None:
    rng = np.random.default_rng(1)
    p, q = pairs(rng)
    mine = Adam([{"params": p[:2]}, {"params": p[2:], "lr": 0.1, "weight_decay": 0.2}], lr=0.01)
    peer = torch.optim.Adam(
        [{"params": q[:2]}, {"params": q[2:], "lr": 0.1, "weight_decay": 0.2}], lr=0.01
    )
    for t in range(100):
        for optimiser in (mine, peer):
            optimiser.param_groups[0]["lr"] = 0.01 * 0.97**t
        give(p, q, rng)
        mine.step()
        peer.step()
    assert_same(p, q, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("ours", "theirs"), PEERS)
def test_names_and_defaults_of_hyper_parameters_agree(ours: Any, theirs: Any) -> None:
    their_parameters = inspect.signature(theirs).parameters
    for name, own in inspect.signature(ours).parameters.items():
        assert own.default == their_parameters[name].default


def test_live_pytorch_still_makes_the_golden_values() -> None:
    spec = importlib.util.spec_from_file_location(
        "make_golden_optimisers", ROOT / "tools" / "make_golden_optimisers.py"
    )
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    golden = json.loads((ROOT / "tests" / "optim" / "golden.json").read_text(encoding="utf-8"))
    for row in golden:
        steps = tool.torch_trajectory(row["algorithm"], row["hypers"])
        for t in row["steps"]:
            np.testing.assert_allclose(steps[t], row["steps"][t], rtol=1e-9, atol=1e-12)


def test_centered_rmsprop_stays_finite_where_pytorch_gives_nan() -> None:
    """The one deliberate difference: a variance that rounding made negative is taken as zero."""
    p = tg.tensor(np.zeros(50), requires_grad=True)
    q = torch.zeros(50, dtype=torch.float64, requires_grad=True)
    mine = RMSProp([p], alpha=0.8, centered=True, eps=1e-3)
    peer = torch.optim.RMSprop([q], alpha=0.8, centered=True, eps=1e-3, foreach=False)
    g = np.linspace(0.1, 3, 50)
    p.grad, q.grad = tg.tensor(g), torch.tensor(g)
    for _ in range(400):
        mine.step()
        peer.step()
    assert np.all(np.isfinite(p.numpy()))
    assert bool(torch.isnan(q).any())
