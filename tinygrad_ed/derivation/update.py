"""`tg.explain(optimiser)`: the update that its next step would make, with its numbers."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import TapeError
from ..ops.source import names_bound, names_read
from ..optim import Optimizer
from ..optim.optimizer import by_the_rule
from ..tensor import Tensor
from ..views.emit import Emitter
from .convention import in_columns, turned, turned_place
from .derivation import Derivation
from .entries import entry_of
from .math import Symbols
from .steps import Array, Step
from .update_rule import refused, slots_of, straight
from .wanted import checked, place_in


@dataclass(frozen=True)
class Updated:
    """A parameter that the next step would change, with the rule's numbers and its memory."""

    parameter: Tensor
    numbers: Mapping[str, Any]
    slots: Mapping[str, Array]


def explain_update(
    optimizer: Optimizer,
    wrt: Tensor | str | None = None,
    entry: tuple[int, ...] | None = None,
    convention: str = "row",
) -> Derivation:
    """The lines of the optimiser's rule for each parameter that has a gradient.

    Nothing is changed: call it after `backward` and before `step`.

    Raises:
        TypeError: Not an optimiser; `wrt` is neither a tensor nor a name.
        TapeError: No parameter has a gradient, or not the one that is wanted.
        ShapeError: The parameter has no such entry.
        ValueError: An entry of which parameter?
        OSError: The rule is not to be had, or cannot be shown line by line.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"explain takes a recorded tensor or an optimiser, got {type(optimizer).__name__}"
        )
    if wrt is not None:
        checked(wrt)
    who = type(optimizer).__name__
    if optimizer.rule is None or optimizer._has_its_own_way:
        raise OSError(
            f"explain: {who} updates by an _update of its own, and only a rule can be shown: give "
            f"the class a rule, a function as in tinygrad_ed.optim.rules"
        )
    rows = [row for row in _updated(optimizer) if _is_meant(row.parameter, wrt)]
    if not rows:
        raise TapeError(
            f"explain: {who} has nothing to update: no parameter "
            f"{'' if wrt is None else 'of that name '}has a gradient. Call loss.backward() first, "
            f"and explain before step() and zero_grad()"
        )
    if entry is not None and len(rows) > 1:
        raise ValueError(f"explain: entry={entry} belongs to a parameter: say which with wrt=")
    place = None if entry is None else place_in(entry, rows[0].parameter)
    return _Update(optimizer, rows).derivation(f"The next step of {who}", place, convention)


def _updated(optimizer: Optimizer) -> Iterator[Updated]:
    """What the next step would change."""
    for group in optimizer.param_groups:
        for p in group.params:
            if not p.requires_grad or p.grad is None:
                continue
            home, to_numpy = group.place(p), p._backend.to_numpy
            if home is None:  # it was frozen until now
                t, slots = 0, {k: np.full(p.shape, v, p.dtype) for k, v in group.slots.items()}
            else:
                block, i = home
                t = block.t.item(i)
                slots = {slot: np.array(to_numpy(block.slot(slot, i))) for slot in block.state}
            yield Updated(p, optimizer._numbers(t + 1, group.hypers), slots)


def _is_meant(p: Tensor, wrt: Tensor | str | None) -> bool:
    return wrt is None or (p is wrt if isinstance(wrt, Tensor) else p.name == wrt)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Update:
    """Reads the rule for each parameter, in names that no two of them share."""

    def __init__(self, optimizer: Optimizer, rows: Sequence[Updated]) -> None:
        assert optimizer.rule is not None
        self.rule, self.rows = optimizer.rule, rows
        self.emitter = Emitter()
        every = {k for row in rows for k in row.numbers}
        self.emitter.taken |= every
        self.own = {k for k in every if len({repr(row.numbers[k]) for row in rows}) > 1}
        """Numbers that are not the same for all parameters."""
        self.shared: dict[str, str] = {}
        self.inputs: dict[str, Array] = {}
        self.gradients: dict[str, str] = {}
        self.steps: list[Step] = []
        names = [self.emitter.fresh(row.parameter.name or "p") for row in rows]
        for row, name in zip(rows, names, strict=True):
            self._read(row, name)

    def _read(self, row: Updated, name: str) -> None:
        fresh = self.emitter.fresh
        assert row.parameter.grad is not None
        arrays = {"p": row.parameter.numpy(), "g": row.parameter.grad.numpy(), **row.slots}
        names = {"p": name, "g": fresh(f"d{name}")}
        names |= {slot: fresh(f"{slot}_{name}") for slot in row.slots}
        names |= {k: fresh(f"{k}_{name}") for k in row.numbers if k in self.own}
        self.gradients[name] = names["g"]
        scope = {names.get(k, k): np.array(v) for k, v in arrays.items()}
        numbers = {names.get(k, k): v for k, v in row.numbers.items()}
        self.inputs |= scope | {k: np.asarray(v) for k, v in numbers.items() if _is_number(v)}
        unused = dict.fromkeys(slots_of(self.rule))
        lines = straight(self.rule, {**unused, **row.numbers}, row.slots)
        scope |= numbers
        self._run(lines, names, scope)
        self._check(row, names, scope)

    def _run(
        self, lines: Sequence[ast.Assign], names: dict[str, str], scope: dict[str, Any]
    ) -> None:
        """Runs the lines one after the other; each that computes an array or a number is a step."""
        scope["np"] = np
        for line in lines:
            target = line.targets[0]
            other = _other_name(line, lines, names)
            if isinstance(target, ast.Name) and other:
                names[target.id] = other
                continue
            for bound in sorted(names_bound(line) - names.keys()):
                if isinstance(target, ast.Name) or names_read(line) & self.own:
                    names[bound] = self.emitter.fresh(f"{bound}_{names['p']}")
                else:  # beta1 and beta2 are the same for all
                    if bound not in self.shared:
                        self.shared[bound] = self.emitter.fresh(bound)
                    names[bound] = self.shared[bound]
            code = ast.fix_missing_locations(_Renamed(names).visit(line))
            before = {k: np.asarray(scope[k]) for k in sorted(names_read(code)) if k in scope}
            before.pop("np", None)
            with np.errstate(all="ignore"):
                exec(compile(ast.Module([code], []), "<rule>", "exec"), scope)
            target = code.targets[0]
            if not isinstance(target, ast.Name):  # beta1, beta2 = betas
                self.inputs |= {k: np.asarray(scope[k]) for k in sorted(names_bound(code))}
                continue
            self.steps.append(
                Step(
                    number=len(self.steps) + 1,
                    phase="update",
                    kind="update",
                    name=target.id,
                    title=_title(target.id, names),
                    lines=(code,),
                    values={target.id: np.asarray(scope[target.id])},
                    inputs=before,
                )
            )

    def _check(self, row: Updated, names: Mapping[str, str], scope: Mapping[str, Any]) -> None:
        """What the lines compute must be what the rule computes.

        Raises:
            OSError: It is not: the rule was misread.
        """
        p, g = (np.array(a.numpy()) for a in (row.parameter, row.parameter.grad) if a is not None)
        slots = {k: v.copy() for k, v in row.slots.items()}
        with np.errstate(all="ignore"):
            new, memory = by_the_rule(self.rule, p, g, slots, row.numbers)
        for key, value in {"p": new, **memory}.items():
            if not np.array_equal(scope[names.get(key, key)], value, equal_nan=True):
                raise refused(self.rule, f"gives {key} other values than its lines do")

    def derivation(self, title: str, place: tuple[int, ...] | None, convention: str) -> Derivation:
        """The steps with their entries, in a convention."""
        steps, inputs = self.steps, self.inputs
        columns = convention == "column"
        if columns:
            steps = [in_columns(step, {"np": np, **inputs}) for step in steps]
            inputs = {name: turned(array) for name, array in inputs.items()}
        shapes = {k: np.shape(v) for k, v in inputs.items()}
        shapes |= {k: v.shape for step in steps for k, v in step.values.items()}
        letters = {} if any(k == "alpha" or k.startswith("alpha_") for k in shapes) else {
            k: k.replace("lr", "alpha", 1) for k in shapes if k == "lr" or k.startswith("lr_")
        }  # fmt: skip
        gradients = {d: name for name, d in self.gradients.items()}
        symbols = Symbols(shapes=shapes, gradients=gradients, labels=letters)
        return Derivation(
            title=title,
            steps=[_with_entry(step, _here(place, step, columns), symbols) for step in steps],
            inputs=inputs,
            result=steps[-1].name,
            gradients=self.gradients,
            symbols=symbols,
            convention=convention,
            scope=inputs,
        )


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node


def _other_name(line: ast.Assign, lines: Sequence[ast.Assign], names: Mapping[str, str]) -> str:
    """For `d = v`, where both keep their value to the end: what else d is called; "" if nothing."""
    target, value = line.targets[0], line.value
    if not isinstance(target, ast.Name) or not isinstance(value, ast.Name) or target.id in names:
        return ""
    later = lines[list(lines).index(line) + 1 :]
    if {target.id, value.id} & set().union(*(names_bound(s) for s in later)):
        return ""
    return names.get(value.id, value.id)


def _title(name: str, names: Mapping[str, str]) -> str:
    role = next((k for k, v in names.items() if v == name), name)
    if role == "p":
        return f"the new {name}"
    if role == "g":
        return f"the gradient of {name[1:]} with its decay"
    return f"{name}, for {names['p']}"


def _here(place: tuple[int, ...] | None, step: Step, columns: bool) -> tuple[int, ...]:
    """Which entry of a step is followed: the wanted one where it has its shape, else the first."""
    if place is None or not step.value.ndim:
        return (0,) * step.value.ndim
    return turned_place(place) if columns else place


def _with_entry(step: Step, place: tuple[int, ...], symbols: Symbols) -> Step:
    return replace(step, entry=entry_of(step, place, step.inputs, symbols))
