"""What README.md shows as output is what its commands print now."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def load_tool() -> Any:
    path = ROOT / "tools" / "readme_output.py"
    spec = importlib.util.spec_from_file_location("readme_output", path)
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    sys.modules["readme_output"] = tool  # its dataclass looks itself up
    spec.loader.exec_module(tool)
    return tool


TOOL = load_tool()
BLOCKS = list(TOOL.blocks(README))


def block(text: str, keep: str = "") -> str:
    """A text with one program, and its output as said."""
    kept = f"<!-- keep: {keep} -->\n" if keep else ""
    program = "print('loss 0.1234')\nprint('step 2')\nprint('done')\n"
    return (
        f"```python\n{program}```\n\n<!-- output: the program above -->\n{kept}```text\n{text}```\n"
    )


def test_the_newcomers_path_has_all_of_its_steps() -> None:
    commands = [b.command for b in BLOCKS]
    for step in ("mlp_binary.py", "explain", "the program above", "--stepper"):
        assert any(step in command for command in commands), step
    assert README.count("```text\n") == len(BLOCKS)  # no output that nothing prints


@pytest.mark.parametrize("shown", BLOCKS, ids=lambda b: b.command)
def test_an_output_is_what_its_command_prints_now(shown: Any) -> None:
    assert TOOL.agree(shown.shown, shown.printed()), "python tools/readme_output.py --write"


@pytest.mark.parametrize("shown", [b for b in BLOCKS if b.command != "the program above"])
def test_the_command_of_an_output_is_in_the_fence_above_it(shown: Any) -> None:
    above = README[: shown.span[0]].rpartition("<!-- output:")[0].rpartition("```bash\n")[2]
    assert shown.command in above.partition("```")[0]


def test_what_is_left_out_is_one_line_with_an_ellipsis() -> None:
    output = "a\nb one\nc\nd two\ne\n"
    assert TOOL.kept(output, '"b":"b", "d":') == "…\nb one\n…\nd two\ne\n"
    assert TOOL.kept(output, ':"b"') == "a\nb one\n…\n"
    assert TOOL.kept(output, "") == output
    with pytest.raises(ValueError, match="no line of the output has 'z'"):
        TOOL.kept(output, '"z":')
    with pytest.raises(ValueError, match="is not a list"):
        TOOL.kept(output, "3 lines")


@pytest.mark.parametrize(
    ("shown", "right"),
    [
        ("loss 0.1234\nstep 2\ndone\n", True),
        ("loss 0.1235\nstep 2\ndone\n", True),  # another processor's last digit
        ("loss 0.1334\nstep 2\ndone\n", False),
        ("loss 0.1234\nstep 3\ndone\n", False),
        ("loss -0.1234\nstep 2\ndone\n", False),
        ("loss 0.1234\nstep 2\nover\n", False),
        ("loss 0.1234\nstep 2\n", False),
    ],
)
def test_numbers_may_differ_by_rounding_and_nothing_else_may(shown: str, right: bool) -> None:
    assert (TOOL.problems(block(shown)) == []) is right


def test_write_puts_in_what_is_printed() -> None:
    spoiled = block("loss 9.9\n", '"loss":"loss"')
    assert TOOL.problems(spoiled)
    assert TOOL.written(spoiled) == block("loss 0.1234\n…\n", '"loss":"loss"')


def test_a_command_that_fails_says_so() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        TOOL.run("exit 3")
