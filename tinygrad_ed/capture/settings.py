"""Numbers that a captured program looks up again at each run."""

from typing import Any, Self


class Setting(float):
    """A hyper-parameter: its value is looked up again before each run.

    Attributes:
        group: What it belongs to.
        name, part: Its name there, and which part of it if it is a tuple.
    """

    group: Any
    name: str
    part: int | None

    def __new__(cls, value: float, group: Any, name: str, part: int | None = None) -> Self:
        """The value that it has now, and where it comes from."""
        made = super().__new__(cls, value)
        made.group, made.name, made.part = group, name, part
        return made

    def now(self) -> float:
        """Its present value."""
        value = self.group.hypers[self.name]
        return float(value if self.part is None else value[self.part])

    def same_as(self, other: "Setting") -> bool:
        """Whether both are the same hyper-parameter."""
        return (self.group, self.name, self.part) == (other.group, other.name, other.part)
