"""What is kept for each shape of a batch, as long as that shape is used."""

from typing import Any, Generic, TypeVar

Entry = TypeVar("Entry")

SHAPES = 64
"""Shapes of batches for which programs or traces are kept."""


class Recent(dict[Any, list[Entry]], Generic[Entry]):
    """Lists by key, those that were used last."""

    def keep(self, key: Any, entries: list[Entry]) -> None:
        """Enters this list as the one used last, and forgets what was not used for longest."""
        self.pop(key, None)
        if entries:
            self[key] = entries
        while len(self) > SHAPES:
            del self[next(iter(self))]
