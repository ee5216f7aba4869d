"""What becomes of the leaves' gradients in a captured step.

While a step is traced, the program depends on a gradient that was there before only if the step adds
to it without having cleared it. When a step ends, a gradient that an optimizer has used is not kept:
a later fusion may never write it to memory. One that nobody has used is a result like any other.
"""

from typing import Any

from ..errors import TapeError
from ..tape import Node


class Gradients:
    """The gradients that a traced step touched.

    Attributes:
        cleared: Leaves that were cleared before anything was added.
        before: Leaves that were added to without that -> whether they had no gradient before.
        leaves: All of them.
    """

    def __init__(self) -> None:
        self.cleared: set[Node] = set()
        self.before: dict[Node, bool] = {}
        self.leaves: dict[Node, None] = {}

    def clears(self, leaf: Node) -> None:
        """`zero_grad` forgets the gradient of a leaf."""
        self.leaves[leaf] = None
        if leaf not in self.before:
            self.cleared.add(leaf)

    def reaches(self, leaf: Node) -> None:
        """`backward` is about to set the gradient of a leaf, or add to it."""
        self.leaves[leaf] = None
        if leaf not in self.cleared:
            self.before.setdefault(leaf, leaf._grad is None)


class NotKept:
    """Stands where a gradient would be that a captured step used up; any use of it says so."""

    def __init__(self, leaf: str) -> None:
        object.__setattr__(self, "leaf", leaf)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return NotKept
        leaf = object.__getattribute__(self, "leaf")
        raise TapeError(
            f"the gradient of {leaf} is not kept (fused): the captured step used it up. "
            f"Capture with tg.capture(step, keep_grads=True) to read it"
        )


class Kept:
    """A gradient in a program's memory: reading it gives a copy, since the next run writes there."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def copy_for(self, leaf: Any) -> Any:
        """The gradient as a tensor."""
        return leaf._result(self.array.copy())


class Ends:
    """The state of the leaves' gradients after each run.

    Attributes:
        arrays: Gradients that must be in memory when a run ends.
    """

    def __init__(self, trace: Any, keep_grads: bool) -> None:
        self.states: list[tuple[Node, Any]] = []
        self.arrays: list[Any] = []
        self.results: list[tuple[Node, Any]] = []
        for leaf in trace.gradients.leaves:
            array, home = leaf._grad, leaf._home
            if home is not None:
                trace.assumes(lambda leaf=leaf: id(leaf._home), id(home))
            if isinstance(array, Node):
                array = array._array
            if array is None:
                self.states.append((leaf, None))
            elif not leaf._spent:  # a result like any other: nobody may see the next one in it
                self.arrays.append(array)
                self.results.append((leaf, array))
            elif keep_grads:
                self.arrays.append(array)
                self.states.append((leaf, Kept(array)))
            else:
                self.states.append((leaf, NotKept(leaf.label)))

    def apply(self) -> None:
        """Sets what `leaf.grad` finds."""
        for leaf, state in self.states:
            leaf._grad = state
        for leaf, array in self.results:
            leaf._grad = array if array is leaf._home else array.copy()
            leaf._spent = False
