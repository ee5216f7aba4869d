"""Ops' own source as scalar loops: the same numbers as NumPy makes of it.

To the bit where only + - * / and square roots, comparisons and selections take part; within a few
units in the last place where `kernels/cpu/elementary.py` or the C library's power does.
"""

import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

import numba
from backends.scalar_runs import (
    PARAMS,
    ROWS,
    SIZES,
    H,
    assert_forward,
    assert_same,
    assert_vjp,
    compiled,
    loop_arguments,
    run,
    values,
)

from tinygrad_ed import registry
from tinygrad_ed.backends.scalar_loops import NotElementwise, Varying, emit, emit_op, emit_vjp
from tinygrad_ed.ops.registry import Op
from tinygrad_ed.optim import rules

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
ELEMENTWISE = [o for o in registry.values() if o.elementwise]


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


# --- every elementwise op of the rule book --------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("made", ELEMENTWISE, ids=lambda o: o.name)
def test_forward_equals_the_formula(made: Op, dtype: str) -> None:
    patterns = ["full"] * len(made.operand_names)
    assert_forward(made, patterns, dtype, PARAMS.get(made.name, {}))


def every_need(made: Op) -> list[tuple[bool, ...]]:
    return list(itertools.product((True, False), repeat=len(made.operand_names)))[:-1]


NEEDS = [
    pytest.param(o, n, id=f"{o.name}-{n}")
    for o in ELEMENTWISE
    if o.name != "astype"  # its gradient is dy, in the type of the result
    for n in every_need(o)
]


@pytest.mark.parametrize(("made", "needs"), NEEDS)
def test_vjp_equals_the_formula_for_each_pattern_of_needs(made: Op, needs: tuple[bool]) -> None:
    assert_vjp(made, needs, ["full"] * len(needs), "float32", PARAMS.get(made.name, {}))


@pytest.mark.parametrize("made", ELEMENTWISE, ids=lambda o: o.name)
def test_vjp_equals_the_formula_in_float64(made: Op) -> None:
    patterns = ["full"] * len(made.operand_names)
    needs = [True] * len(patterns)
    loop = assert_vjp(made, needs, patterns, "float64", PARAMS.get(made.name, {}))
    if made.name in ("add", "astype"):
        assert loop.text == "" and set(loop.aliases.values()) == {"dy"}
    if made.name == "where":
        assert loop.nothing == {0}


PAIRS = itertools.product(SIZES, repeat=2)
COVERING = [p for p in PAIRS if "full" in p or set(p) == {"row", "column"}]


@pytest.mark.parametrize("patterns", COVERING, ids="-".join)
@pytest.mark.parametrize("name", ["subtract", "divide"])
def test_operands_broadcast(name: str, patterns: tuple[str, str]) -> None:
    assert_forward(registry[name], patterns, "float32")
    assert_vjp(registry[name], (True, True), patterns, "float32")


@pytest.mark.parametrize("patterns", COVERING, ids="-".join)
def test_no_loop_goes_beyond_its_arrays(patterns: tuple[str, str]) -> None:
    loop = emit_vjp(registry["multiply"], (True, True), patterns)
    scope: dict[str, Any] = {}
    exec(loop.text, scope)
    checked = numba.njit(error_model="numpy", boundscheck=True)(scope[loop.name])
    checked(*(np.ones(SIZES[o.pattern], o.dtype) for o in loop.operands))


def test_three_operands_broadcast_in_three_ways() -> None:
    assert_forward(registry["where"], ["column", "row", "scalar"], "float64")
    assert_forward(registry["where"], ["row", "full", "column"], "float32")


@pytest.mark.parametrize("patterns", [("row", "row"), ("scalar", "column"), ("scalar", "scalar")])
def test_a_result_smaller_than_n_is_refused(patterns: tuple[str, str]) -> None:
    with pytest.raises(NotElementwise, match="one value for each entry"):
        emit_op(registry["add"], patterns)


@pytest.mark.parametrize("layouts", [("full", "row"), ("full", "column"), ("full", "full")])
def test_no_entry_at_all_is_no_error(layouts: tuple[str, str]) -> None:
    loop = emit_op(registry["multiply"], layouts)
    empty = np.empty(0, np.float32)
    compiled(loop.name, loop.text)(empty, empty, empty)


@each_dtype
@pytest.mark.parametrize("n", [-1, 0, 0.5, 1, 2, 2.0])
def test_powers_that_numpy_shortens_have_its_bits(n: float, dtype: str) -> None:
    loop = assert_forward(registry["constant_power"], ["full"], dtype, {"n": n})
    assert "math.pow" not in loop.text
    assert_vjp(registry["constant_power"], [True], ["full"], dtype, {"n": n})


