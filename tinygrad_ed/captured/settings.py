"""Numbers that a captured program looks up again: hyper-parameters."""

from collections.abc import Callable, Mapping
from typing import Any, Self


class Setting(float):
    """A number that an optimiser's rule takes; its value is looked up again when something changed.

    Attributes:
        look: Gives all numbers of the rule at that place of the step.
        owner: Whose numbers they are.
        name, part: Its name there, and which part of it if it is a tuple.
    """

    look: Callable[[], Mapping[str, Any]]
    owner: Any
    name: str
    part: int | None

    def __new__(
        cls,
        value: float,
        look: Callable[[], Mapping[str, Any]],
        owner: Any,
        name: str,
        part: int | None = None,
    ) -> Self:
        """The value that it has now, and where it comes from."""
        made = super().__new__(cls, value)
        made.look, made.owner, made.name, made.part = look, owner, name, part
        return made

    def now(self) -> float:
        """Its present value."""
        value = self.look()[self.name]
        return float(value if self.part is None else value[self.part])

    def same_as(self, other: "Setting") -> bool:
        """Whether both are the same hyper-parameter."""
        return self.owner is other.owner and (self.name, self.part) == (other.name, other.part)


def settings_of(
    numbers: Mapping[str, Any], look: Callable[[], Mapping[str, Any]], owner: Any
) -> dict[str, Any]:
    """A rule's numbers as settings; flags stay as they are, since they decide what is computed."""
    found: dict[str, Any] = {}
    for name, value in numbers.items():
        if isinstance(value, tuple):
            found[name] = tuple(Setting(v, look, owner, name, k) for k, v in enumerate(value))
        else:
            is_flag = isinstance(value, bool)
            found[name] = value if is_flag else Setting(value, look, owner, name)
    return found
