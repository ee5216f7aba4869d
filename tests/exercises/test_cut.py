"""The work file: read off the source, safe to write, never over somebody's work."""

import ast
import inspect
from pathlib import Path

import pytest

from tinygrad_ed import registry
from tinygrad_ed.exercises import cut, exercises, work_file
from tinygrad_ed.exercises.cut import MARK, is_as_cut


def functions(text: str) -> dict[str, ast.FunctionDef]:
    return {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}


def test_every_op_every_rule_and_the_step_by_hand_are_exercises() -> None:
    assert set(registry) < set(exercises())
    assert len(exercises()) == len(registry) + 6
    assert all(one.summary for one in exercises().values())


@pytest.mark.parametrize("name", exercises())
def test_the_work_file_has_signature_docstring_and_blank_and_not_the_answer(name: str) -> None:
    text = work_file(name)
    found, one = functions(text), exercises()[name]
    assert list(found) == [part.function for part in one.parts]
    for part in one.parts:
        definition = found[part.function]
        real = part.real.__code__
        names = real.co_varnames[: real.co_argcount + real.co_kwonlyargcount]
        arguments = definition.args
        assert tuple(a.arg for a in [*arguments.args, *arguments.kwonlyargs]) == names
        assert ast.get_docstring(definition)
        assert len(definition.body) == 2 and isinstance(definition.body[1], ast.Raise)
    mark = MARK.search(text)
    assert mark is not None and mark.groups() == (name, "both")
    assert f"tinygrad-ed grade {name}.py" in text
    assert all(len(line) <= 100 for line in text.split("\n"))
    if one.source:
        assert one.source.split(",")[0].split(" ")[0] in text


@pytest.mark.parametrize("name", exercises())
def test_a_work_file_runs_as_it_is(name: str) -> None:
    names: dict[str, object] = {}
    exec(compile(work_file(name), f"{name}.py", "exec"), names)
    for part in exercises()[name].parts:
        asked = inspect.signature(names[part.function])  # type: ignore[arg-type]
        given = [0 for p in asked.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        named = {p.name: 0 for p in asked.parameters.values() if p.kind is p.KEYWORD_ONLY}
        with pytest.raises(NotImplementedError, match=f"{part.function} is still blank"):
            names[part.function](*given, **named)  # type: ignore[operator]


def test_hints_are_at_the_end_out_of_sight() -> None:
    text = work_file("sigmoid")
    above, _, below = text.partition("# Hints.")
    assert below.split("\n").count("#") >= 30 and "it calls" not in above
    assert "# sigmoid_vjp: it reads dy, y." in below
    assert "#   sigmoid-plus" in below


def test_one_part_alone() -> None:
    text = work_file("sigmoid", "backward")
    assert list(functions(text)) == ["sigmoid_vjp"]
    assert "The forward function is the library's own." in " ".join(text.split())
    with pytest.raises(ValueError, match="leave out --part"):
        work_file("adam", "forward")
    with pytest.raises(ValueError, match="did you mean softmax"):
        work_file("sofmax")


def test_it_is_written_where_it_is_wanted_and_again_while_nobody_has_changed_it(
    tmp_path: Path,
) -> None:
    path = cut("relu", folder=tmp_path / "new" / "folder")
    assert path.name == "relu.py" and is_as_cut(path.read_text(encoding="utf-8"))
    assert cut("relu", folder=path.parent) == path
    assert cut("relu", "backward", path.parent).name == "relu_backward.py"
    assert sorted(p.name for p in path.parent.iterdir()) == ["relu.py", "relu_backward.py"]


@pytest.mark.parametrize("work", ["# a note\n", " ", "return 1"])
def test_a_changed_file_is_never_overwritten(work: str, tmp_path: Path) -> None:
    path = cut("relu", folder=tmp_path)
    mine = path.read_text(encoding="utf-8") + work
    path.write_text(mine, encoding="utf-8")
    with pytest.raises(ValueError, match="was changed since it was cut, and that is your work"):
        cut("relu", folder=tmp_path)
    assert path.read_text(encoding="utf-8") == mine


def test_a_file_of_something_else_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "relu.py").write_bytes(b"\xff\x00 not even text")
    with pytest.raises(ValueError, match="nothing was written"):
        cut("relu", folder=tmp_path)
