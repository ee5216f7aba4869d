"""Users' own functions as scalar loops, and why some functions cannot be one."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from backends import scalar_formulas
from backends.scalar_formulas import USERS, locals_and_helpers
from backends.scalar_runs import assert_forward, assert_same, assert_vjp, run, values

from tinygrad_ed import op, registry
from tinygrad_ed.backends.scalar_loops import NotElementwise, Varying, emit, emit_op, emit_vjp
from tinygrad_ed.optim import rules

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


# --- users' own functions -------------------------------------------------------------------------

GRID = np.arange(3.0)


@each_dtype
@pytest.mark.parametrize("function", USERS, ids=lambda f: f.__name__)
def test_users_functions_become_loops(function: Any, dtype: str) -> None:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    arrays = {n: values("full", dtype, k) for k, n in enumerate(names)}
    loop = emit(function, dict.fromkeys(names, "full"), outputs=["y"], dtype=dtype)
    assert_same(run(loop, arrays)[0], function(*arrays.values()), loop)
    assert emit(function, dict.fromkeys(names, "full"), outputs=["y"], dtype=dtype) == loop


def test_users_op_calls_an_op_and_so_does_its_vjp() -> None:
    @op
    def swish(z, *, beta=1.0):  # type: ignore[no-untyped-def]
        return z * registry_sigmoid(beta * z)

    @swish.vjp
    def _(dy, y, z, *, beta):  # type: ignore[no-untyped-def]
        s = registry_sigmoid(beta * z)
        return dy * (s + beta * y * (1 - s))

    loop = assert_forward(swish, ["full"], "float32", {"beta": 2.0})
    assert loop.text.count("exp(") == 1, "an argument that is read twice is computed once"
    assert_vjp(swish, [True], ["full"], "float64", {"beta": 2.0})


registry_sigmoid = registry["sigmoid"]


def test_the_text_is_the_function_in_scalars() -> None:
    assert emit_op(registry["sigmoid"], ["full"]).text == (
        "import numpy as np\n\n"
        "from tinygrad_ed.kernels.cpu.elementary import absolute, exp, where\n\n"
        "T = np.float32\n\n\n"
        "def sigmoid_forward(z_, y_):\n"
        "    for i in range(z_.size):\n"
        "        z = z_[i]\n"
        "        e = exp(-absolute(z))\n"
        "        y_[i] = where(z >= T(0), T(1), e) / (T(1) + e)\n"
    )


def test_a_changed_module_constant_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = emit(locals_and_helpers, {"x": "full", "k": "full"}, outputs=["y"])
    assert loop.is_current()
    monkeypatch.setattr(scalar_formulas, "SLOPE", 0.4)
    assert not loop.is_current()


def test_what_no_result_needs_is_neither_read_nor_computed() -> None:
    loop = emit_vjp(registry["power"], (True, False), ["full", "full"])
    assert "log" not in loop.text
    assert [o.of for o in loop.operands] == ["dy", "a", "b", "da"]


# --- refusals -------------------------------------------------------------------------------------


def reduces(x, k):  # type: ignore[no-untyped-def]
    return x - np.sum(x)


def asks_an_entry(x, k):  # type: ignore[no-untyped-def]
    return x if k > 0 else -x


def asks_a_chain(x, k):  # type: ignore[no-untyped-def]
    return x * (0 < k < 1)


def uses_an_array_from_outside(x, k):  # type: ignore[no-untyped-def]
    return x * GRID[0] + k * GRID


def writes(x, k):  # type: ignore[no-untyped-def]
    y = x * 1
    y[...] = k
    return y


def adds_in_place(x, k):  # type: ignore[no-untyped-def]
    x += k
    return x


def uses_out(x, k):  # type: ignore[no-untyped-def]
    return np.add(x, k, out=x)


def calls_a_method(x, k):  # type: ignore[no-untyped-def]
    return x.cumsum() + k


def picks(x, k):  # type: ignore[no-untyped-def]
    return x[0] + k


def loops(x, k):  # type: ignore[no-untyped-def]
    for _ in range(2):
        x = x + k
    return x


def recurs(x, k):  # type: ignore[no-untyped-def]
    return recurs(x, k)


def asks_its_size(x, k):  # type: ignore[no-untyped-def]
    return x / x.size


def looks_up(x, k):  # type: ignore[no-untyped-def]
    return x * missing  # noqa: F821


def raises_ahead(x, k):  # type: ignore[no-untyped-def]
    return x * (1 / 0)


def checks_inside(x, k):  # type: ignore[no-untyped-def]
    return registry_clip(x, low=0.0, high=1.0) + k


def powers_of_a_mask(x, k):  # type: ignore[no-untyped-def]
    return (x > 0) ** 2


def becomes_complex(x, k):  # type: ignore[no-untyped-def]
    return x * (-2.0) ** 0.5


def is_too_large(x, k):  # type: ignore[no-untyped-def]
    return x * 10**400


registry_clip = registry["clip"]
REFUSED = {
    reduces: "sum is no function of one entry", asks_an_entry: "decided by the entries",
    asks_a_chain: "decided by the entries", uses_an_array_from_outside: "array from outside",
    writes: "no assignment|writes into", adds_in_place: "x \\+= k", uses_out: "out=",
    calls_a_method: "method of arrays", picks: "picks entries", loops: "for _ in range",
    recurs: "calls itself", asks_its_size: "x.size` is not known", looks_up: "missing",
    raises_ahead: "ZeroDivisionError", checks_inside: "checks its operands",
    powers_of_a_mask: "power of", becomes_complex: "stands where a number", is_too_large: "bits",
}  # fmt: skip


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_what_is_no_loop_says_why(function: Any) -> None:
    with pytest.raises(NotElementwise, match=REFUSED[function]):
        emit(function, {"x": "full", "k": "full"}, outputs=["y"])


def test_a_function_without_source_is_refused() -> None:
    scope: dict[str, Any] = {}
    exec("def typed(x):\n    return x * 2", scope)
    with pytest.raises(NotElementwise, match="source"):
        emit(scope["typed"], {"x": "full"}, outputs=["y"])


def test_an_if_on_a_number_of_unknown_value_is_refused() -> None:
    hypers = {"lr": float, "weight_decay": float, "first": bool}
    with pytest.raises(NotElementwise, match="weight_decay != 0"):
        emit(rules.sgd, {"p": "full", "g": "full"}, hypers, outputs=["p", None])


def test_a_wrong_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown pattern 'rows'"):
        emit_op(registry["exp"], ["rows"])
    with pytest.raises(TypeError, match="plain Python number"):
        emit_op(registry["leaky_relu"], ["full"], {"slope": Varying(np.float32(1))})
