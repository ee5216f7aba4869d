"""A captured program as text: a line for each launch, with the arrays it reads and writes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.registry import Array
from ..tensor import Tensor
from .instructions import Formula, Instruction, Launch, memory_of


def listing(
    lines: Sequence[Instruction], inputs: Sequence[Array], trace: Any, results: Sequence[Tensor]
) -> str:
    """Each instruction as `outputs = kernel(operands)`, with what it is for and where it stands."""
    names = _Names(inputs)
    shown = []
    for line in lines:
        if isinstance(line, Launch):
            outputs = ", ".join(names.of(a) for a in line.operands("out"))
            operands = ", ".join(names.value(a) for a in line.args)
            text = f"{outputs} = {line.kernel.name}({operands})"
        else:
            outputs = ", ".join(names.of(a) for a in line.operands("out"))
            operands = ", ".join(names.value(a) for a in line.inputs)
            name = getattr(line.function, "__name__", str(line.function))
            text = f"{outputs} = formula {name}({operands})"
        mark = "  # Python" if isinstance(line, Formula) else ""
        shown.append(f"{text:<72}  # {line.where} {line.purpose}{mark}")
    return "\n".join(shown)


class _Names:
    def __init__(self, inputs: Sequence[Array]) -> None:
        self.names = {id(memory_of(a)): f"input{k}" for k, a in enumerate(inputs)}

    def of(self, array: Array) -> str:
        return self.names.setdefault(id(memory_of(array)), f"a{len(self.names)}")

    def value(self, value: Any) -> str:
        return self.of(value) if isinstance(value, np.ndarray) else repr(value)
