"""A naive interpreter of index formulas: `Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]`.

It does what the formula says, one entry and one term at a time, and is slow. It is the oracle of
the structured ops, and it can show where a single entry comes from.

A formula is `left = right`. On the left stand the result's indices (none for a scalar). On the
right: entries of operands, numbers, + - * / **, functions (exp, log, softmax, size, rows), and
`Σ_i` before a term: it reaches to the next + or - outside brackets.
"""

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .registry import Array, Op

_LEAD = re.compile(r"(?:Σ_\w|[-+\s])*")
_SUM = re.compile(r"Σ_(\w)\s*")


def as_python(formula: str) -> str:
    """The right side with each `Σ_i term` as a call: `total("i", lambda i: term)`."""
    found = _SUM.search(formula)
    if found is None:
        return formula
    start = found.end()
    stop = _end_of_term(formula, start)
    term = as_python(formula[start:stop])
    index = found.group(1)
    rest = as_python(formula[stop:])
    return f'{formula[: found.start()]}total("{index}", lambda {index}: {term}){rest}'


def _end_of_term(text: str, start: int) -> int:
    """Where a term ends: at a + or - outside brackets, or the end; signs before it belong to it."""
    depth, begins = 0, _LEAD.match(text, start).end()  # type: ignore[union-attr]
    for k in range(begins, len(text)):
        if text[k] in "([":
            depth += 1
        elif text[k] in ")]":
            depth -= 1
        if depth < 0 or (depth == 0 and text[k] in "+-"):
            return k
    return len(text)


def sizes_of(formula: str, arrays: dict[str, Array]) -> dict[str, int]:
    """How far each index runs, from the operands it is an index of.

    Raises:
        ValueError: Two operands disagree, or an index occurs in no operand.
    """
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        for inside in re.findall(rf"\b{name}\[([^\]]*)\]", formula):
            for axis, index in enumerate(part.strip() for part in inside.split(",")):
                if not re.fullmatch(r"[a-z]", index):
                    continue
                if sizes.setdefault(index, array.shape[axis]) != array.shape[axis]:
                    raise ValueError(
                        f"index {index} of {formula!r} runs to {sizes[index]} in one operand and "
                        f"to {array.shape[axis]} in {name} {array.shape}"
                    )
    return sizes


def evaluate(op: Op, *operands: Array) -> Array:
    """The op's value by its index formula.

    Raises:
        ValueError: The op states none, or the operands' shapes contradict it.
    """
    if not op.index:
        raise ValueError(f"op {op.name!r} states no index formula")
    given = dict(zip(op.operand_names, operands, strict=False))
    return interpret(op.index, {k: np.asarray(v) for k, v in given.items() if v is not None})


def interpret(formula: str, arrays: dict[str, Array]) -> Array:
    """What the formula gives for these operands, term by term."""
    left, right = (side.strip() for side in formula.split(" = "))
    sizes = sizes_of(formula, arrays)
    indices = re.findall(r"\b[a-z]\b", left[left.index("[") :]) if "[" in left else []

    def total(index: str, term: Callable[[int], Any]) -> Any:
        result: Any = 0
        for k in range(sizes[index]):
            result = result + term(k)
        return result

    def softmax(row: Array) -> Array:
        return np.exp(row) / sum(np.exp(entry) for entry in row)

    scope: dict[str, Any] = {"total": total, "softmax": softmax, "exp": np.exp, "log": np.log}
    scope |= {"size": np.size, "rows": len}
    code = compile(as_python(right), formula, "eval")
    shape = tuple(sizes[i] for i in indices)
    result = np.zeros(shape, np.result_type(*arrays.values(), np.float32))
    for place in itertools.product(*(range(n) for n in shape)):
        # One dictionary: the lambdas inside the formula must see the indices too.
        here = {**scope, **arrays, **dict(zip(indices, place, strict=True))}
        result[place] = eval(code, here)
    return result