@pytest.mark.parametrize("n", [3, 4, -2, 1.5, float])
def test_other_powers_agree_within_rounding(n: Any) -> None:
    made, x = registry["constant_power"], np.linspace(0.1, 4, SIZES["full"]).reshape(ROWS, H)
    loop = emit_op(made, ["full"], {"n": n}, "float64")
    exponent = 2.5 if n is float else n
    found = run(loop, {"x": x}, {"n": exponent})[0]
    np.testing.assert_allclose(found, x**exponent, rtol=1e-15)


def test_a_mixed_product_is_computed_in_numpys_type() -> None:
    x, y = values("full", "float32", 0), values("full", "float64", 1)
    loop = emit_op(registry["multiply"], ["full", ("full", "float64")])
    assert_same(run(loop, {"a": x, "b": y})[0], x * y, loop)


# --- what becomes a loop, and what does not -------------------------------------------------------

REDUCTION = {"reduction": "none"}
OTHERS: dict[str, Mapping[str, Any]] = {
    "mse": REDUCTION, "half_squared_error": REDUCTION, "l1": REDUCTION, "bce": REDUCTION,
    "huber": {"delta": float, **REDUCTION}, "bce_with_logits": {"pos_weight": 2.0, **REDUCTION},
}  # fmt: skip
"""Losses without a reduction are elementwise, too."""


@pytest.mark.parametrize("name", OTHERS)
def test_losses_of_single_entries_are_loops(name: str) -> None:
    made, t = registry[name], np.linspace(0, 1, SIZES["full"]).reshape(ROWS, H)
    y = np.abs(np.sin(5 * t)) * 0.98 + 0.01
    dy, numbers = np.cos(t), {"delta": 0.3}
    params = {k: numbers.get(k, v) for k, v in OTHERS[name].items()}
    loop = emit_op(made, ["full", "full"], OTHERS[name], "float64")
    found = run(loop, dict(zip(made.operand_names, (y, t), strict=True)), numbers)
    np.testing.assert_allclose(found[0], made.forward(y, t, **params), rtol=1e-14)
    loop = emit_vjp(made, [True, True], ["full", "full"], OTHERS[name], "float64")
    places = [p for p in loop_arguments(made) if p not in made.parameter_names]
    found = run(loop, dict(zip(places, (dy, found[0], y, t), strict=True)), numbers)
    assert made.backward is not None
    for k, gradient in enumerate(made.backward(dy, None, y, t, **params)):
        np.testing.assert_allclose(found[k], gradient, rtol=1e-13, atol=1e-15)


def test_the_list_of_ops_that_are_no_loops_may_only_shrink() -> None:
    refused = set()
    for made in registry.values():
        params = {k: 1 for k in made.parameter_names} | made.defaults
        params |= PARAMS.get(made.name, {}) | dict(OTHERS.get(made.name, {}))
        layouts = ["full"] * len(made.operand_names)
        try:
            emit_op(made, layouts, params)
            emit_vjp(made, [True] * len(layouts), layouts, params)
        except NotElementwise:
            refused.add(made.name)
    assert refused == {
        "matrix_product", "linear",
        "sum", "mean", "var", "max", "min", "prod", "logsumexp", "softmax", "log_softmax",
        "cross_entropy_labels", "cross_entropy_soft", "nll_labels", "kl_div",
        "reshape", "transpose", "swapaxes", "broadcast_to", "expand_dims", "squeeze", "concat",
        "getitem", "scatter", "take_along_axis", "scatter_along_axis", "pad", "flip", "dropout",
    }  # fmt: skip


def test_the_loops_become_vector_instructions() -> None:
    """A deterministic check of the machine code, where the processor has wide registers."""
    features = numba.core.codegen.get_host_cpu_features()
    if "+avx2" not in features:
        pytest.skip("no AVX2 here")
    hypers = {"t": int, "weight_decay": Varying(0.1)}
    layouts = dict.fromkeys("pgmv", "full")
    loops = [
        emit(rules.adam, layouts, hypers, outputs=[*"pmv", None]),
        emit_op(registry["sigmoid"], ["full"]),
        emit_vjp(registry["relu"], [True], ["full"]),
        emit_op(registry["add"], ["full", "row"]),
        emit_vjp(registry["divide"], [True, True], ["column", "full"]),
    ]
    for loop in loops:
        flat, real = numba.float32[::1], numba.float64
        signature = [{"real": real, "int": numba.int64}.get(o.kind, flat) for o in loop.operands]
        scope: dict[str, Any] = {}
        exec(loop.text, scope)
        made = numba.njit(tuple(signature), error_model="numpy")(scope[loop.name])
        code = "\n".join(made.inspect_asm().values())
        # ReLU's slope is a choice: a comparison of vectors and a masked move.
        assert re.search(r"v(mul|div|add|cmp\w*|and)ps\s+.*[yz]mm", code), loop.name
