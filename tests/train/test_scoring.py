"""A network outside training: `predict` and `evaluate`."""

from collections.abc import Iterator

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import nn
from tinygrad_ed.data import moons
from tinygrad_ed.train import evaluate, predict

DATA = moons(70, seed=0)
X, Y = DATA.X, DATA.y.reshape(-1, 1).astype("float64")


@pytest.fixture
def model() -> Iterator[nn.Sequential]:
    yield nn.Sequential(nn.Linear(2, 4, seed=0), nn.Dropout(0.5, seed=0), nn.Linear(4, 1, seed=1))


def test_predict_in_pieces_is_predict_at_once(model: nn.Sequential) -> None:
    whole = predict(model, X)
    np.testing.assert_allclose(predict(model, X, batch_size=7), whole, rtol=1e-6)
    assert whole.shape == (70, 1)
    assert model.training, "the mode is what it was"
    assert model[1].call == 0, "dropout did not draw"


def test_evaluate_gives_the_loss_over_all_rows_and_each_metric(model: nn.Sequential) -> None:
    scores = evaluate(model, X, Y, loss=tg.mse, metrics={"rows": lambda t, y: len(y)})
    y = predict(model, X)
    assert scores["loss"] == pytest.approx(np.mean((y - Y) ** 2), rel=1e-5)
    assert scores["rows"] == 70


def test_predict_of_no_rows_or_in_pieces_of_none_is_refused(model: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="no rows"):
        predict(model, X[:0])
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        predict(model, X, batch_size=0)


def test_evaluate_keeps_the_name_of_the_loss_to_itself(model: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="evaluate: no metric can be called 'loss'"):
        evaluate(model, X, Y, loss=tg.bce_with_logits, metrics={"loss": len})
