"""A captured program as text: a line for each launch, with the arrays it reads and writes.

    Z1 = product(X, W1, b1, relu)                      # 32x64   net.py:9 linear
    dW1 = product(X.T, dA1)                            # 30x64   net.py:14 linear backward

Arrays are called as in the derivation: inputs by the step's arguments, parameters by their names,
results by their own names or their op's symbol (Z, A, L; else the op), gradients with a d. A line
that runs as a formula, in Python, says so.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backends.table.products import CODES
from ..ops.registry import Array
from .arrays import address_of, is_array
from .fusions import ACTIVATION, BIAS, GATE, KIND, LEFT, RESULT, RIGHT
from .instructions import Count, Instruction, Launch
from .settings import Setting

if TYPE_CHECKING:
    from .trace import Trace

ACTIVATIONS = {code: name for name, code in CODES.items()}
"""What the products' codes for activations mean."""
COLUMN = 56


class Names:
    """What the arrays of a program are called.

    Args:
        trace: Where they come from.
        arguments: What the step's arguments are called.
        moved: Where each array is now.
    """

    def __init__(
        self, trace: "Trace", arguments: Sequence[str], moved: Callable[[Array], Array]
    ) -> None:
        self.leaves = [
            (leaf._array, leaf.name or "constant")
            for leaf in trace.leaves.values()
            if not any(leaf._array is a for a in trace.inputs)
        ]
        self.inputs = list(zip(map(moved, trace.inputs), arguments, strict=False))
        self.results = [
            (moved(y), op.symbol_for(params) or op.name, op.starts_layer)
            for y, op, params in trace.results
        ]
        self.slopes = [(moved(g), moved(a)) for g, a in trace.slopes]
        self.named = [(moved(a), name) for a, name in trace.named]
        self.flat = [(moved(a), text) for a, text in trace.flat]

    def table(self) -> "_Table":
        """Names by array."""
        table = _Table()
        for array, name in (*self.inputs, *self.leaves, *self.flat, *self.named):
            table.give(array, name)
        layers = sum(starts for *_, starts in self.results)
        kinds = Counter(kind for _, kind, _ in self.results)
        layer, numbers = 0, Counter[str]()
        for array, kind, starts in self.results:
            layer += starts
            numbers[kind] += 1
            if kind in ("Z", "A"):
                number = str(layer) if layers > 1 and layer else ""
            else:
                number = "" if kinds[kind] == 1 else str(numbers[kind])
            if kind not in ("transpose", "swapaxes") or not table.knows(array):
                table.give(array, kind + number)
        for gradient, array in self.slopes:
            if table.has(array):
                table.give(gradient, f"d{table.of(array)}")
        return table


class _Table:
    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.taken = Counter[str]()
        self.dtypes: dict[Any, Any] = {}

    @staticmethod
    def key(array: Array) -> Any:
        return address_of(array), array.shape, array.strides

    def has(self, array: Array) -> bool:
        return self.key(array) in self.names

    def knows(self, array: Array) -> bool:
        return any(address == address_of(array) for address, *_ in self.names)

    def give(self, array: Array, name: str, alone: bool = True) -> None:
        if self.has(array):
            return
        self.taken[name] += alone
        count = self.taken[name]
        self.names[self.key(array)] = name if count <= 1 else f"{name}_{count}"
        self.dtypes[self.key(array)] = array.dtype

    def of(self, array: Array) -> str:
        """The name of an array; a transposed view, or one of another shape, says so."""
        address, shape, strides = self.key(array)
        found = self.names.get((address, shape, strides))
        if found is None:
            found = self.names.get((address, shape[::-1], strides[::-1]))
            found = None if found is None or len(shape) < 2 else f"{found}.T"
        if found is None:
            alike = [(n, key) for key, n in self.names.items() if key[0] == address]
            if alike:
                name, key = alike[0]
                as_bytes = np.uint8 in (array.dtype, self.dtypes[key])
                return name if as_bytes else f"{name}.reshape{shape}"
            self.give(array, f"t{len(self.names)}")
            found = self.names[self.key(array)]
        return found


def listing(lines: Sequence[Instruction], names: Names, results: Sequence[Array]) -> str:
    """Each instruction as `outputs = kernel(operands)`, its shape, the user's line and the op."""
    table = names.table()
    for line in lines:
        _name_slopes(line, table)
    written = {address_of(a) for line in lines for a in line.operands("out")}
    for array in (a for line in lines for a in line.operands("in")):
        if address_of(array) not in written and not table.knows(array):
            text = f"{array.item():g}" if array.size == 1 else "constant"
            table.give(array, text, alone=array.size != 1)
    texts = []
    for line in lines:
        outputs = list(line.operands("out"))
        left = ", ".join(table.of(a) for a in outputs)
        if isinstance(line, Launch) and line.kernel.name == "advance":
            text = f"{left} += {line.args[1]}"
        else:
            text = f"{left} = {_call(line, table)}"
        shape = "x".join(map(str, outputs[-1].shape)) if outputs else ""
        mark = "" if isinstance(line, Launch) else "  (formula, in Python)"
        where = f"{line.where} " if line.where else ""
        texts.append(f"{text:<{COLUMN}}  # {shape:<9} {where}{line.context.purpose}{mark}")
    returned = ", ".join(table.of(a) for a in results)
    return "\n".join([*texts, f"return {returned}".rstrip()])


def _call(line: Instruction, table: _Table) -> str:
    if not isinstance(line, Launch):
        name = getattr(line.function, "__name__", str(line.function))
        params = [f"{k}={_value(v, table)}" for k, v in line.params.items()]
        return f"{name}({', '.join([*(_value(v, table) for v in line.inputs), *params])})"
    args, name = line.args, line.kernel.name
    if name.startswith("product") and len(args) == 7:
        bias, gate = args[BIAS], args[GATE]
        parts = [_value(args[LEFT], table), _value(args[RIGHT], table)]
        parts += [] if bias is None else [table.of(bias)]
        parts += [str(ACTIVATIONS[args[ACTIVATION]])] if args[ACTIVATION] else []
        parts += [] if gate is None else [f"{ACTIVATIONS[args[KIND]]}'({table.of(gate)})"]
        return f"{name}({', '.join(parts)})"
    if name in ("gather", "ordered"):
        return f"copy({table.of(args[1])})"
    shown = [
        _value(arg, table) if is_array(arg) else f"{word}={_value(arg, table)}"
        for arg, word, role in zip(
            args, line.kernel.signature.names, line.kernel.signature.roles, strict=True
        )
        if arg is not None and role != "out"
    ]
    return f"{name}({', '.join(shown)})"


def _name_slopes(line: Instruction, table: "_Table") -> None:
    """The gradient of Z is named after the activation A that it goes through: dA1 f'(A1) = dZ1."""
    if not isinstance(line, Launch) or len(line.args) not in (4, 7):
        return
    if line.kernel.name == "slope":
        target, gate = line.args[0], line.args[2]
    elif line.kernel.name.startswith("product") and line.args[GATE] is not None:
        target, gate = line.args[RESULT], line.args[GATE]
    else:
        return
    name = table.of(gate)
    if re.fullmatch(r"A\d*", name):
        table.give(target, f"dZ{name[1:]}")


def _value(value: Any, table: _Table) -> str:
    if is_array(value):
        return table.of(value)
    if isinstance(value, Count):
        return f"{table.of(value.counter)}{value.offset:+d}"
    if isinstance(value, Setting):
        return f"{value.now():g}"
    return repr(value)
