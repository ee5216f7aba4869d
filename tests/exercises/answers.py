"""Answers to exercises: work files whose blanks are filled in."""

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinygrad_ed.check.zoo.edit import definition_text
from tinygrad_ed.exercises import work_file
from tinygrad_ed.exercises.catalogue import Part, exercise
from tinygrad_ed.exercises.cut import file_name
from tinygrad_ed.ops.source import names_read


def body(function: Callable[..., Any]) -> str:
    """The statements of a real function (or of a mutant of one), as text that runs anywhere."""
    assert linecache.getlines(function.__code__.co_filename)
    statements = textwrap.dedent(definition_text(function)[1])
    read = {name for s in ast.parse(f"def _():\n{textwrap.indent(statements, '    ')}").body
            for name in names_read(s)}  # fmt: skip
    helpers = [
        name
        for name in sorted(read & function.__globals__.keys())
        if inspect.isfunction(function.__globals__[name])
    ]
    line = f"from {function.__module__} import {', '.join(helpers)}\n" if helpers else ""
    return line + statements


def filled(name: str, bodies: Mapping[str, str], part: str = "both") -> str:
    """The work file with these bodies in the place of its blanks, by the function's name."""
    text = work_file(name, part)
    for function, statements in bodies.items():
        start = text.index(f"def {function}(")
        blank = text.index("    raise NotImplementedError(\n", start)
        end = text.index("    )\n", blank) + len("    )\n")
        text = text[:blank] + textwrap.indent(statements.rstrip() + "\n", "    ") + text[end:]
    return text


def shipped(parts: tuple[Part, ...]) -> dict[str, str]:
    """The library's own bodies."""
    return {part.function: body(part.real) for part in parts}


def write(folder: Path, name: str, bodies: Mapping[str, str], part: str = "both") -> Path:
    """A filled work file."""
    path = folder / file_name(name, part)
    path.write_text(filled(name, bodies, part), encoding="utf-8")
    return path


def written(folder: Path, name: str, part: str = "both", **other: str) -> Path:
    """The shipped answer, with some bodies exchanged."""
    right = shipped(exercise(name).chosen(part))
    return write(folder, name, {**right, **other}, part)
