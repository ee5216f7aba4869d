"""What a printed program consists of beside its lines: names, constants, copied functions."""

import ast
import builtins
import copy
import inspect
import keyword
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..ops.counted import Counted
from ..ops.registry import Op
from ..ops.source import globals_of
from .copied import copied


@dataclass(frozen=True)
class Variable:
    """An array of the program: its name, and what is known of it before it has values."""

    name: str
    shape: tuple[int, ...]
    dtype: Any


class Emitter:
    """Collects the helper functions and constant arrays that the emitted lines need.

    Attributes:
        helpers: Text of each helper function, in the order they must stand.
        arrays: Constant arrays that occur in parameters (an index), by name.
        constants: Arrays that a function finds outside itself; they stand before the helpers.
        taken: Every name in use.
    """

    def __init__(self) -> None:
        self.taken = {"np", "program", "values", "file", "gradients", "gradient", "name"}
        self.taken |= {"__name__", "__file__"} | set(keyword.kwlist) | set(dir(builtins))
        self.suffix = ""  # the number of the result at hand: what belongs to A1 is called Z1
        self.helpers: dict[str, str] = {}
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.constants: dict[str, np.ndarray[Any, Any]] = {}
        self._helper_names: dict[Any, str] = {}
        self._constant_names: dict[int, tuple[Any, str]] = {}

    def state(self) -> tuple[Any, ...]:
        """All that was collected up to now, for `restore` after an attempt that failed."""
        return tuple(copy.copy(vars(self)[k]) for k in _COLLECTED)

    def restore(self, state: tuple[Any, ...]) -> None:
        """Forgets what was collected since."""
        vars(self).update(zip(_COLLECTED, state, strict=True))

    def fresh(self, wanted: str) -> str:
        """The wanted name as an identifier, or the first numbered one free; it is taken then."""
        wanted = name = identifier(wanted)
        k = 1
        while name in self.taken:
            k += 1
            name = f"{wanted}_{k}"
        self.taken.add(name)
        return name

    def helper(self, function: Any, wanted: str = "") -> str:
        """Copies a function (and what it uses) into the program; returns its name there."""
        plain = function.forward if isinstance(function, Op) else function
        if plain in self._helper_names:
            return self._helper_names[plain]
        name = self._helper_names[plain] = self.fresh(wanted or plain.__name__)
        try:
            self.helpers[name] = copied(self, plain, name)
        except OSError:  # it uses what cannot be printed: the caller says so
            del self._helper_names[plain]
            raise
        return name

    def global_name(self, name: str, function: Callable[..., Any]) -> ast.expr:
        """What a name outside the function's own stands for in the program."""
        value = lookup(name, function)
        if isinstance(value, np.ndarray):
            return self.constant(value, name)
        if isinstance(value, ModuleType) and numpy_path(value) is None:
            raise OSError(f"{function.__name__} uses the module {name}; only numpy can be printed")
        try:
            return self.literal(value)
        except OSError as error:
            raise OSError(f"{function.__name__} uses {name}: {error}") from error

    def constant(self, value: np.ndarray[Any, Any], wanted: str = "constant") -> ast.expr:
        """The name of an array that all functions of the program can see."""
        if id(value) not in self._constant_names:
            name = self.fresh(wanted)
            self._constant_names[id(value)] = value, name  # held: an id is of the living
            self.constants[name] = printable(value).copy()
        return ast.Name(self._constant_names[id(value)][1], ast.Load())

    def literal(self, value: Any) -> ast.expr:
        """A constant as program text; arrays become named inputs."""
        if isinstance(value, ast.expr):
            return value
        if isinstance(value, Variable):
            return ast.Name(value.name, ast.Load())
        if type(value) is np.ndarray:
            name = self.fresh("index" if value.dtype.kind in "iub" else "constant")
            self.arrays[name] = printable(value)
            return ast.Name(name, ast.Load())
        name = getattr(value, "__name__", "")
        if callable(value) and isinstance(name, str) and getattr(builtins, name, None) is value:
            return ast.Name(name, ast.Load())
        path = numpy_path(value)
        if path is not None:
            return ast.parse(path, mode="eval").body
        if isinstance(value, Op) or inspect.isfunction(value):
            return ast.Name(self.helper(value), ast.Load())
        if type(value) in (tuple, list):
            entries = [self.literal(v) for v in value]
            return (ast.Tuple if type(value) is tuple else ast.List)(entries, ast.Load())
        if type(value) is dict:
            if any(isinstance(v, np.ndarray) for v in value.values()):
                raise OSError("a dict of arrays cannot be printed; give each array a name")
            keys: list[ast.expr | None] = [self.literal(k) for k in value]
            return ast.Dict(keys, [self.literal(v) for v in value.values()])
        if type(value) is slice:
            parts = [self.literal(v) for v in (value.start, value.stop, value.step)]
            return ast.Call(ast.Name("slice", ast.Load()), parts, [])
        return ast.parse(number_text(value), mode="eval").body


_COLLECTED = ("taken", "helpers", "arrays", "constants", "_helper_names", "_constant_names")


def identifier(text: str) -> str:
    """A name as Python reads it: W₁ is W1, a dot is no letter, no digit comes first."""
    letters = unicodedata.normalize("NFKC", text)
    letters = "".join(c if f"a{c}".isidentifier() else " " for c in letters)
    name = unicodedata.normalize("NFKC", "_".join(letters.split()))
    return name if name.isidentifier() else f"_{name}"


def printable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array, if its entries are numbers.

    Raises:
        OSError: They are not.
    """
    if array.dtype.kind not in "biufc":
        raise OSError(f"a constant array of dtype {array.dtype} cannot be printed")
    return array


def number_text(value: Any) -> str:
    """A number, a text or None as program text that gives back the same.

    Raises:
        OSError: It is something else.
    """
    if isinstance(value, Counted):
        value = int(value)
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return f"np.{value.dtype.name}({number_text(value.item())})"
    if isinstance(value, np.dtype) and value.kind in "biufc":
        return f"np.dtype({value.name!r})"
    if value is ...:
        return "..."
    if type(value) is complex and not np.isfinite(value):
        return f"complex({number_text(value.real)}, {number_text(value.imag)})"
    if value is None or type(value) in (bool, int, float, complex, str, bytes, range):
        text = repr(value)
        return {"inf": "np.inf", "-inf": "-np.inf", "nan": "np.nan"}.get(text, text)
    raise OSError(f"the constant {value!r} cannot be printed")


def numpy_path(value: Any) -> str | None:
    """What NumPy calls a function, type or module of its own (`np.exp`); None for the rest."""
    if value is np:
        return "np"
    name = getattr(value, "__name__", None)
    if not isinstance(name, str) or not (callable(value) or isinstance(value, ModuleType)):
        return None
    places = [name, f"{getattr(value, '__module__', '')}.{name}"]
    for place in places:
        found: Any = np
        parts = place.removeprefix("numpy.").split(".")
        for part in parts:
            found = vars(found).get(part) if isinstance(found, ModuleType) else None
        if found is value:
            return ".".join(["np", *parts])
    return None


def lookup(name: str, function: Callable[..., Any]) -> Any:
    """What a name inside a function stands for."""
    scope = globals_of(function)
    if name in scope:
        return scope[name]
    if hasattr(builtins, name):
        return getattr(builtins, name)
    raise OSError(f"{function.__name__} uses {name!r}, which is not to be found")
