"""Optimisers' rules as scalar loops: every choice of their options, and a run of some steps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from backends.scalar_runs import SHAPES, bits, run

from tinygrad_ed.backends.scalar_loops import Varying, emit
from tinygrad_ed.optim import rules

SLOTS = {
    rules.sgd: "v", rules.adagrad: "s", rules.rmsprop: "vmb",
    rules.adam: ("m", "v", "v_max"), rules.adamw: ("m", "v", "v_max"),
}  # fmt: skip
DECAYS = (0.0, 0.01)
HYPERS: list[tuple[Any, dict[str, Any]]] = [
    *((rules.sgd, {"weight_decay": w, "momentum": m, "nesterov": n, "dampening": d})
      for w in DECAYS for m, n, d in ((0.0, False, 0.0), (0.9, False, 0.1), (0.9, True, 0.0))),
    *((rules.adagrad, {"weight_decay": w, "lr_decay": 0.1}) for w in DECAYS),
    *((rules.rmsprop, {"weight_decay": w, "momentum": m, "centered": c, "alpha": 0.9})
      for w in DECAYS for m in (0.0, 0.9) for c in (False, True)),
    *((r, {"weight_decay": w, "amsgrad": a, "betas": (0.8, 0.99)})
      for r in (rules.adam, rules.adamw) for w in DECAYS for a in (False, True)),
]  # fmt: skip


def runtime(hypers: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters as a kernel takes them: flags built in, numbers varying."""
    return {
        k: v if isinstance(v, bool) else tuple(map(Varying, v)) if k == "betas" else Varying(v)
        for k, v in hypers.items()
    }


def assert_updates_like_numpy(
    rule: Any, hypers: Mapping[str, Any], dtype: str, language: str = "numba"
) -> None:
    hypers = {"lr": 0.05, **hypers}
    clock = {rules.sgd: {"first": bool}, rules.rmsprop: {}}.get(rule, {"t": int})
    rng = np.random.default_rng(1)
    p = rng.normal(size=SHAPES["full"]).astype(dtype)
    state = {"p": p, **{s: np.zeros_like(p) for s in SLOTS[rule]}}
    kernel = {k: a.copy() for k, a in state.items()}
    layouts = dict.fromkeys([*state, "g"], "full")
    outputs = list(state)
    loop = emit(
        rule, layouts, runtime(hypers) | clock, outputs=outputs, dtype=dtype, language=language
    )
    assert all(o.kind != "out" for o in loop.operands)
    for t in range(1, 7):
        g = rng.normal(size=p.shape).astype(dtype)
        g[0, :3] = 0.0, 1e-20, 1e15
        now = {k: {"first": t == 1, "t": t}[k] for k in clock}
        state = dict(zip(state, rule(**state, g=g, **now, **hypers), strict=True))
        found = run(loop, {**kernel, "g": g}, {**hypers, **now})
        assert all(found[k] is kernel[name] for k, name in enumerate(outputs))
        for slot, wanted in state.items():
            np.testing.assert_array_equal(bits(kernel[slot]), bits(wanted), err_msg=f"{slot} {t}")
