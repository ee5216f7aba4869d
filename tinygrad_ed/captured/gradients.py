"""What becomes of the leaves' gradients in a captured step.

The memory of a program is its own, so a gradient that was there before a step is copied in if the
step adds to it or takes an optimizer's step with it, and the gradients that a step leaves behind
are copied out. One that an optimizer has used up is not kept, unless it is asked for: a later
fusion may never write it to memory.
"""

from typing import Any

from ..backends.base import copied
from ..errors import TapeError
from ..ops.registry import Array
from ..tape import Node


class Gradients:
    """The gradients that a traced step touched.

    Args:
        made: Leaves that the step made itself; their gradients are nobody else's business.

    Attributes:
        leaves: The leaves that the gradients belong to.
        before: Leaves whose gradient the step used without having cleared it -> a copy of what it
            was, which the program reads; None if there was none.
    """

    def __init__(self, made: dict[int, Node]) -> None:
        self.made = made
        self.leaves: dict[Node, None] = {}
        self.before: dict[Node, Array | None] = {}

    def clears(self, leaf: Node) -> None:
        """`zero_grad` forgets the gradient of a leaf."""
        if id(leaf) not in self.made:
            self.leaves.setdefault(leaf)

    def uses(self, leaf: Node) -> None:
        """The gradient of a leaf is about to be set, added to or read."""
        if leaf in self.leaves or leaf._op is not None or id(leaf) in self.made:
            return
        self.leaves[leaf] = None
        array = array_of(leaf)
        if array is not None:
            leaf._grad = array = copied(array)
        self.before[leaf] = array


class NotKept:
    """Stands where a gradient would be that a captured step used up; any use of it says so."""

    def __init__(self, leaf: str) -> None:
        object.__setattr__(self, "leaf", leaf)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return NotKept, (object.__getattribute__(self, "leaf"),)

    def __deepcopy__(self, memo: Any) -> "NotKept":
        return self

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__deepcopy__", "__reduce_ex__"):
            return object.__getattribute__(self, name)
        leaf = object.__getattribute__(self, "leaf")
        raise TapeError(
            f"the gradient of {leaf} is not kept (fused): the captured step used it up. "
            f"Capture with tg.capture(step, keep_grads=True) to read it, and call zero_grad() "
            f"before backward()"
        )


def array_of(leaf: Node) -> Array | None:
    """The gradient of a leaf as an array.

    Raises:
        TapeError: A captured step used it up.
    """
    gradient = leaf._grad
    if type(gradient) is NotKept:
        gradient.shape  # noqa: B018 (says so)
    return gradient._array if isinstance(gradient, Node) else gradient


class Ends:
    """The state of the leaves' gradients after a run.

    Attributes:
        states: Leaves that are left with nothing to read: None or a `NotKept`.
        results: (leaf, its gradient, whether an optimizer has used it): read by a copy.
    """

    def __init__(self, gradients: Gradients, keep_grads: bool) -> None:
        self.states: list[tuple[Node, Any]] = []
        self.results: list[tuple[Node, Array, bool]] = []
        for leaf in gradients.leaves:
            array = array_of(leaf)
            if array is None:
                self.states.append((leaf, None))
            elif leaf._spent and not keep_grads and leaf not in gradients.before:
                self.states.append((leaf, NotKept(leaf.label)))
            else:
                self.results.append((leaf, array, leaf._spent))

    def apply(self) -> None:
        """Sets what `leaf.grad` finds."""
        for leaf, state in self.states:
            leaf._grad = state
        for leaf, array, spent in self.results:
            leaf._grad, leaf._spent = array.copy(), spent
