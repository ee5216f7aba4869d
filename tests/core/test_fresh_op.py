"""The seam: an op that the library has never seen, two functions, works everywhere at once."""

import numpy as np
import pytest
from devices import DEVICES, WITH_KERNELS
from strict_arrays import StrictBackend

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend
from tinygrad_ed.ops.index.formula import evaluate


@tg.op(source="a test", elementwise=True)
def bent(z, k, *, sharpness=2.0):  # type: ignore[no-untyped-def]
    """A smooth bend: z k / (1 + e^(-s z))."""
    gate = 1 / (1 + np.exp(-sharpness * z))
    return z * k * gate


@bent.vjp
def _(dy, y, z, k, *, sharpness):  # type: ignore[no-untyped-def]
    gate = 1 / (1 + np.exp(-sharpness * z))
    slope = k * gate * (1 + sharpness * z * (1 - gate))
    return dy * slope, dy * z * gate


@tg.op(index="Q[n,m] = Σ_d A[n,d] * A[m,d]")
def gram(A):  # type: ignore[no-untyped-def]
    """Q = A Aᵀ: every row with every row."""
    return A @ np.swapaxes(A, -1, -2)


@gram.vjp
def _(dQ, Q, A):  # type: ignore[no-untyped-def]
    return (dQ + np.swapaxes(dQ, -1, -2)) @ A


z, k = np.random.default_rng(3).standard_normal((2, 4, 3))
FRESH = {
    "bent": lambda z, k: bent(z, k, sharpness=1.5),
    "bent, broadcast": lambda z, k: bent(z, k[0]),
    "gram": lambda z, k: gram(z * k),
}
each_fresh_op = pytest.mark.parametrize("call", FRESH.values(), ids=FRESH)


def leaves() -> list[tg.Tensor]:
    return [tg.tensor(a, requires_grad=True, name=n) for a, n in ((z, "z"), (k, "k"))]


@each_fresh_op
def test_it_computes_on_arrays_and_records_on_tensors(call) -> None:  # type: ignore[no-untyped-def]
    recorded = call(*leaves())
    np.testing.assert_array_equal(recorded.numpy(), call(z, k))
    assert recorded.op is not None


@each_fresh_op
@pytest.mark.parametrize("order", [1, 2])
def test_gradcheck_passes(call, order: int) -> None:  # type: ignore[no-untyped-def]
    assert tg.gradcheck(call, z, k, order=order)


@each_fresh_op
def test_unroll_prints_it_and_gives_the_same_bits(call) -> None:  # type: ignore[no-untyped-def]
    inputs = leaves()
    loss = (call(*inputs) * 0.5).sum()
    value, gradients = tg.unroll(loss).run()
    loss.backward()
    assert value == loss.item()
    for t in inputs:
        assert t.grad is not None and t.name is not None
        np.testing.assert_array_equal(gradients[t.name], t.grad.numpy())


@each_fresh_op
def test_explain_shows_it_with_its_numbers(call) -> None:  # type: ignore[no-untyped-def]
    inputs = leaves()
    loss = (call(*inputs) * 0.5).sum()
    derivation = tg.explain(loss)
    text, name = derivation.text(), loss._sources[0]._sources[0].op.name
    assert name in text
    if name == "bent":
        assert "1/(1 + exp(−1.5 z))" in text or "1/(1 + exp(−2 z))" in text
        assert any(f.role == "local derivative" for step in derivation for f in step.formulas)
    else:
        formulas = [f.code for step in derivation for f in step.formulas if f.role == "index"]
        assert any("Σ_d" in str(code) for code in formulas)
    loss.backward()
    for t in inputs:
        assert t.grad is not None and t.name is not None
        shown = [s for s in derivation if s.name == derivation.gradients[t.name]][-1].value
        np.testing.assert_array_equal(shown, t.grad.numpy())


@each_fresh_op
def test_it_runs_on_another_array_library(call) -> None:  # type: ignore[no-untyped-def]
    device = StrictBackend()
    there = [tg.Tensor(device.asarray(a), device, True) for a in (z, k)]
    here = leaves()
    for y in (call(*here), call(*there)):
        (y * y).sum().backward()
    for a, b in zip(here, there, strict=True):
        assert a.grad is not None and b.grad is not None
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


@each_fresh_op
@pytest.mark.parametrize("device", DEVICES)
def test_it_is_captured(call, device: str) -> None:  # type: ignore[no-untyped-def]
    def step(z: tg.Tensor, k: tg.Tensor) -> tuple[tg.Tensor, list[tg.Tensor]]:
        z.requires_grad = k.requires_grad = True
        loss = (call(z, k) * 0.5).sum()
        return loss.detach(), tg.grad(loss, [z, k])

    captured = tg.capture(step, device=device)
    for factor in (1.0, 0.5, 2.0, -1.0):
        expected = step(*(tg.tensor(factor * a, device=device) for a in (z, k)))
        found = captured(factor * z, factor * k)
        np.testing.assert_array_equal(found[0].numpy(), expected[0].numpy())
        for a, b in zip(found[1], expected[1], strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("device", WITH_KERNELS)
def test_an_elementwise_op_is_captured_as_a_kernel_and_others_as_a_formula(device: str) -> None:
    listings = {}
    for name, call in FRESH.items():
        captured = tg.capture(lambda z, k, call=call: call(z, k), device=device)
        for _ in range(3):
            captured(z, k)
        listings[name] = str(captured.program)
    assert "bent_forward(z, k" in listings["bent"] and "formula" not in listings["bent"]
    assert "formula" not in listings["bent, broadcast"].replace("getitem", "")
    assert "gram(multiply)" in listings["gram"] and "(formula, in Python)" in listings["gram"]


@pytest.mark.parametrize("device", WITH_KERNELS)
def test_kernels_made_of_it_agree_with_its_formula(device: str) -> None:
    backend = get_backend(device)
    kernel = backend.kernels[bent]
    assert kernel is not None
    for one, other in ((z, k), (z, k[0]), (z[:, :1], k)):
        arrays = [np.ascontiguousarray(a) for a in (one, other)]
        there = [backend.asarray(a) for a in arrays]
        y = kernel.forward(there, {"sharpness": 1.5})
        expected = bent(*arrays, sharpness=1.5)
        np.testing.assert_allclose(backend.to_numpy(y), expected, rtol=1e-14)
        upstream, value = backend.asarray(np.cos(expected)), backend.asarray(expected)
        found = kernel.vjp(upstream, value, there, (True, True), {"sharpness": 1.5})
        assert found is not None
        leaves = [tg.tensor(a, requires_grad=True) for a in arrays]
        wanted = tg.grad(bent(*leaves, sharpness=1.5), leaves, np.cos(expected))
        for gradient, t in zip(found, wanted, strict=True):
            gradient = backend.to_numpy(gradient)
            np.testing.assert_allclose(gradient, t.numpy(), rtol=1e-13, atol=1e-15)


def test_its_index_formula_is_its_oracle() -> None:
    np.testing.assert_allclose(gram(z), evaluate(gram, z), rtol=1e-14)


def test_fresh_ops_stay_out_of_the_rule_book() -> None:
    assert "bent" not in tg.registry and "gram" not in tg.registry
