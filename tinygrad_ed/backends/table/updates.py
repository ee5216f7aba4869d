"""An optimiser's step: its rule re-emitted as one loop over all weights, in place."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...ops.registry import Array
from ..scalar_loops import NotElementwise, Varying, emit
from .environment import SERVED, Environment
from .generated import Generated, made


class Updates:
    """Loops made from the rules in `optim/rules.py`, and from users' own."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.loops: dict[Any, Generated | None] = {}

    def run(
        self,
        rule: Callable[..., Any],
        p: Array,
        g: Array,
        slots: Mapping[str, Array],
        numbers: Mapping[str, Any],
    ) -> bool:
        """See `Backend.update`; False if no loop can be made of the rule."""
        found = self._loop(rule, p, slots, numbers)
        if found is None:
            return False
        return found.run({"p": p, "g": g, **slots}, numbers, {})

    def _loop(
        self,
        rule: Callable[..., Any],
        p: Array,
        slots: Mapping[str, Array],
        numbers: Mapping[str, Any],
    ) -> Generated | None:
        key = rule, p.dtype, tuple(slots), decisions(tuple(numbers.values()))
        found = self.loops.get(key)
        if key not in self.loops or not (found is None or found.loop.is_current()):
            found = self.loops[key] = self._made(rule, p, slots, numbers)
        return found

    def _made(
        self,
        rule: Callable[..., Any],
        p: Array,
        slots: Mapping[str, Array],
        numbers: Mapping[str, Any],
    ) -> Generated | None:
        if p.dtype not in SERVED:
            return None
        parameters = inspect.signature(rule).parameters.values()
        memory = [q.name for q in parameters if q.kind is not q.KEYWORD_ONLY][2:]
        arrays: dict[str, Any] = {"p": "full", "g": "full", **dict.fromkeys(slots, "full")}
        values = {k: _at_run_time(v) for k, v in numbers.items()}
        absent = {name: None for name in memory if name not in slots}
        outputs = ["p", *(name if name in slots else None for name in memory)]
        try:
            loop = emit(
                rule,
                arrays,
                {**values, **absent},
                outputs=outputs,
                dtype=SERVED[p.dtype],
                name=f"{rule.__name__}_update",
                language=self.environment.library.language,
            )
        except (NotElementwise, OSError):
            return None
        return made(self.environment, loop, SERVED[p.dtype]) if loop.text else None


def decisions(value: Any) -> Any:
    """What an `if` of a rule may ask of its numbers: whether one is 0; a flag decides by itself."""
    if isinstance(value, tuple):
        return tuple(map(decisions, value))
    return value if isinstance(value, bool) else value != 0


def _at_run_time(value: Any) -> Any:
    """How the loop gets a number: a flag is built in, t is counted, the rest is looked up."""
    if isinstance(value, tuple):
        return tuple(map(_at_run_time, value))
    if isinstance(value, bool):
        return value
    return int if isinstance(value, int) else Varying(float(value))
