"""Around a captured step tensors are what they always are: visible, assignable, their own."""

from typing import Any

import numpy as np
import pytest
from captured.twins import Trainee, assert_same_bits, batches, classifier, twins

import tinygrad_ed as tg


def small(**options: Any) -> Trainee:
    return classifier(sizes=(6, 5, 1), **options)


def trained(**options: Any) -> Trainee:
    t = small()
    t.call = tg.capture(t.step, **options)
    for batch in batches(4, 8, 6):
        t.call(*batch)
    return t


def test_weights_are_seen_and_assigned_between_steps() -> None:
    t = trained()
    W = t.model[0].W
    view, before = W.numpy(), np.array(W.numpy())
    t.call(*batches(1, 8, 6)[0])
    assert not np.array_equal(W.numpy(), before)
    np.testing.assert_array_equal(view, W.numpy())
    program = t.call.program
    for p in t.model.parameters():
        p.data = np.zeros(p.shape)
    loss = t.call(*batches(1, 8, 6)[0])
    assert loss.item() == pytest.approx(np.log(2)) and t.call.program is program
    with tg.no_grad():
        W[...] = 1.0
        assert_same_bits(W, tg.ones(W.shape))


def test_a_parameter_that_moves_takes_the_program_along() -> None:
    eager, captured = twins(small)
    for t in (eager, captured):
        for batch in batches(3, 8, 6):
            t.call(*batch)
        t.optimizers[0] = None
    for t in (eager, captured):  # a new optimizer moves the weights into memory of its own
        other = tg.optim.SGD(t.model.parameters(), lr=0.1)
        model = t.model

        def step(X: Any, y: Any, model: Any = model, other: Any = other) -> Any:
            loss = tg.bce_with_logits(model(X), y)
            other.zero_grad()
            loss.backward()
            other.step()
            return loss

        t.optimizers[0], t.step = other, step
        t.call = tg.capture(step) if t is captured else step
    for batch in batches(4, 8, 6):
        assert_same_bits(eager.call(*batch), captured.call(*batch))
    assert_same_bits(eager.numbers, captured.numbers)


def test_old_tapes_refuse_after_a_captured_step() -> None:
    t = trained()
    X, y = batches(1, 8, 6)[0]
    loss = tg.bce_with_logits(t.model(X), y)
    t.call(X, y)
    with pytest.raises(tg.TapeError, match=r"W2 .* changed in place by Adam.step"):
        loss.backward()


def test_a_gradient_that_was_used_up_says_so() -> None:
    t = trained()
    for p in t.model.parameters():
        with pytest.raises(tg.TapeError, match=rf"{p.name} .* not kept \(fused\).*keep_grads=True"):
            _ = p.grad
        assert "not kept" in repr(p)
    with pytest.raises(tg.TapeError, match="not kept"):
        t.optimizers[0].step()
    with pytest.raises(tg.TapeError, match="not kept"):
        X, y = batches(1, 8, 6)[0]
        tg.bce_with_logits(t.model(X), y).backward()
    t.optimizers[0].zero_grad()
    assert all(p.grad is None for p in t.model.parameters())


def test_it_says_so_from_the_first_call_on() -> None:
    t = small()
    step = tg.capture(t.step)
    for batch in batches(4, 8, 6):
        step(*batch)
        with pytest.raises(tg.TapeError, match="not kept"):
            _ = t.model[0].W.grad


def test_gradients_that_are_kept_are_copies_that_never_change() -> None:
    eager, captured = twins(small, keep_grads=True)
    held = []
    for batch in batches(6, 8, 6):
        for t in (eager, captured):
            t.call(*batch)
        for p, q in zip(eager.model.parameters(), captured.model.parameters(), strict=True):
            assert p.grad is not None and q.grad is not None
            assert_same_bits(p.grad, q.grad)
            held.append((q.grad, q.grad.numpy(), np.array(q.grad.numpy())))
    for tensor, view, copy in held:
        np.testing.assert_array_equal(tensor.numpy(), copy)
        np.testing.assert_array_equal(view, copy)
    assert captured.call.program is not None


