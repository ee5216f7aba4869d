"""The names of a function that becomes a scalar loop: what each stands for, where it is kept."""

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..ops.source import globals_of
from .scalar_lines import Line, Lines, names_in
from .scalar_types import Entry, Known, NotElementwise, Number, Value, name


@dataclass
class Outside:
    """What was read from outside the functions, module constants and helpers: it may change."""

    found: dict[tuple[Callable[..., Any], str], Any] = field(default_factory=dict)
    _globals: dict[Callable[..., Any], dict[str, Any]] = field(default_factory=dict)

    def read(self, function: Callable[..., Any], identifier: str) -> Any:
        """The value that a function sees under a name that is not its own.

        Raises:
            NotElementwise: There is none.
        """
        if function not in self._globals:
            self._globals[function] = globals_of(function)
        if identifier in self._globals[function]:
            value = self._globals[function][identifier]
        elif hasattr(builtins, identifier):
            value = getattr(builtins, identifier)
        else:
            raise NotElementwise(f"{identifier} has no value")
        self.found[function, identifier] = value
        return value


@dataclass
class Frame:
    """One function while it is read.

    Attributes:
        function: The function.
        lines: Where assignments are written.
        outside: Where names are looked up that are not its own.
        names: What its names stand for.
        own: Its variables inside the loop, which it may assign again.
        outermost: Whether its `return` is the kernel's.
    """

    function: Callable[..., Any]
    lines: Lines
    outside: Outside
    names: dict[str, Value] = field(default_factory=dict)
    own: dict[str, Entry] = field(default_factory=dict)
    outermost: bool = True

    def lookup(self, identifier: str) -> Value:
        """What a name stands for."""
        if identifier in self.names:
            return self.names[identifier]
        return Known(self.outside.read(self.function, identifier))

    def assign(self, target: ast.expr, value: Value) -> None:
        """`target = value`; a tuple is taken apart.

        Raises:
            NotElementwise: It would write into an array, or unpack one.
        """
        if isinstance(target, ast.Tuple | ast.List):
            parts = [self._settled(part) for part in _parts(value)]
            starred = any(isinstance(part, ast.Starred) for part in target.elts)
            if starred or len(parts) != len(target.elts):
                raise NotElementwise(f"`{ast.unparse(target)} = …` does not unpack one by one")
            for each, part in zip(target.elts, parts, strict=True):
                self.assign(each, part)
        elif isinstance(target, ast.Name):
            self.keep(target.id, value)
        else:
            raise NotElementwise(f"it writes into {ast.unparse(target)}")

    def keep(self, local: str, value: Value) -> None:
        """A value under a name: entries and numbers get a line, what is known needs none."""
        if isinstance(value, Number):
            target = self.lines.fresh(local)  # never one in use: the loop may read that later
            self.lines.before.append(Line(target, value.node))
            value = Number(name(target), value.sample, value.now)
        elif isinstance(value, Entry):
            target = self._variable(local, value)
            self.lines.inside.append(Line(target, value.node))
            value = Entry(name(target), value.dtype, value.spread, value.argument)
            self.own[local] = value
        self.names[local] = value

    def bind(self, local: str, value: Value) -> None:
        """An argument: an expression that may be read twice is worked out once."""
        compound = not isinstance(getattr(value, "node", None), ast.Name)
        if isinstance(value, Entry | Number) and compound:
            self.keep(local, value)
        else:
            self.names[local] = value

    def _variable(self, local: str, value: Entry) -> str:
        """The variable to keep an entry in: the same as before, if that one has the same type
        (a compiled variable has one) and is not read under another name.
        """
        own = self.own.get(local)
        if own is None or own.dtype != value.dtype:
            return self.lines.fresh(local)
        variable = ast.unparse(own.node)
        others = _entries(v for k, v in self.names.items() if k != local)
        if any(variable in names_in([entry.node]) for entry in others):
            return self.lines.fresh(local)
        return variable

    def _settled(self, value: Value) -> Value:
        """A part of `a, b = b, a`, safe from the assignments beside it."""
        if not isinstance(value, Entry):
            return value
        target = self.lines.fresh("part")
        self.lines.inside.append(Line(target, value.node))
        return Entry(name(target), value.dtype, value.spread, value.argument)


def _parts(value: Value) -> tuple[Value, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, Known) and isinstance(value.value, tuple | list):
        return tuple(Known(part) for part in value.value)
    raise NotElementwise("an array or a number is unpacked")


def _entries(values: Iterable[Value]) -> Iterator[Entry]:
    for value in values:
        if isinstance(value, Entry):
            yield value
        elif isinstance(value, tuple):
            yield from _entries(value)
