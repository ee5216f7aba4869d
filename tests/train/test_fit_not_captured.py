"""A step that cannot be captured: `fit` says why and goes on, and nothing is lost or done twice."""

from collections.abc import Callable
from typing import Any

import pytest
from train import fit_runs
from train.fit_runs import Annealed, assert_same_weights, network, train

import tinygrad_ed as tg
from tinygrad_ed import nn, optim


class Watching(nn.Module):
    """Counts its calls, and looks at numbers: no program can do that."""

    def __init__(self) -> None:
        self.inner = network()
        self.calls = 0
        self.largest = 0.0

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        z = self.inner(x)
        self.calls += 1
        self.largest = max(self.largest, float(abs(z).max()))
        return z


class LooksBack(optim.SGD):
    """Looks at a weight when the step is done already."""

    def step(self) -> None:
        super().step()
        self.seen = self.param_groups[0].params[0].numpy().sum()


class Counting(Annealed):
    """Computes something else each time."""

    def __call__(self, z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        self.weight *= 0.99
        return super().__call__(z, t)


def other_device(z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
    """A penalty that is computed on another device."""
    return tg.bce_with_logits(z, t) + (tg.tensor([2.0]) * 3).sum().item()


IMPOSSIBLE: dict[str, tuple[Callable[[], nn.Module], Callable[[], dict[str, Any]], str]] = {
    "looks": (Watching, dict, r"test_fit_not_captured\.py:\d+: float\(\) of"),
    "looks when all is done": (
        network,
        lambda: {"make": lambda p: LooksBack(p, lr=0.1)},
        r"test_fit_not_captured\.py:\d+: \.numpy\(\) of",
    ),
    "never the same": (network, lambda: {"loss": Counting()}, "not compute the same each time"),
    "two devices": (network, lambda: {"loss": other_device}, "captured for device 'cpu'"),
}
each_impossible = pytest.mark.parametrize(
    ("made", "options", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE
)


@each_impossible
def test_it_goes_on_as_written_and_nothing_is_lost_or_done_twice(
    made: Any, options: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model, written = made(), made()
    with pytest.warns(UserWarning, match=message) as warned:
        history = train(model, progress=True, **options())
    assert len(warned) == 1
    assert warned[0].filename == fit_runs.__file__, "the warning points to the user's line"
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("not captured: ") and len(rest) == 4
    assert history.epochs == train(written, capture=False, **options()).epochs
    assert_same_weights(model, written)
    assert getattr(model, "calls", 40) == getattr(written, "calls", 40) == 40


@each_impossible
def test_it_raises_where_it_must_be_captured(made: Any, options: Any, message: str) -> None:
    with pytest.raises(tg.CaptureError, match=message):
        train(made(), capture=True, **options())


def test_a_step_that_changes_its_own_set_up_is_given_up_in_the_end() -> None:
    class Restless(nn.Module):
        def __init__(self) -> None:
            self.inner = network()
            self.calls = 0

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            self.calls += 1
            return self.inner.train(self.calls % 2 == 0)(x)  # type: ignore[no-any-return]

    model, written = Restless(), Restless()
    with pytest.warns(UserWarning, match="step changes each time what the next run would rely on"):
        history = train(model)
    assert history.epochs == train(written, capture=False).epochs
    assert_same_weights(model, written)
    with pytest.raises(tg.CaptureError, match="step changes each time"):
        train(Restless(), capture=True)


def test_epochs_of_a_step_or_two_with_callbacks_are_not_worth_tracing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, written = network(), network()
    options = {"batch_size": 75, "callbacks": [lambda epoch, logs: None], "epochs": 3}
    history = train(model, progress=True, **options)
    assert capsys.readouterr().out.splitlines()[1].startswith("not captured: an epoch has too few")
    assert history.epochs == train(written, capture=False, **options).epochs
    assert_same_weights(model, written)


def test_only_on_the_cpu() -> None:
    with pytest.raises(tg.CaptureError, match="needs device 'cpu' or 'cuda'"):
        train(network("numpy"), capture=True)
