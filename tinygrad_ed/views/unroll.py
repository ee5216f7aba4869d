"""`tg.unroll(loss)`: the tape as the flat NumPy program one would write by hand.

The program is a reading (`lines.py`): it needs only NumPy and gives the same bits as device
"numpy".
"""

import ast
from typing import Any

from ..tensor import Tensor
from .line import Line
from .lines import Writer
from .names import Names
from .program import Program

COMMENT_COLUMN = 56


def unroll(loss: Tensor, seed: Any = None) -> Program:
    """The forward and backward pass that led to this tensor, as a program of plain NumPy.

    `print(program)` shows it, `program.run()` executes it, `program.save("file.py")` writes it.

    Args:
        loss: A recorded tensor; `backward()` may or may not have been called on it.
        seed: Upstream gradient where it is not a scalar (ones by default).

    Raises:
        TapeError: Not recorded, or an operand was changed in place since.
        OSError: The source of an op is not to be had (it was typed at a prompt).
    """
    names = Names(loss, "unroll")
    writer = Writer(names)
    forward, backward = writer.forward(), writer.backward(loss, seed)
    inputs = {k: t._backend.to_numpy(t._array) for k, t in names.inputs.items()}
    return Program(
        inputs={**inputs, **names.emitter.arrays},
        constants=names.emitter.constants,
        helpers=list(names.emitter.helpers.values()),
        forward=[_text(line) for line in forward],
        backward=[_text(line) for line in backward],
        result=names.of(loss),
        gradients={k: writer.gradients[k] for k in names.inputs if k in writer.gradients},
    )


def _text(line: Line) -> str:
    """A line of the program, its comment lined up."""
    text = ast.unparse(line.statement)
    return f"{text:<{COMMENT_COLUMN}}  # {line.comment}" if line.comment else text
