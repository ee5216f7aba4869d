"""`tg.explain(optimiser)`: the update that its next step would make, with its numbers."""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import TapeError
from ..ops.source import body_of, fresh, globals_of, names_bound, names_read, syntax
from ..optim import Optimizer
from ..tensor import Tensor
from ..views.emit import Emitter
from .derivation import Derivation
from .entries import entry_of
from .math import Symbols
from .steps import Array, Step


def explain_update(
    optimizer: Optimizer, wrt: Tensor | str | None, entry: tuple[int, ...] | None
) -> Derivation:
    """The lines of the optimiser's rule for each parameter that has a gradient.

    Nothing is changed: call it after `backward` and before `step`.

    Raises:
        TypeError: Not an optimiser.
        TapeError: No parameter has a gradient.
        OSError: The rule's source is not to be had.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"explain takes a recorded tensor or an optimiser, got {type(optimizer).__name__}"
        )
    emitter = Emitter()
    inputs: dict[str, Array] = {}
    steps: list[Step] = []
    gradients: dict[str, str] = {}
    for p, numbers, slots in _parameters(optimizer):
        if wrt is not None and wrt is not p and wrt != p.name:
            continue
        name = emitter.fresh(p.name or "p")
        gradients[name] = f"d{name}"
        assert p.grad is not None
        arrays = {"p": p.numpy(), "g": p.grad.numpy(), **slots}
        names = {"p": name, "g": f"d{name}"} | {slot: f"{slot}_{name}" for slot in slots}
        scope = {names.get(k, k): np.array(v) for k, v in arrays.items()}
        inputs |= scope | {k: np.asarray(v) for k, v in numbers.items() if _is_number(v)}
        assert optimizer.rule is not None
        lines = straight(optimizer.rule, {**dict.fromkeys(_slots_of(optimizer)), **numbers}, slots)
        steps += _steps(lines, names, {**scope, **numbers}, len(steps), entry, inputs)
    if not steps:
        raise TapeError(
            f"explain: {type(optimizer).__name__} has nothing to update: no parameter "
            f"{'' if wrt is None else 'of that name '}has a gradient. Call loss.backward() first, "
            f"and explain before step() and zero_grad()"
        )
    labels = {} if "alpha" in inputs else {"lr": "alpha"}
    shapes = {k: np.shape(v) for k, v in inputs.items()}
    shapes |= {k: v.shape for step in steps for k, v in step.values.items()}
    symbols = Symbols(
        shapes=shapes, gradients={d: name for name, d in gradients.items()}, labels=labels
    )
    return Derivation(
        title=f"The next step of {type(optimizer).__name__}",
        steps=[_with_entry(step, entry, symbols) for step in steps],
        inputs=inputs,
        result=steps[-1].name,
        gradients=gradients,
        symbols=symbols,
        convention="row",
        scope=inputs,
    )


def _parameters(
    optimizer: Optimizer,
) -> Sequence[tuple[Tensor, dict[str, Any], dict[str, Array]]]:
    """Each parameter that would be updated, with the rule's numbers and its memory."""
    found = []
    for group in optimizer.param_groups:
        for block in group.blocks:
            for i, p in enumerate(block.params):
                if p.requires_grad and p.grad is not None:
                    numbers = optimizer._numbers(block.t.item(i) + 1, group.hypers)
                    to_numpy = p._backend.to_numpy
                    slots = {slot: np.array(to_numpy(block.slot(slot, i))) for slot in block.state}
                    found.append((p, numbers, slots))
    return found


def _slots_of(optimizer: Optimizer) -> list[str]:
    parameters = inspect.signature(optimizer.rule).parameters.values()  # type: ignore[arg-type]
    return [q.name for q in parameters if q.kind is not q.KEYWORD_ONLY][2:]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def straight(
    rule: Callable[..., Any], numbers: Mapping[str, Any], arrays: Mapping[str, Any]
) -> list[ast.stmt]:
    """A rule's statements with every `if` decided by its numbers.

    Args:
        rule: Its `if`s may ask for hyper-parameters only; it may end by calling another rule.
        numbers: Hyper-parameters, and None for memory that is not used.
        arrays: Memory that is used; it decides nothing.
    """
    known = {k: v for k, v in numbers.items() if k not in arrays}
    lines: list[ast.stmt] = []

    def go(body: Sequence[ast.stmt], function: Callable[..., Any]) -> None:
        scope = {**globals_of(function), **known}
        for statement in body:
            if isinstance(statement, ast.If):
                go(statement.body if _truth(statement.test, scope) else statement.orelse, function)
            elif isinstance(statement, ast.Return):
                called = statement.value
                if isinstance(called, ast.Call) and isinstance(called.func, ast.Name):
                    inner = scope[called.func.id]
                    for keyword in inspect.signature(inner).parameters.values():
                        given = {k.arg for k in called.keywords}
                        if keyword.kind is keyword.KEYWORD_ONLY and keyword.name not in given:
                            known[keyword.name] = keyword.default
                    go(body_of(syntax(inner)), inner)
            else:
                lines.append(_Decided(scope).visit(fresh(statement)))

    go(body_of(syntax(rule)), rule)
    return lines


def _truth(test: ast.expr, scope: Mapping[str, Any]) -> bool:
    return bool(eval(compile(ast.Expression(test), "<rule>", "eval"), dict(scope)))


class _Decided(ast.NodeTransformer):
    """`a if nesterov else b` becomes what it is."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        return self.visit(node.body if _truth(node.test, self.scope) else node.orelse)


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node


def _steps(
    lines: Sequence[ast.stmt],
    names: dict[str, str],
    scope: dict[str, Any],
    done: int,
    entry: tuple[int, ...] | None,
    inputs: dict[str, Array],
) -> list[Step]:
    """Runs the lines one after the other; each that computes an array or a number is a step."""
    steps: list[Step] = []
    scope["np"] = np
    for line in lines:
        assert isinstance(line, ast.Assign)
        target = line.targets[0]
        other = _other_name(line, lines, names)
        if isinstance(target, ast.Name) and other:
            names[target.id] = other
            continue
        if isinstance(target, ast.Name):  # local names of one parameter are not another's
            names.setdefault(target.id, f"{target.id}_{names['p']}")
        code = ast.fix_missing_locations(_Renamed(names).visit(line))
        before = {k: np.asarray(scope[k]) for k in sorted(names_read(code)) if k in scope}
        before.pop("np", None)
        with np.errstate(all="ignore"):
            exec(compile(ast.Module([code], []), "<rule>", "exec"), scope)
        if not isinstance(target, ast.Name):  # beta1, beta2 = betas
            parts = [t.id for t in getattr(target, "elts", []) if isinstance(t, ast.Name)]
            inputs |= {k: np.asarray(scope[k]) for k in parts}
            continue
        steps.append(
            Step(
                number=done + len(steps) + 1,
                phase="update",
                kind="update",
                name=target.id,
                title=_title(target.id, names),
                lines=(code,),
                values={target.id: np.asarray(scope[target.id])},
                inputs=before,
            )
        )
    return steps


def _other_name(line: ast.Assign, lines: Sequence[ast.stmt], names: Mapping[str, str]) -> str:
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


def _with_entry(step: Step, entry: tuple[int, ...] | None, symbols: Symbols) -> Step:
    shape = step.value.shape
    fits = entry is not None and len(entry) == len(shape)
    fits = fits and all(0 <= k < n for k, n in zip(entry or (), shape, strict=False))
    place = entry if fits and entry is not None else (0,) * len(shape)
    return replace(step, entry=entry_of(step, place, step.inputs, symbols))
