"""Two scalar loops as one: a result of the first stays in a register on its way to the second.

The loops of `z = x + b` and `y = tanh(z)`, joined:

    def add_forward_tanh_forward(a_, b_, y_):
        for i in range(a_.size):
            a = a_[i]
            b = b_[i]
            z = a + b
            y_[i] = tanh(z)

An entry is computed by the same operations in the same types as before, so no bit changes, in any
language. A joined loop can be joined again.
"""

import ast
import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .scalar_body import Array, Body, Operand, ScalarLoop, Store
from .scalar_lines import RESERVED, Line
from .scalar_loops import LANGUAGES
from .scalar_types import name as variable_of

Links = Mapping[int, int]
"""Which operand of the second loop is which of the first, by their numbers."""


def chained(
    first: ScalarLoop,
    second: ScalarLoop,
    links: Links,
    keep: Collection[int] = (),
    name: str = "",
) -> ScalarLoop:
    """The two loops as one, over the same n entries.

    A result of the first that the second reads is not written any more. An array that both read may
    be linked, too: it is then read once. The operands are those of the first and then those of
    the second, without the linked ones: `chained_args` puts a call's arguments together. They go by
    their places, since names of both may be the same.

    Whoever joins loops knows that nothing else reads what is no longer written, that no array that
    one writes overlaps one that the other reads, but for the very same entries, and that rows are
    equally long in both (`width_of`).

    Args:
        first: The loop that came first.
        second: The one that came after it.
        links: Which operand of `second` is which of `first`: place -> place.
        keep: Results of `first`, by their places, that are linked and still written.
        name: What the joined loop is called.

    Raises:
        ValueError: The loops, or two operands that are linked, do not fit together.
    """
    one, two = first.body, second.body
    if one is None or two is None or (first.language, one.dtype) != (second.language, two.dtype):
        raise ValueError(f"{first.name}, {second.name}: only loops of one kind can be joined")
    renamed = _Renamed(two, one)
    after = [replace(o, argument=renamed.names[o.argument]) for o in second.operands]
    body = renamed.body(two)
    early, late, stores, names = [], [], list(one.stores), body.names()
    for place, source in links.items():
        given, taken = first.operands[source], after[place]
        _check(given, taken)
        variable = _array(body, taken.argument).variable
        if given.kind == "in":  # the first may have changed its variable before the second reads it
            own = _array(one, given.argument).variable
            early.append(Line(variable, variable_of(own)))
            continue
        at = next(k for k, store in enumerate(stores) if store.argument == given.argument)
        value = stores[at].value
        if source in keep and not isinstance(value, ast.Name):
            held = names.fresh("kept")  # the second may change its variable before this is written
            late.append(Line(held, value))
            value = variable_of(held)
        late.append(Line(variable, value))
        kept = value if source in keep else variable_of(variable)
        stores[at] = replace(stores[at], value=kept)
    dropped = {first.operands[k].argument for k in _dropped(first, links, keep)}
    linked = {after[place].argument for place in links}
    arrays = [a for a in one.arrays if a.argument not in dropped]
    arrays += [a for a in body.arrays if a.argument not in linked]
    joined = Body(
        one.dtype,
        tuple(arrays),
        (*one.before, *body.before),
        (*early, *one.inside, *late, *body.inside),
        (*(s for s in stores if s.argument not in dropped), *body.stores),
        names.taken,
    )
    operands = tuple(chained_args(first, first.operands, after, links, keep))
    name = name or f"{first.name}_{second.name}"
    text = LANGUAGES[first.language](name, operands, joined)
    outside = {**first.outside, **second.outside}
    return ScalarLoop(name, text, operands, {}, frozenset(), outside, first.language, joined)


def chained_args(
    first: ScalarLoop,
    ones: Sequence[Any],
    twos: Sequence[Any],
    links: Links,
    keep: Collection[int] = (),
) -> list[Any]:
    """What the joined loop takes, out of what the first and the second took."""
    dropped = _dropped(first, links, keep)
    left = [given for k, given in enumerate(ones) if k not in dropped]
    return left + [given for k, given in enumerate(twos) if k not in links]


def width_of(loop: ScalarLoop, args: Sequence[Any]) -> int | None:
    """How long a row is in a call with these arrays; None if the loop has no rows."""
    sizes = {o.pattern: a.size for o, a in zip(loop.operands, args, strict=True) if o.pattern}
    if "row" in sizes:
        return int(sizes["row"])
    return int(sizes["full"] // max(sizes["column"], 1)) if "column" in sizes else None


def _dropped(first: ScalarLoop, links: Links, keep: Collection[int]) -> set[int]:
    """The results of the first that are not written any more."""
    return {k for k in links.values() if first.operands[k].kind == "out" and k not in keep}


def _check(given: Operand, taken: Operand) -> None:
    """Raises if these cannot be one array."""
    fits = (given.dtype, given.pattern) == (taken.dtype, taken.pattern) and given.pattern
    if not fits or taken.kind != "in" or given.kind not in ("in", "out"):
        raise ValueError(f"{given.argument} ({given.kind}) is not {taken.argument} ({taken.kind})")


def _array(body: Body, argument: str) -> Array:
    return next(a for a in body.arrays if a.argument == argument)


class _Renamed(ast.NodeTransformer):
    """Gives the variables of a body names that another has not taken."""

    def __init__(self, body: Body, others: Body) -> None:
        free = others.names()
        self.names = {name: free.fresh(name) for name in sorted(body.taken - RESERVED)}
        self.taken = free.taken

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return variable_of(self.names.get(node.id, node.id))

    def expression(self, node: ast.expr) -> ast.expr:
        """The expression with the new names; the old one stays as it is."""
        found: ast.expr = self.visit(copy.deepcopy(node))
        return found

    def lines(self, lines: Sequence[Line]) -> tuple[Line, ...]:
        """The lines with the new names."""
        return tuple(Line(self.names[li.target], self.expression(li.value)) for li in lines)

    def body(self, body: Body) -> Body:
        """All of it with the new names."""
        names = self.names
        return Body(
            body.dtype,
            tuple(Array(names[a.argument], names.get(a.variable, ""), a.pattern)
                  for a in body.arrays),
            self.lines(body.before),
            self.lines(body.inside),
            tuple(Store(names[s.argument], self.expression(s.value)) for s in body.stores),
            self.taken,
        )  # fmt: skip
