"""Our own tests kill every mutant of the zoo: their bodies are run with the mutant in place.

The bodies are those of the suite, taken from its files and called in this process, each property
with a few examples and always the same ones. A mutant that survives would show a test that cannot
fail; a body that fails without a mutant would show nothing at all, so that is tested, too.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from check import test_zoo_by_hand, test_zoo_calls, test_zoo_ties
from core import test_tape
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nn import test_layers
from ops import test_forms, test_gradients
from ops.cases import CASES
from optim import test_optimizer, test_rules

import tinygrad_ed as tg
from tinygrad_ed.check import zoo

Body = Callable[[], Any]

FEW = settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # a failure is not shrunk: that it fails is all that is asked
    suppress_health_check=list(HealthCheck),
)


def few(test: Any, **arguments: Any) -> Body:
    """A property's body on a few examples."""
    inner = FEW(given(data=st.data())(test.hypothesis.inner_test))
    return functools.partial(inner, **arguments)


def of_op(name: str) -> Iterator[Body]:
    """The battery that every op must pass, on device "numpy"."""
    yield few(test_gradients.test_vjp_is_the_complex_step_of_the_textbook_form, name=name)
    if name in test_forms.WITH_TEXTBOOK:
        form = test_forms.test_the_computable_form_is_the_textbook_form_in_400_digits
        yield few(form, name=name)
    if name in test_forms.COMPOSED:
        twin = test_forms.test_the_fused_op_is_its_composed_twin
        yield few(twin, name=name, device="numpy")
    if CASES[name].wide is not None:
        yield few(test_gradients.test_vjp_is_the_slope_over_the_whole_domain, name=name)
    if CASES[name].kinks is not None:
        yield few(
            test_gradients.test_vjp_at_a_kink_lies_between_the_slopes_from_both_sides, name=name
        )
    yield functools.partial(test_zoo_calls.test_an_op_has_the_right_gradient_on_its_calls, name)
    for among, body in (
        (("max", "min"), test_zoo_ties.test_entries_that_tie_share_the_gradient),
        (("maximum", "minimum"), test_zoo_ties.test_operands_that_tie_share_the_gradient),
    ):
        if name in among:
            yield functools.partial(body, getattr(tg, name))
    if name == "dropout":
        yield functools.partial(test_layers.test_dropout_keeps_the_expectation, "numpy")


ALGORITHMS = {
    "sgd": "SGD", "adagrad": "AdaGrad", "rmsprop": "RMSProp", "adam": "Adam", "adamw": "AdamW",
}  # fmt: skip


def of_rule(name: str) -> Iterator[Body]:
    """PyTorch's trajectories in every variant."""
    for row in test_rules.GOLDEN:
        if row["algorithm"] == ALGORITHMS[name]:
            body = test_rules.test_trajectory_equals_pytorch_over_100_steps
            yield functools.partial(body, row)


OTHERS: dict[str, list[Body]] = {
    "training_step": [
        test_zoo_by_hand.test_a_step_by_hand_is_the_tapes_gradient_and_sgds_step
    ],
    "summed": [
        test_tape.test_broadcast_operands_get_the_sum_over_the_axes_they_were_spread_along
    ],
    "Backend.add": [test_tape.test_gradients_of_two_paths_add_up],
    "_accumulate": [test_tape.test_leaves_accumulate_over_backward_passes],
    "Optimizer.zero_grad": [test_optimizer.test_zero_grad_forgets_every_gradient],
}  # fmt: skip


def bodies(subject: str) -> list[Body]:
    """The tests that look at an op, a rule or a function of the engine."""
    if subject in tg.registry:
        return list(of_op(subject))
    return list(of_rule(subject)) if subject in ALGORITHMS else OTHERS[subject]


def failure_of(body: Body) -> Exception | None:
    try:
        with np.errstate(all="ignore"):  # a wrong number is to fail the test, not an overflow
            body()
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("name", zoo.mutants)
def test_a_mutant_is_killed(name: str) -> None:
    one = zoo.mutants[name]
    with one.in_place():
        failures = (failure_of(body) for body in bodies(one.subject))
        assert any(failures), f"{name} survives: no test of {one.subject} fails with it in place"


@pytest.mark.parametrize("subject", sorted({one.subject for one in zoo.mutants.values()}))
def test_without_a_mutant_the_same_bodies_pass(subject: str) -> None:
    every = bodies(subject)
    assert every
    for body in every:
        body()
