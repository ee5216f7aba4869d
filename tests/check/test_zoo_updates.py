"""`check_update`: the library's rules are the textbook's, and what differs is described."""

from typing import Any

import numpy as np
import pytest

from tinygrad_ed.check.by_hand import training_step
from tinygrad_ed.check.evidence import kind_of
from tinygrad_ed.check.update_books import BOOKS, SETTINGS
from tinygrad_ed.check.updates import check_update
from tinygrad_ed.optim import rules


@pytest.mark.parametrize("name", BOOKS)
def test_the_librarys_rule_is_the_textbooks(name: str) -> None:
    result = check_update(getattr(rules, name))
    assert result and result.guess is None and result.tried == len(SETTINGS[name])
    assert str(result).startswith("check_update passed")


def test_the_step_by_hand_descends_along_the_slopes_of_its_loss() -> None:
    assert check_update(training_step)


@pytest.mark.parametrize("name", BOOKS)
def test_every_mistake_of_a_book_gives_other_numbers_than_the_right_rule(name: str) -> None:
    book, mistakes = BOOKS[name]
    for mistake in mistakes:

        def wrong(*arrays: Any, mistake: str = mistake, **numbers: Any) -> Any:
            return book(arrays, numbers, mistake)

        result = check_update(wrong, like=name)
        assert not result and kind_of(result.guess) == mistake


def test_a_mistake_that_nobody_foresaw_is_shown_in_numbers() -> None:
    result = check_update(lambda p, g, v, **numbers: (p - 0.123 * g, v), like="sgd")
    assert kind_of(result.guess) == "other-step"
    assert "plain: the new p[" in str(result)


def test_what_raises_or_has_another_shape_is_said() -> None:
    def raising(p: Any, g: Any, v: Any, **numbers: Any) -> Any:
        raise RuntimeError("not yet")

    assert "RuntimeError: not yet" in str(check_update(raising, like="sgd"))
    assert "1 results, expected 2" in str(check_update(lambda p, g, v, **n: p, like="sgd"))
    short = check_update(lambda p, g, v, **n: (p[:2], v), like="sgd")
    assert "expected an array of shape (6,)" in str(short)
    assert "NotImplementedError" in str(check_update(blank, like="training_step"))


def blank(*given: Any, lr: float) -> Any:
    raise NotImplementedError


def test_a_step_with_unknown_mistake_and_other_learning_rates() -> None:
    def off(*given: Any, lr: float) -> Any:
        W1, b1, W2, b2 = training_step(*given, lr=lr)
        return W1, b1, W2, b2 + 0.3 * lr

    result = check_update(off, like="training_step")
    assert kind_of(result.guess) == "other-step" and result.wrong == ("b2",)
    squared = check_update(
        lambda *given, lr: training_step(*given, lr=lr * lr), like="training_step"
    )
    assert kind_of(squared.guess) == "lr-twice"
    without = check_update(lambda *g, lr: training_step(*g, lr=1.0), like="training_step")
    assert kind_of(without.guess) == "lr-missing"


def test_an_unknown_rule_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(ValueError, match="sgd, adagrad, rmsprop, adam, adamw, training_step"):
        check_update(np.add, like="lion")
