"""The outputs that README.md shows, from the commands that print them.

    python tools/readme_output.py           are they what the commands print now?
    python tools/readme_output.py --write   write what they print now

A fence below a line ``<!-- output: COMMAND -->`` holds what the command prints; with ``the program
above`` for a command, what the last ``python`` fence before it prints. A second line says what of
it is kept: ``<!-- keep: "START":"END", "START":"END" -->`` names the first line and the last one of
each piece by words in them; no words mean the output's own first or last line. Lines that are left
out are one line ``…``, by this rule and no other.

Text has to agree exactly. Numbers may differ a little, since another processor adds up in another
order: by 1 %, or 2 in the last digit shown, and all below 1e-9 count as rounding errors.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"<!-- output: (?P<command>[^\n]+) -->\n(?:<!-- keep: (?P<keep>[^\n]+) -->\n)?"
    r"```text\n(?P<shown>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PIECE = re.compile(r'(?:"([^"]+)")?:(?:"([^"]+)")?(?:,\s*|$)')
NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
LEFT_OUT = "…"


@dataclass(frozen=True)
class Block:
    """One output in a text.

    Attributes:
        command: What prints it.
        keep: Which of its lines are shown; "" for all.
        shown: The fence's content.
        span: Where that stands.
        program: The last Python program before it.
    """

    command: str
    keep: str
    shown: str
    span: tuple[int, int]
    program: str

    def printed(self) -> str:
        """What the fence should hold."""
        return kept(run(self.command, self.program), self.keep)


def blocks(text: str) -> Iterator[Block]:
    """The outputs of a text, in order."""
    for match in BLOCK.finditer(text):
        programs = PROGRAM.findall(text[: match.start()])
        program = programs[-1] if programs else ""
        yield Block(
            match["command"], match["keep"] or "", match["shown"], match.span("shown"), program
        )


def run(command: str, program: str = "") -> str:
    """What a command prints, in an empty folder that has only examples/ in it.

    Raises:
        RuntimeError: It fails; the message has its own words.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        if command == "the program above":
            (Path(folder) / "program.py").write_text(program, encoding="utf-8")
            command = "python program.py"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        environment = {**os.environ, "PATH": path, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            command,
            shell=True,
            capture_output=True,
            encoding="utf-8",
            cwd=folder,
            env=environment,
        )
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def kept(output: str, keep: str) -> str:
    """The pieces of an output that are shown, with a line "…" for each part that is not.

    Raises:
        ValueError: `keep` is no list of pieces, or the output has no such line.
    """
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    if not keep:
        return "\n".join(lines) + "\n"
    if PIECE.sub("", keep):
        raise ValueError(f'keep: {keep!r} is not a list of "START":"END"')
    found: list[str] = []
    done = 0
    for start, end in PIECE.findall(keep):
        if not start and not end:
            continue
        first = _line(lines, start, done) if start else done
        last = _line(lines, end, first) if end else len(lines) - 1
        found += [LEFT_OUT] if first > done else []
        found += lines[first : last + 1]
        done = last + 1
    found += [LEFT_OUT] if done < len(lines) else []
    return "\n".join(found) + "\n"


def _line(lines: list[str], words: str, begin: int) -> int:
    for k in range(begin, len(lines)):
        if words in lines[k]:
            return k
    raise ValueError(f"keep: no line of the output has {words!r} in it, from line {begin + 1} on")


def agree(shown: str, printed: str) -> bool:
    """Whether two outputs say the same: equal text, and numbers as near as rounding leaves them."""
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    return all(map(_near, NUMBER.findall(shown), NUMBER.findall(printed)))


def _near(one: str, other: str) -> bool:
    if one == other:
        return True
    if "." not in one + other:
        return False  # counts, and the places of entries
    a, b = (float(text.replace("−", "-")) for text in (one, other))
    digits = max(len(text.partition("e")[0].partition(".")[2]) for text in (one, other))
    last = 2.01 * 10.0**-digits if "e" not in one + other else 0.0
    return max(abs(a), abs(b)) < 1e-9 or abs(a - b) <= max(last, 0.01 * max(abs(a), abs(b)))


def problems(text: str) -> list[str]:
    """What is not as the commands print it: a difference for each."""
    found = []
    for block in blocks(text):
        printed = block.printed()
        if not agree(block.shown, printed):
            lines = difflib.unified_diff(
                block.shown.splitlines(), printed.splitlines(), "shown", "printed", lineterm=""
            )
            found.append("\n".join([block.command, *lines]))
    return found


def written(text: str) -> str:
    """The text with every output as it is printed now."""
    for block in reversed(list(blocks(text))):
        begin, end = block.span
        text = text[:begin] + block.printed() + text[end:]
    return text


if __name__ == "__main__":
    readme = ROOT / "README.md"
    content = readme.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--write"]:
        readme.write_text(written(content), encoding="utf-8")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        wrong = problems(content)
        print("\n\n".join(wrong) or "README.md shows what its commands print")
        sys.exit(bool(wrong))
