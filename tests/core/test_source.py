"""Reading an op's source: it is the code that runs, and pruning it changes no number."""

import functools
import gc
import importlib.util
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tinygrad_ed.ops.source import prune, syntax

m = 2.0


def late_default(dy: Any, y: Any, a: Any, b: Any, k: float = m, *, n: float = m) -> Any:
    unused = dy * b
    return unused, dy * a * n * k


m = 50.0


def through_a_view(dy: Any, y: Any, a: Any, b: Any) -> Any:
    da = [0.0, 0.0]
    head = da
    head[0] = dy
    return da, dy * a


def returns_inside(dy: Any, y: Any, a: Any, b: Any) -> Any:
    def both() -> Any:
        return a, b

    p, q = both()
    return dy * q, dy * p


def named_on_the_way(dy: Any, y: Any, a: Any, b: Any) -> Any:
    return (t := dy * b), t * a


def starred(dy: Any, y: Any, a: Any, b: Any) -> Any:
    both = [dy * b, dy * a]
    return *both, None


@pytest.mark.parametrize(
    "vjp",
    [late_default, through_a_view, returns_inside, named_on_the_way, starred],
    ids=lambda f: f.__name__,
)
def test_pruning_changes_no_wanted_gradient(vjp: Callable[..., Any]) -> None:
    whole = vjp(2.0, None, 3.0, 5.0)
    for needs in ((True, False), (False, True)):
        shorter = prune(vjp, needs)(2.0, None, 3.0, 5.0)
        assert [s for s, need in zip(shorter, needs, strict=False) if need] == [
            w for w, need in zip(whole, needs, strict=False) if need
        ]


def test_pruning_drops_the_work_for_what_is_not_wanted() -> None:
    assert prune(late_default, (False, True))(2.0, None, 3.0, object())[1] == 24.0
    assert prune(late_default, (False, True)).__code__.co_firstlineno == (
        syntax(late_default).lineno
    )


def loaded(path: Path, text: str) -> ModuleType:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VJP = "def vjp(dy, y, a, b):\n    '''Text.'''\n    return dy * b, dy * a * 2\n"


def test_annotations_for_the_type_checker_only_are_never_evaluated(tmp_path: Path) -> None:
    future = "from __future__ import annotations\n"
    text = VJP.replace("a, b)", "a: Nowhere, b: Nowhere) -> Nowhere")
    vjp = loaded(tmp_path / "annotated.py", future + text).vjp
    assert prune(vjp, (False, True)) is not vjp
    assert prune(vjp, (False, True))(2.0, None, 3.0, 5.0) == (None, 12.0)


@pytest.mark.parametrize(
    "change",
    [
        ("* 2", "* 3"),
        ("* 2", "* 2.0"),
        ("a, b)", "b, a)"),
        ("def", "x = 1\n\ndef"),
        ("def vjp(", "def("),
    ],
)
def test_a_file_changed_after_the_import_is_refused(
    change: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "edited.py"
    vjp = loaded(path, VJP).vjp
    path.write_text(VJP.replace(*change) + "# longer\n")
    with pytest.raises(OSError, match="changed after it was imported"):
        syntax(vjp)
    assert prune(vjp, (False, True)) is vjp


def test_an_edited_docstring_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "edited.py"
    vjp = loaded(path, VJP).vjp
    path.write_text(VJP.replace("Text", "Another"))
    assert syntax(vjp).name == "vjp"


def test_the_source_of_a_wrapped_function_is_not_that_of_the_wrapper() -> None:
    def inner(dy: Any, y: Any, a: Any, b: Any) -> Any:
        return 0.0, 0.0

    @functools.wraps(inner)
    def outer(*args: Any) -> Any:
        return args[0], args[1]

    with pytest.raises(OSError, match="wrapped by a decorator"):
        syntax(outer)
    assert prune(outer, (True, False)) is outer


def test_nested_functions_keep_their_texts_and_their_closures() -> None:
    scale = 2.0

    def nested(x: Any) -> Any:
        text = """a
b"""
        return x * scale, text

    assert syntax(nested).name == "nested"
    assert prune(nested, (True, False)) is nested


def test_a_function_that_was_read_is_not_kept_alive() -> None:
    def read_once() -> weakref.ref[Any]:
        held = bytearray(10)

        def closure() -> Any:
            return held

        syntax(closure)
        return weakref.ref(closure)

    found = read_once()
    gc.collect()
    assert found() is None
