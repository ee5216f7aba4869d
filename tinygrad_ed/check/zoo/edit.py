"""Wrong twins of real functions: an edit of their own source, and a way to put them in place.

A wrong version that is a second copy would go stale when the original changes. Here it is the
original's text with one passage replaced, and the passage must occur exactly once, so an edit that
no longer fits fails at once. The edited text is real source to whoever reads it (`ops.source`):
`unroll` and `explain` print the mistake while it is in place.
"""

import contextlib
import linecache
import textwrap
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from ...ops.registry import registry
from ...ops.source import body_of, syntax

Function = Callable[..., Any]


def definition_text(function: Function) -> tuple[str, str]:
    """A function's own text without decorators, cut before its first statement.

    The first part is the signature with the docstring, the second the statements.

    Raises:
        OSError: It has no source, or its file was changed after the import.
    """
    definition = syntax(function)
    assert isinstance(function, FunctionType)
    lines = linecache.getlines(function.__code__.co_filename)
    first, last = definition.lineno - 1, definition.end_lineno
    statements = body_of(definition)
    # A def whose docstring is all it has is cut at its end.
    cut = statements[0].lineno - 1 - first if statements else len(lines[first:last])
    text = textwrap.dedent("".join(lines[first:last])).splitlines(keepends=True)
    return "".join(text[:cut]), "".join(text[cut:])


def edited(function: Function, edits: Sequence[tuple[str, str]], name: str) -> Function:
    """The function with passages of its statements replaced.

    Args:
        function: A plain def statement without closure.
        edits: (passage, replacement), one after another.
        name: What its source is filed under, for tracebacks and for readers of source.

    Raises:
        LookupError: A passage does not occur exactly once: the original has changed.
        OSError: As `definition_text`.
    """
    head, text = definition_text(function)
    assert isinstance(function, FunctionType)
    for passage, replacement in edits:
        found = text.count(passage)
        if found != 1:
            raise LookupError(
                f"{name}: {passage!r} occurs {found} times in {function.__name__}, and it must "
                f"occur once: the original has changed, so mend the edit"
            )
        text = text.replace(passage, replacement)
    return compiled(head + text, function, f"<zoo: {name}>")


def compiled(text: str, like: FunctionType, filename: str) -> Function:
    """The first function of a text, with the globals and the default values of another one."""
    lines = text.splitlines(keepends=True)
    linecache.cache[filename] = (len(text), None, lines, filename)
    whole = compile(text, filename, "exec", dont_inherit=True)
    code = next(c for c in whole.co_consts if isinstance(c, CodeType))
    made = FunctionType(code, like.__globals__, like.__name__, like.__defaults__)
    made.__kwdefaults__ = like.__kwdefaults__
    return made


@contextlib.contextmanager
def in_place_of(original: Function, wrong: Function) -> Iterator[None]:
    """Everybody who calls the original gets the wrong one, until the end of the `with` block.

    Its code is exchanged, so it does not matter who holds the original: an op, a fused layer, a
    module. What was worked out from its source is forgotten at both ends. Kernels of device "cpu"
    are not touched, so look at it on device "numpy"; and do not train in another thread meanwhile.
    """
    assert isinstance(original, FunctionType) and isinstance(wrong, FunctionType)
    right = original.__code__
    original.__code__ = wrong.__code__
    forget_pruned()
    try:
        yield
    finally:
        original.__code__ = right
        forget_pruned()


def forget_pruned() -> None:
    """Drops the shortened VJPs that ops have worked out from their source."""
    for op in registry.values():
        op.pruned.clear()
