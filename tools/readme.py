"""The marked parts of a Markdown file: ``python tools/readme.py ci:run README.md``.

A fence that follows a line ``<!-- ci: run -->`` holds commands that CI runs as written; one that
follows ``<!-- ci: python -->`` holds a program that the tests execute. This prints them: one
command a line for ``ci:run``, the programs for ``ci:python``. Only the standard library is used.
"""

import re
import sys
from pathlib import Path

FENCE = re.compile(r"^<!-- ci: (\w+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def marked(text: str, kind: str) -> list[str]:
    """Return the contents of the fences that are marked with this kind, in order."""
    return [body for found, body in FENCE.findall(text) if found == kind]


def commands(text: str) -> list[str]:
    """Return the commands that CI runs, one for each line of the marked fences."""
    return [s for body in marked(text, "run") for s in body.splitlines() if s.strip()]


if __name__ == "__main__":
    kind, path = sys.argv[1].removeprefix("ci:"), Path(sys.argv[2])
    text = path.read_text(encoding="utf-8")
    found = commands(text) if kind == "run" else marked(text, kind)
    if not found:
        sys.exit(f"{path} has no fence marked <!-- ci: {kind} -->")
    print("\n".join(found))
