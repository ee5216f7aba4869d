"""An optimizer's step in a trace: its rule's kernel or formula, with numbers that stay alive."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..backends.table.updates import decisions
from ..ops.counted import Counted
from ..ops.registry import Array
from .instructions import Context, Count, Formula
from .settings import settings_of
from .trace import users_line

if TYPE_CHECKING:
    from .trace import Trace


def update(trace: "Trace", optimizer: Any, group: Any, block: Any, run: Any) -> None:
    """Takes one run's step and notes it down.

    The program takes for granted which parameters are in it, that their counters go together, and
    what the rule's `if`s ask for. All other numbers are looked up again when something changed.
    """
    backend = trace.traced(block.backend)
    p, g, slots = block.stretch(run)
    counter = block.t[run.start : run.end]
    ahead = trace.steps_ahead(block.t) + 1
    hypers = group.hypers

    def numbers() -> Mapping[str, Any]:
        found: Mapping[str, Any] = optimizer._numbers(int(counter[0]) + ahead, group.hypers)
        return found

    def asked(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: decisions(value) for name, value in given.items()}

    trace.is_outside(p, *slots.values(), counter)
    members = block.params[run.start : run.end]
    first, *others = (q.name or "p" for q in members)
    called = f"{first}..{others[-1]}" if others else first
    trace.flat += [(p, called), (g, "d" + called.replace("..", "..d"))]
    views = block.homes.views[run.start : run.end]
    trace.flat += [(v, f"d{q.name or 'p'}") for v, q in zip(views, members, strict=True)]
    trace.flat += [(slot, f"{name}({called})") for name, slot in slots.items()]
    given = optimizer._numbers(run.t, hypers)
    what = f"decisions {run.start} {ahead}"
    trace.chooses(block, what, lambda: asked(numbers()), asked(given))
    trace.context = Context(optimizer._who + ".step")
    if optimizer.rule is not None and not optimizer._has_its_own_way:
        counted = settings_of(given, numbers, group)
        if type(given.get("t")) is int:
            counted["t"] = Counted(counter, ahead=1)
        if _moves(given, optimizer._numbers(run.t + 1, hypers)):
            trace.moves = True
        if backend.update(optimizer.rule, p, g, slots, counted):
            return
    _by_formula(trace, optimizer, group, p, g, slots, counter)


def _moves(now: Mapping[str, Any], later: Mapping[str, Any]) -> bool:
    """Whether numbers other than t change from step to step."""
    return any(now[k] != later[k] for k in now if k != "t" and not isinstance(now[k], bool))


def _by_formula(
    trace: "Trace",
    optimizer: Any,
    group: Any,
    p: Array,
    g: Array,
    slots: Mapping[str, Array],
    counter: Array,
) -> None:
    """A step that no kernel takes: the optimizer's own `_update`, on the program's arrays."""
    function = _function_of(optimizer, group, list(slots))
    memory = list(slots.values())
    t = {"t": Count(counter, 1)}
    trace.runs(Formula(function, [p, g, *memory], t, [p, *memory], users_line(), trace.context))


def _function_of(optimizer: Any, group: Any, names: list[str]) -> Callable[..., Any]:
    """`_update` as a function of arrays: (p, g, *slots, t) -> (p, *slots)."""

    def step(p: Array, g: Array, *memory: Array, t: int) -> Any:
        slots = dict(zip(names, memory, strict=True))
        new, found = optimizer._update(p, g, slots, t, group.hypers)
        return (new, *(found.get(name, slots[name]) for name in names))

    step.__name__ = f"{type(optimizer).__name__}.step"
    return step
