"""The reference, from the package itself: what is public, its signature, its docstring.

A page says `{public-names} tinygrad_ed.nn`, and gets every public name of that package; for a
chapter of the rule book, `tinygrad_ed.ops.losses`, the ops that stand in it. A name without a
docstring is a warning, and warnings are errors here.
"""

import ast
import importlib
import inspect
import itertools
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import docstrings
from docutils import nodes
from sphinx.addnodes import desc_content
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import tinygrad_ed as tg

log = logging.getLogger(__name__)

PACKAGES = (
    *(name for name in tg.__all__ if inspect.ismodule(getattr(tg, name))),
    "captured",
    "check.strategies",
    "derivation",
    "nn.init",
    "optim.rules",
)
"""What has public names below `tinygrad_ed`; of two names for one thing the shorter one counts."""


def own_names(module: ModuleType) -> list[str]:
    """`__all__`, or what the module defines without a leading underscore."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__, key=lambda name: (name.lower(), name))
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    ]


def home(value: Any) -> str:
    """The module in whose source it stands; an op stands where its formula does."""
    formula = getattr(value, "forward", None)
    return str(getattr(formula, "__module__", None) or getattr(value, "__module__", ""))


def public() -> dict[str, Any]:
    """Every public name with its package, and what it is: `tinygrad_ed.nn.Linear`."""
    found: dict[str, Any] = {}
    for name in own_names(tg):
        value = getattr(tg, name)
        if not inspect.ismodule(value):
            found[f"tinygrad_ed.{name}"] = value
    for package in PACKAGES:
        module = importlib.import_module(f"tinygrad_ed.{package}")
        for name in own_names(module):
            value = getattr(module, name)
            # `tg.train.fit` is `tg.fit`: told once, under the shorter name.
            if not inspect.ismodule(value) and getattr(tg, name, None) is not value:
                found[f"tinygrad_ed.{package}.{name}"] = value
    return found


def listed(argument: str) -> dict[str, Any]:
    """What one directive shows: a package's names, or those of `tinygrad_ed` from one module."""
    everything = public()
    inside = {k: v for k, v in everything.items() if k.rpartition(".")[0] == argument}
    if inside:
        return inside
    top = {k: v for k, v in everything.items() if k.rpartition(".")[0] == "tinygrad_ed"}
    return {k: v for k, v in top.items() if HOMES.get(k, home(v)) == argument}


def docstring(value: Any) -> str:
    """Its own docstring: not one that NumPy's, Python's or a base class's type lends it."""
    text = getattr(value, "__doc__", None)
    if isinstance(value, property):
        text = value.fget.__doc__ if value.fget else text
    elif not inspect.isroutine(value) and text == getattr(type(value), "__doc__", None):
        text = None
    return inspect.cleandoc(text) if text else ""


def told(full: str, value: Any) -> str:
    """What is said of a public name: its docstring, or the string below a plain value."""
    text = docstring(value)
    if text or inspect.isroutine(value) or isinstance(value, type):
        return text
    package, _, name = full.rpartition(".")
    folder = Path(importlib.import_module(HOMES.get(full, package)).__file__ or "").parent
    for path in sorted(folder.glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for line, below in itertools.pairwise(body):
            if _assigned(line) == name and isinstance(below, ast.Expr):
                return inspect.cleandoc(str(ast.literal_eval(below.value)))
    return TOLD.get(full, "")


def _assigned(line: ast.stmt) -> str:
    target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def members(cls: type) -> dict[str, Any]:
    """Public methods and properties that are written in this package.

    What a public base class has is told there (every layer is a Module), and so is a public
    function that the class merely uses (an optimiser's rule).
    """
    elsewhere = {id(value) for value in public().values()} - {id(cls)}
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        if not base.__module__.startswith("tinygrad_ed") or id(base) in elsewhere:
            continue
        for name, value in vars(base).items():
            plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            method = inspect.isfunction(plain) or isinstance(plain, property)
            if method and not name.startswith("_") and id(plain) not in elsewhere:
                found.setdefault(name, value)
    return dict(sorted(found.items()))


def signature(value: Any) -> str:
    """Names and defaults of its arguments; what they are is told in words."""
    if isinstance(value, classmethod | staticmethod):
        value = value.__func__
    elif isinstance(value, type) and type(value) is not type:
        # A metaclass would answer (*args, **kwargs); what counts is how an object is set up.
        inits = (vars(base).get("__init__") for base in value.__mro__[:-1])
        value = next((init for init in inits if init), lambda: None)
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in found.parameters.items()
        if name not in ("self", "cls")
    ]
    text = str(inspect.Signature(plain))
    return text if "<" not in text else re.sub(r"<[^>]*>", "…", text)


def kind(value: Any) -> str:
    """The directive of Sphinx's Python domain."""
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) and (docstring(value) or inspect.isfunction(value)) else "data"  # noqa: E501  # fmt: skip


class PublicNames(SphinxDirective):
    """`{public-names} PACKAGE`: the reference of that package."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One description for each name."""
        names = listed(self.arguments[0])
        if not names:
            raise self.error(f"{self.arguments[0]} has no public names: look at public_names.py")
        return [node for full, value in names.items() for node in self._describe(full, value)]

    def _describe(self, full: str, value: Any) -> list[nodes.Node]:
        module, _, name = full.rpartition(".")
        text = told(full, value)
        if not text:
            log.warning("%s is public and has no docstring", full, location=self.get_location())
        shown = signature(value) if kind(value) != "data" else ""
        found, inner = self._desc(kind(value), f"{name}{shown}", module)
        inner += docstrings.body(text)
        if kind(value) == "class":
            for member, method in members(value).items():
                inner += self._member(f"{full}.{member}", f"{name}.{member}", method, module)
        return found

    def _member(self, full: str, name: str, value: Any, module: str) -> list[nodes.Node]:
        text = docstring(value)
        if not text:
            log.warning("%s is public and has no docstring", full, location=self.get_location())
        is_property = isinstance(value, property)
        shown = "" if is_property else signature(value)
        found, inner = self._desc("property" if is_property else "method", name + shown, module)
        inner += docstrings.body(text)
        return found

    def _desc(self, role: str, shown: str, module: str) -> tuple[list[nodes.Node], nodes.Element]:
        fence = f"```{{py:{role}}} {shown}\n:module: {module}\n```"
        parsed = self.parse_text_to_nodes(fence)
        inner = next(node for top in parsed for node in top.findall(desc_content))
        return parsed, inner


TOLD = {
    "tinygrad_ed.documents.Kind": "What a row is: a formula, an example, a program or a method.",
    "tinygrad_ed.documents.Verdict": "What is true of a row.",
}
"""Types made of other types, where the source has no room for a string below them."""

HOMES = {"tinygrad_ed.registry": "tinygrad_ed.ops.registry"}
"""Nor do they know where they stand."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True}
