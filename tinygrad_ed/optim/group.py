"""Groups: parameters that share their hyper-parameters, and the flat blocks that hold them."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from ..recording import changes, state
from ..tensor import Tensor
from .flat import FlatBlock
from .hyper import check_hypers

BETWEEN = "is not computed, so a captured program would not do it again: do it between two steps"
# Which memory goes with given hyper-parameters: slot name -> the value that it starts from.
Slots = Callable[[Mapping[str, Any]], Mapping[str, float]]


class ParameterGroup(MutableMapping[str, Any]):
    """Parameters that share their hyper-parameters: ``group["lr"] = 0.01`` changes one for all.

    A mapping from hyper-parameter names to values; ``group["params"]`` is the tuple of the
    parameters, read only. Whatever is set is checked at once, so that a NaN learning rate fails on
    the line that makes it. What decides which memory the optimiser keeps (``momentum`` zero or not,
    ``centered``, ``amsgrad``) is fixed, because that memory cannot be made up in mid-run.

    Args:
        who: The optimiser, for messages.
        params: The parameters.
        hypers: Checked hyper-parameters.
        slots: Which memory goes with given hyper-parameters.

    Attributes:
        hypers: The hyper-parameters as a plain dict.
        params: The parameters, each once.
        blocks: Flat blocks, one or more per dtype and device. A parameter that is frozen from the
            start is in none of them until it is thawed: it costs no memory.
    """

    def __init__(
        self, who: str, params: Sequence[Tensor], hypers: Mapping[str, Any], slots: Slots
    ) -> None:
        self._who = who
        self._slots = slots
        self._place: dict[int, tuple[FlatBlock, int]] = {}
        self._waiting = list(params)
        self.params = tuple(params)
        self.hypers = dict(hypers)
        self.blocks: list[FlatBlock] = []

    def admit(self, also: Sequence[Tensor] = ()) -> None:
        """Move parameters that want to be trained into flat blocks, where they are not yet.

        Args:
            also: Parameters to move even if they are frozen.
        """
        if not self._waiting:
            return
        chosen = {id(p) for p in self._waiting if p.requires_grad} | {id(p) for p in also}
        kinds: dict[object, list[Tensor]] = {}
        for p in self._waiting:
            if id(p) in chosen:
                kinds.setdefault((p._array.dtype, p.device), []).append(p)
        self._waiting = [p for p in self._waiting if id(p) not in chosen]
        for members in kinds.values():
            block = FlatBlock(members, self.slots)
            self.blocks.append(block)
            self._place.update({id(p): (block, i) for i, p in enumerate(members)})

    @property
    def slots(self) -> Mapping[str, float]:
        """Memory slots of each parameter, and what they start from."""
        return self._slots(self.hypers)

    def place(self, parameter: Tensor) -> tuple[FlatBlock, int] | None:
        """Return the block that holds a parameter and its position there; None if it waits."""
        return self._place.get(id(parameter))

    def __getitem__(self, name: str) -> Any:
        return self.params if name == "params" else self.hypers[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if state.trace is not None:
            state.trace.forbids(f"setting {name} of {self._who} {BETWEEN}")
        self.hypers = self.checked({name: value})
        changes.note_setting()

    def checked(self, changes: Mapping[str, object]) -> dict[str, Any]:
        """Return the hyper-parameters with these changes, checked; the group stays as it is.

        Raises:
            TypeError: If a name or kind of value is wrong, or the parameters would be replaced.
            ValueError: If a value is out of range, or would need other memory.
        """
        if "params" in changes:
            raise TypeError(
                f"{self._who}: the parameters of a group are fixed. Use add_param_group for more."
            )
        new = check_hypers(self._who, {**self.hypers, **changes}, list(self.hypers))
        if set(self._slots(new)) != set(self.slots):
            changed = {name: value for name, value in new.items() if self.hypers[name] != value}
            raise ValueError(
                f"{self._who}: {changed} would switch a part of the optimiser's memory on or off. "
                "Make a new optimiser with it."
            )
        return new

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"{self._who}: a group keeps all its entries; set {name!r} instead.")

    def __iter__(self) -> Iterator[str]:
        return iter(("params", *self.hypers))

    def __len__(self) -> int:
        return 1 + len(self.hypers)

    def __repr__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.hypers.items())
