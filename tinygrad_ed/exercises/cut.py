"""The work file: a function of the library with its body cut out, for the learner to write.

Everything in it is read off the real source at the moment it is cut: signature, docstring, the
helpers that the real function uses, and the hints. There is no second copy to go stale.
"""

import ast
import builtins
import copy
import hashlib
import inspect
import os
import re
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

from ..check import zoo
from ..ops.registry import registry
from ..ops.source import body_of, names_bound, names_read, syntax
from .catalogue import Exercise, Part, exercise

MARK = re.compile(r"^# tinygrad-ed exercise: (\w+) \((\w+)\)$", re.MULTILINE)
WIDTH = 98
DIGEST = re.compile(r"^# as cut: ([0-9a-f]{64})\n", re.MULTILINE)


def file_name(name: str, part: str = "both") -> str:
    """What the work file is called: `sigmoid.py`, or `sigmoid_backward.py` for one part."""
    return f"{name}.py" if part == "both" else f"{name}_{part}.py"


def cut(name: str, part: str = "both", folder: str | Path = ".") -> Path:
    """Writes the work file of an exercise into a folder and returns its path.

    A file that is there is replaced only if nobody has changed it since it was cut.

    Raises:
        ValueError: No such exercise or part; or the file holds somebody's work.
        OSError: The folder cannot be written.
    """
    text = work_file(name, part)
    path = Path(folder) / file_name(name, part)
    if path.exists() and not is_as_cut(path.read_text(encoding="utf-8", errors="replace")):
        raise ValueError(
            f"{path} was changed since it was cut, and that is your work: nothing was written. "
            f"Rename it, or choose another folder with --out"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
    return path


def is_as_cut(text: str) -> bool:
    """Whether a work file is exactly as it was written, without a letter of the learner's."""
    found = DIGEST.search(text)
    return found is not None and found[1] == _digest(DIGEST.sub("", text, count=1))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def work_file(name: str, part: str = "both") -> str:
    """The text of the work file.

    Raises:
        ValueError: No such exercise or part.
    """
    one = exercise(name)
    parts = one.chosen(part)
    file = file_name(name, part)
    what = " and ".join(p.function for p in parts)
    about = (
        f'"""Exercise {name}: write {what}.\n\n{_task(one, parts)}\n\nThen: tinygrad-ed grade '
        f'{file}\n"""\n'
    )
    mark = f"{about}\n# tinygrad-ed exercise: {name} ({part})\n"
    blanks = "\n\n".join(_blank(one, p) for p in parts)
    rest = f"\n{_imports(parts)}\n\n{blanks}\n\n{_hints(parts)}"
    return f"{mark}# as cut: {_digest(mark + rest)}\n{rest}"


def _task(one: Exercise, parts: Sequence[Part]) -> str:
    """What to do, in a few lines."""
    if one.kind == "rule":
        what = "The arrays come and go as plain arrays; change none of them in place."
    elif one.kind == "step":
        what = "Forward, backward, update: plain arrays in, new parameters out."
    else:
        what = (
            "Use operators and NumPy functions (np.exp, np.where, np.sum …): they run on plain "
            "arrays and, when the backward pass is itself differentiated, on tensors."
        )
    source = f" Source: {one.source}." if one.source else ""
    missing = {p.name for p in one.parts} - {p.name for p in parts}
    rest = f" The {missing.pop()} function is the library's own." if missing else ""
    return textwrap.fill(f"Replace every `raise NotImplementedError`. {what}{rest}{source}", WIDTH)


def _imports(parts: Sequence[Part]) -> str:
    """NumPy, and what the real functions use of the library: tools, not answers."""
    lines = {"import numpy as np"}
    own = {p.function for p in parts}
    for part in parts:
        real = part.real
        used = {n for s in body_of(syntax(real)) for n in names_read(s)}
        used -= {n for s in body_of(syntax(real)) for n in names_bound(s)} | own | {"np"}
        helpers = sorted(n for n in used if n in real.__globals__ and not hasattr(builtins, n))
        # A name that the module gives another meaning than Python's own (`sum`, `max`).
        helpers += sorted(n for n in used if n in real.__globals__ and hasattr(builtins, n))
        if helpers:
            lines.add(f"from {real.__module__} import {', '.join(helpers)}")
    return "\n".join(sorted(lines, key=lambda line: line.startswith("from"))) + "\n"


def _blank(one: Exercise, part: Part) -> str:
    """The signature with its defaults, the docstring, and a blank."""
    definition = copy.deepcopy(syntax(part.real))
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    arguments = ast.unparse(definition.args)
    signature = f"def {part.function}({arguments}):"
    if len(signature) > WIDTH:
        wrapped = textwrap.fill(arguments, WIDTH - 4, break_on_hyphens=False)
        signature = f"def {part.function}(\n{textwrap.indent(wrapped, ' ' * 4)}\n):"
    message = f"{part.function} is still blank: write it here, then run tinygrad-ed grade"
    doc = _docstring(one, part)
    doc = textwrap.indent(
        f'"""{doc}' + ("\n" if "\n" in doc else "") + '"""', " " * 4, lambda line: line != "\n"
    )
    return f'{signature}\n{doc}\n    raise NotImplementedError(\n        "{message}"\n    )\n'


def _docstring(one: Exercise, part: Part) -> str:
    """The real docstring; a VJP has none, so what it owes is said."""
    own = inspect.getdoc(part.real)
    if own:
        return own.replace("\\", "\\\\")
    op = registry[one.name]
    names = [("*" if op.variadic else "") + n for n in op.operand_names]
    upstream, result = (a.arg for a in syntax(part.real).args.args[:2])
    lines = [
        f"The vector-Jacobian product of {one.name}: from dL/d(result) to dL/d(operand).",
        "",
        inspect.getdoc(op.forward) or "",
        "",
        "Args:",
        f"    {upstream}: the upstream gradient dL/d(result), in the result's shape.",
        f"    {result}: the result, as forward computed it.",
        f"    {', '.join(names)}: the operand{'s' if len(names) > 1 or op.variadic else ''}.",
    ]
    if op.parameter_names:
        lines.append(f"    {', '.join(op.parameter_names)}: the parameters of forward.")
    lines += ["", "Returns:"]
    if len(names) == 1 and not op.variadic:
        lines.append("    The gradient, in the operand's shape.")
    else:
        lines.append("    A tuple with one gradient for each operand, None where there is none.")
        lines.append("    Where an operand was broadcast, the tape sums its gradient afterwards.")
    return "\n".join(lines)


def _hints(parts: Sequence[Part]) -> str:
    """At the end of the file, so that one has to want them: what the real code reads and calls."""
    lines = ["# Hints. Scroll down only if you want them.", *["#"] * 30]
    for part in parts:
        definition = syntax(part.real)
        body = body_of(definition)
        arguments = [a.arg for a in ast.walk(definition.args) if isinstance(a, ast.arg)]
        read = [a for a in arguments if any(a in names_read(s) for s in body)]
        calls = {ast.unparse(n.func) for s in body for n in ast.walk(s) if isinstance(n, ast.Call)}
        lines += [
            f"# {part.function}: the library's own has {len(body)} "
            f"statement{'s' if len(body) > 1 else ''}.",
            f"# {part.function}: it reads {', '.join(read) or 'nothing'}.",
            f"# {part.function}: it calls {', '.join(sorted(calls)) or 'no function'}.",
        ]
    known = [m for m in zoo.mutants.values() if m.target in {p.target for p in parts}]
    if known:
        lines += ["#", f"# {len(known)} known mistakes lie in wait here. They are called:"]
        lines += [f"#   {m.name}" for m in known]
    return "\n".join(lines) + "\n"