def test_kept_gradients_can_be_used_by_a_second_step() -> None:
    eager, captured = twins(small, keep_grads=True)
    for batch in batches(6, 8, 6):
        for t in (eager, captured):
            t.call(*batch)
            t.optimizers[0].step()
    assert_same_bits(eager.numbers, captured.numbers)


def test_gradients_that_no_optimizer_used_are_there_and_stay_as_they_are() -> None:
    t = small()

    @tg.capture
    def backward(X: Any, y: Any) -> Any:
        loss = tg.bce_with_logits(t.model(X), y)
        t.model.zero_grad()
        loss.backward()
        return loss

    held = []
    for X, y in batches(6, 8, 6):
        backward(X, y)
        expected = tg.grad(tg.bce_with_logits(t.model(X), y), t.model.parameters())
        for p, wanted in zip(t.model.parameters(), expected, strict=True):
            assert p.grad is not None
            assert_same_bits(wanted, p.grad)
            held.append((p.grad, np.array(wanted.numpy())))
    for gradient, copy in held:
        assert_same_bits(np.array(gradient.numpy()), copy)
    assert backward.program is not None


def test_a_gradient_held_since_before_never_changes() -> None:
    t = small()
    X, y = batches(1, 8, 6)[0]
    tg.bce_with_logits(t.model(X), y).backward()
    grads = [p.grad for p in t.model.parameters()]
    held = [(g.numpy(), np.array(g.numpy())) for g in grads if g is not None]
    step = tg.capture(t.step)
    for batch in batches(8, 8, 6):
        step(*batch)
    for view, copy in held:
        np.testing.assert_array_equal(view, copy)


def test_results_never_change_and_are_cut_from_the_tape() -> None:
    t = trained()
    losses = [t.call(*batch) for batch in batches(6, 8, 6)]
    values = [loss.item() for loss in losses]
    for batch in batches(6, 8, 6, seed=1):
        t.call(*batch)
    assert [loss.item() for loss in losses] == values and len(set(values)) == 6
    assert losses[-1].op is None and not losses[-1].requires_grad
    losses[0][...] = 7.0
    assert t.call(*batches(1, 8, 6)[0]).item() != 7.0


def test_what_a_step_puts_aside_while_it_is_traced_does_not_change_later() -> None:
    t = small()
    aside = []

    @tg.capture
    def step(X: Any, y: Any) -> Any:
        hidden = t.model[0](X)
        aside.append((hidden, X, hidden.detach()))
        return t.step(X, y)

    for k, batch in enumerate(batches(8, 8, 6)):
        step(*batch)
        if k == 1:
            copies = [[np.array(a.numpy()) for a in kept] for kept in aside]
    assert len(aside) == 2
    for kept, copy in zip(aside, copies, strict=True):
        assert_same_bits([np.array(a.numpy()) for a in kept], copy)


def test_tensors_that_a_step_reads_from_outside_are_read_each_time() -> None:
    scale = tg.tensor([2.0], device="cpu")
    step = tg.capture(lambda x: x * scale)
    x = np.ones(3, np.float32)
    assert [step(x).numpy()[0] for _ in range(3)] == [2.0] * 3
    scale.data = [5.0]
    assert step(x).numpy()[0] == 5.0


def test_results_keep_their_names_and_kinds() -> None:
    from typing import NamedTuple

    class Found(NamedTuple):
        loss: Any
        more: Any

    def step(x: Any) -> Any:
        total = x.sum()
        total.name = "total"
        return Found(total, [x * 2, {"none": None, "text": "a", "number": 3}, np.arange(2)])

    captured = tg.capture(step)
    for k in range(4):
        x = tg.tensor(np.full(3, k, np.float32), device="cpu")
        found, expected = captured(x), step(x)
        assert type(found) is Found and found.loss.name == "total"
        assert_same_bits(expected, found)
        found.more[2][0] = 9
