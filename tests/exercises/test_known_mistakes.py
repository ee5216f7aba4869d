"""Every mutant of the zoo, handed in as an answer, fails and is called by its name."""

from pathlib import Path

import pytest
from exercises.answers import body, written

from tinygrad_ed.check import zoo
from tinygrad_ed.exercises import exercises, grade

ANSWERS = [name for name, one in zoo.mutants.items() if one.kind != "tape"]


def test_only_the_engines_own_functions_are_no_exercises() -> None:
    others = {one.target for name, one in zoo.mutants.items() if name not in ANSWERS}
    assert others == {
        "base.summed",
        "base.Backend.add",
        "gradients._accumulate",
        "optimizer.Optimizer.zero_grad",
    }


@pytest.mark.parametrize("name", ANSWERS)
def test_a_mutant_as_an_answer_fails_and_is_named(name: str, tmp_path: Path) -> None:
    one = zoo.mutants[name]
    (part,) = [p for p in exercises()[one.subject].parts if p.target == one.target]
    report = grade(written(tmp_path, one.subject, **{part.function: body(one.function)}))
    assert not report
    wrong = [check for check in report.checks if not check.passed]
    assert any(check.name.endswith("known mistakes") for check in wrong)
    assert len(wrong) >= 2, "the numbers show it, too"
    assert (name, one.story) in report.mutants
    assert f"known mistake: {name}" in str(report)
