"""The Optimizer: who gets which update, when.

An optimiser adds three things to a rule of ``rules.py``: it keeps the rule's memory for every
parameter, lays the parameters end to end so that one call of the rule updates them all
(``flat.py``), and lets groups of parameters differ in their hyper-parameters (``group.py``).
"""

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeAlias

from numpy.typing import NDArray

from ..recording import changes, state
from ..tensor import Tensor
from .flat import describe
from .group import BETWEEN, ParameterGroup
from .hyper import check_hypers
from .parameters import check_parameters, split_groups
from .state import dump_state, load_state

Array: TypeAlias = NDArray[Any]
Params: TypeAlias = Iterable[Tensor] | Iterable[Mapping[str, Any]]


class Optimizer(ABC):
    """Base of all optimisers: parameters, groups, steps, state. The rule comes from the subclass.

    A parameter that is frozen (``requires_grad`` is False) or has no gradient sits a step out: its
    value, its memory and its step counter stay. One that occurs twice in a list counts once.

    Args:
        params: Tensors, or a list of groups ``{"params": [...], "lr": ...}`` whose entries override
            the hyper-parameters given to the optimiser.
        defaults: Hyper-parameters by name.

    Attributes:
        param_groups: The groups; ``param_groups[0]["lr"] = 0.01`` changes a learning rate.

    Raises:
        TypeError: If something in ``params`` is no tensor, or a hyper-parameter of a wrong kind.
        ValueError: If there are no parameters, one is in two groups or not a leaf, or a
            hyper-parameter is out of its range.
        DTypeError: If a parameter does not hold real floating-point numbers.
    """

    rule: ClassVar[Callable[..., Any] | None] = None
    """The update rule, (p, g, *slots, **numbers) -> (p, *slots): see ``rules.py``.

    A device may have a loop made of it (``Backend.update``)."""
    _has_its_own_way: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "rule" in vars(cls) or "_update" in vars(cls):
            # No loop takes the place of a method that does more than the rule.
            cls._has_its_own_way = "_update" in vars(cls)

    def __init__(self, params: Params, defaults: Mapping[str, object]) -> None:
        self._who = type(self).__name__
        self.defaults = check_hypers(self._who, defaults, list(defaults))
        self.param_groups: list[ParameterGroup] = []
        for entry in split_groups(self._who, params):
            self._append(entry)
        # Every group has passed its checks before the first parameter is moved.
        for group in self.param_groups:
            group.admit()

    @staticmethod
    @abstractmethod
    def _slots(hypers: Mapping[str, Any]) -> dict[str, float]:
        """Name the memory that these hyper-parameters need, and what each slot starts from."""

    def _numbers(self, t: int, hypers: Mapping[str, Any]) -> dict[str, Any]:
        """What the rule takes beside arrays: hyper-parameters, and the number of the step."""
        return dict(hypers)

    def _update(
        self, p: Array, g: Array, slots: Mapping[str, Array], t: int, hypers: Mapping[str, Any]
    ) -> tuple[Array, dict[str, Array]]:
        """Apply the rule to one run: return the new values and the new memory."""
        if self.rule is None:
            raise NotImplementedError(f"{self._who} has neither a rule nor an _update of its own")
        return by_the_rule(self.rule, p, g, slots, self._numbers(t, hypers))

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Train more parameters: ``add_param_group({"params": layer.parameters(), "lr": 0.01})``.

        Args:
            group: Its parameters and the hyper-parameters that differ from the optimiser's own.

        Raises:
            TypeError: As for the constructor.
            ValueError: As for the constructor.
            DTypeError: As for the constructor.
        """
        self._append(split_groups(self._who, [group])[0])
        self.param_groups[-1].admit()

    def zero_grad(self) -> None:
        """Forget all gradients: each parameter's ``grad`` becomes None."""
        for group in self.param_groups:
            for p in group.params:
                if state.trace is not None:
                    state.trace.gradients.clears(p)
                p._grad = None
            for block in group.blocks:
                block.settle()

    def step(self) -> None:
        """Take one step: update every parameter that is not frozen and has a gradient.

        All gradients are checked before any parameter changes, and no gradient is changed.

        Raises:
            ShapeError: If a gradient does not have the shape of its parameter.
            DTypeError: If a gradient does not have the dtype of its parameter.
            DeviceError: If a gradient is on another device than its parameter.
        """
        who = self._who + ".step"
        work = []
        for group in self.param_groups:
            group.admit()  # parameters that were frozen so far
            for block in group.blocks:
                for run in block.collect(who):
                    work.append((group, block, run))
        if not work:
            self._warn_if_backward_was_forgotten(who)
        results = []
        for group, block, run in work:
            p, g, slots = block.stretch(run)
            if state.trace is not None:
                state.trace.update(self, group, block, run)
                continue
            if self.rule is not None and not self._has_its_own_way:
                numbers = self._numbers(run.t, group.hypers)
                if block.backend.update(self.rule, p, g, slots, numbers):
                    continue
            results.append((block, run, self._update(p, g, slots, run.t, group.hypers)))
        for block, run, (p, slots) in results:
            block.write(run, p, slots)
        for _, block, run in work:
            block.count(run, who)

    def state_dict(self) -> dict[str, Any]:
        """Return hyper-parameters, step counters and memory as plain numbers and NumPy arrays.

        The parameters themselves are the model's business. All arrays are copies.
        """
        return dump_state(self._who, self.param_groups)

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Bring back what ``state_dict`` returned; nothing changes unless all of it fits.

        Raises:
            TypeError: If it is no such dict, or another algorithm's.
            ValueError: If groups, shapes, dtypes or kinds of memory differ.
        """
        if state.trace is not None:
            state.trace.forbids(f"{self._who}.load_state_dict {BETWEEN}")
        load_state(self._who, self.param_groups, saved)
        changes.note()

    def __getstate__(self) -> dict[str, Any]:
        """For copies: without the flat memory, whose views would not be views any more."""
        groups = [(group.params, group.hypers) for group in self.param_groups]
        return {"own": {**vars(self), "param_groups": groups}, "state": self.state_dict()}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        vars(self).update(saved["own"])
        self.param_groups = [
            ParameterGroup(self._who, params, hypers, self._slots)
            for params, hypers in saved["own"]["param_groups"]
        ]
        for group in self.param_groups:
            group.admit()
        load_state(self._who, self.param_groups, saved["state"])

    def __repr__(self) -> str:
        lines = []
        for group in self.param_groups:
            count, size = len(group.params), sum(p.size for p in group.params)
            plural = "" if count == 1 else "s"
            lines.append(f"{group!r}; {count} parameter{plural}, {size:,} numbers")
        if len(lines) == 1:
            return f"{self._who}({lines[0]})"
        return "\n".join([f"{self._who}(", *(f"  [{i}] {s}" for i, s in enumerate(lines)), ")"])

    def _append(self, entry: Mapping[str, Any]) -> None:
        params = check_parameters(self._who, entry["params"])
        own = {name: value for name, value in entry.items() if name != "params"}
        hypers = check_hypers(self._who, {**self.defaults, **own}, list(self.defaults))
        # A schedule may end at 0, hence 0 is accepted later; from the start it is a mistake.
        if hypers["lr"] == 0:
            raise ValueError(
                f"{self._who}: lr must be > 0, got {hypers['lr']!r}: nothing would ever move. "
                "Try 0.01 (SGD) or 0.001 (Adam)."
            )
        taken = {id(p): i for i, group in enumerate(self.param_groups) for p in group.params}
        for position, p in enumerate(params):
            if id(p) in taken:
                raise ValueError(
                    f"{self._who}: {describe(p, position)} of group {len(self.param_groups)} is "
                    f"also in group {taken[id(p)]}: one step would update it twice. "
                    "Keep it in one group."
                )
        self.param_groups.append(ParameterGroup(self._who, params, hypers, self._slots))

    def _warn_if_backward_was_forgotten(self, who: str) -> None:
        trainable = sum(p.requires_grad for group in self.param_groups for p in group.params)
        if trainable:
            warnings.warn(
                f"{who}: none of the {trainable} trainable parameters has a gradient, so nothing "
                "was updated. Call loss.backward() before step().",
                stacklevel=3,
            )


def by_the_rule(
    rule: Callable[..., Any],
    p: Array,
    g: Array,
    slots: Mapping[str, Array],
    numbers: Mapping[str, Any],
) -> tuple[Array, dict[str, Array]]:
    """A rule on one run: its new values, and its new memory by name; a slot not there is None."""
    parameters = inspect.signature(rule).parameters.values()
    names = [q.name for q in parameters if q.kind is not q.KEYWORD_ONLY][2:]
    p, *memory = rule(p, g, *(slots.get(name) for name in names), **numbers)
    return p, {name: m for name, m in zip(names, memory, strict=True) if m is not None}
