"""What a call of a generated loop comes down to, worked out once for operands of certain shapes."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...ops.registry import Array
from ..scalar_loops import Operand, ScalarLoop
from .environment import Environment
from .generated import Generated


class Plan:
    """A generated loop for operands of certain shapes and types, and how to call it.

    Attributes:
        shape, dtype: Of its results.
        outputs: Number of a result -> its place among the arrays that are handed over.
        aliases: Results that are an operand, unchanged: number -> place of the operand.
        nothing: Results that are None.
    """

    def __init__(
        self,
        found: Generated | ScalarLoop,
        names: Sequence[str],
        shape: tuple[int, ...],
        dtype: str,
    ) -> None:
        """Names are those of the positional arguments of the function that the loop is made of."""
        loop = found.loop if isinstance(found, Generated) else found
        written = [o for o in loop.operands if o.kind == "out"]
        self.shape = shape
        self.dtype = np.dtype(written[0].dtype if written else dtype)
        self.outputs = {o.output: k for k, o in enumerate(written)}
        self.aliases = {k: names.index(name) for k, name in loop.aliases.items()}
        self.nothing = loop.nothing
        self._found = found if isinstance(found, Generated) else None
        self._launch = None if self._found is None else self._found.launch
        self._loop = loop if loop.outside else None
        self._sources = [self._source(o, names) for o in loop.operands]

    def is_current(self) -> bool:
        """Whether what the loop has built in from outside is still the same."""
        return self._loop is None or self._loop.is_current()

    def run(
        self, arrays: Sequence[Any], params: Mapping[str, Any], outputs: Sequence[Array]
    ) -> bool:
        """Computes the outputs; False if an array does not lie as the loop wants it."""
        if self._launch is None:
            return True
        given: list[Any] = []
        for kind, where in self._sources:
            if kind == "array":
                given.append(arrays[where])
            elif kind == "output":
                given.append(outputs[where])
            else:
                given.append(params[where] if kind == "parameter" else where)
        return self._launch(*given)

    def on(self, environment: Environment) -> "Plan":
        """The same plan, its kernel run by another environment."""
        other = copy.copy(self)
        if self._found is not None:
            other._launch = environment.launcher(self._found.kernel)
        return other

    def _source(self, operand: Operand, names: Sequence[str]) -> tuple[str, Any]:
        """Where an operand of the loop is found at each call."""
        if operand.kind == "out":
            return "output", self.outputs[operand.output]
        if operand.constant is not None:
            return "constant", operand.constant
        if operand.of in names:
            return "array", names.index(operand.of)
        return "parameter", operand.of
