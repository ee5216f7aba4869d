"""From an elementwise function's source to a loop over flat arrays, as text for a compiler.

An op's formula, its VJP, or an optimiser's rule (users' own too) is written as arrays; here it
becomes what a kernel does to one entry, so that a chain of NumPy calls is one pass over memory. In
Numba's dialect:

    def sigmoid_forward(z_, y_):
        for i in range(y_.size):
            z = z_[i]
            e = exp(-absolute(z))
            y_[i] = where(z >= T(0), T(1), e) / (T(1) + e)

Sums, products, quotients, square roots and comparisons keep NumPy's bits if the text is compiled
without contraction: NumPy rounds between a product and a sum. The same call gives the same text,
so its digest is a kernel's key.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from ..ops.registry import Op
from .scalar_body import Array, Body, Operand, ScalarLoop, Store
from .scalar_cuda import cuda_text
from .scalar_inputs import Inputs, Layout
from .scalar_layout import numba_text
from .scalar_lines import Lines, names_in, needed
from .scalar_names import Frame, Outside
from .scalar_reader import Reader, bind
from .scalar_types import Entry, Known, NotElementwise, Value, Varying

__all__ = [
    "NotElementwise",
    "Operand",
    "ScalarLoop",
    "Varying",
    "emit",
    "emit_op",
    "emit_vjp",
    "renamed",
]

LANGUAGES: dict[str, Callable[[str, Sequence[Operand], Body], str]] = {
    "numba": numba_text,
    "cuda": cuda_text,
}
"""What the text of a loop can be written in."""


def emit(
    function: Callable[..., Any],
    arrays: Mapping[str, Layout],
    numbers: Mapping[str, Any] | None = None,
    *,
    outputs: Sequence[str | None],
    dtype: str = "float32",
    name: str = "",
    language: str = "numba",
) -> ScalarLoop:
    """The loop of an elementwise function.

    Args:
        function: A plain function with source.
        arrays: Its array arguments and how each lies against the result of n entries: "full" (n,
            contiguous), "row" (H entries, the last axes), "column" (n / H, each for H entries in a
            row), "scalar" (1). A pair adds the dtype where it is not the kernel's: `("full",
            "bool")`.
        numbers: The other arguments. `float`, `int` or `bool` is a number read at run time,
            `Varying(value)` one of which an `if` may ask whether it is 0; a tuple may hold such;
            anything else is built in. An argument in neither takes its default value.
        outputs: What each returned value is called; None for one that is not wanted. The name of
            an array argument means "written back into it".
        dtype: The kernel's float type.
        name: The kernel's name.
        language: What its text is written in, one of LANGUAGES.

    Raises:
        NotElementwise: It is no arithmetic on entries, or a result has not n of them.
    """
    lines, outside = Lines(np.dtype(dtype)), Outside()
    inputs = Inputs(lines, arrays, numbers or {})
    arguments = bind(function, [], inputs.values)
    frame = Frame(function, lines, outside, arguments, dict(inputs.variables))
    returned = Reader(lines, outside).run(frame)
    results = returned if isinstance(returned, tuple) else (returned,)
    if len(results) != len(outputs):
        raise NotElementwise(f"it returns {len(results)} values, not {len(outputs)}")
    stored, aliases, nothing = _sorted_results(results, outputs, arrays)
    name = name or function.__name__
    operands, body = _written(inputs, stored) if stored else ((), None)
    text = "" if body is None else LANGUAGES[language](name, operands, body)
    return ScalarLoop(name, text, operands, aliases, nothing, outside.found, language, body)


def renamed(loop: ScalarLoop, name: str) -> ScalarLoop:
    """The same loop under another name: in one source, no two kernels have the same."""
    if loop.body is None:
        return loop
    text = LANGUAGES[loop.language](name, loop.operands, loop.body)
    return replace(loop, name=name, text=text)


Stored: TypeAlias = list[tuple[int, str, Entry]]
"""Results that are computed: their number, the name of the output, the value."""


def _sorted_results(
    results: Sequence[Value], outputs: Sequence[str | None], arrays: Mapping[str, Layout]
) -> tuple[Stored, dict[int, str], frozenset[int]]:
    """The results that are computed, those that are an argument, and those that are None."""
    stored, aliases, nothing = [], {}, set()
    wanted = [(k, v, out) for k, (v, out) in enumerate(zip(results, outputs, strict=True)) if out]
    kept = {out for _, v, out in wanted if isinstance(v, Entry) and v.argument == out}
    changed = {out for _, _, out in wanted if out in arrays} - kept
    for k, value, output in wanted:
        unchanged = value.argument if isinstance(value, Entry) else ""
        if isinstance(value, Known) and value.value is None:
            nothing.add(k)
        elif unchanged and (output == unchanged or not {output, unchanged} & changed):
            aliases[k] = unchanged
        elif isinstance(value, Entry) and value.is_full:
            stored.append((k, output, value))
        else:
            raise NotElementwise(f"{output} does not have one value for each entry")
    return stored, aliases, frozenset(nothing)


def _written(inputs: Inputs, stored: Stored) -> tuple[tuple[Operand, ...], Body]:
    """The operands and the body, without what no result needs."""
    lines = inputs.lines
    read = names_in([entry.node for _, _, entry in stored])
    inside = needed(lines.inside, read)
    before = needed(lines.before, read)
    target, stores = {output: k for k, output, _ in stored}, []
    taken: list[Operand] = []
    arrays: list[Array] = []
    for given in inputs.arrays:
        variable = given.variable if given.variable in read else ""
        if not variable and given.of not in target:
            continue
        kind = "inout" if given.of in target else "in"
        arrays.append(Array(given.argument, variable, given.pattern))
        taken.append(
            Operand(given.argument, kind, given.of, None, given.pattern, given.dtype.name,
                    target.get(given.of))
        )  # fmt: skip
    for number in inputs.numbers:
        if number.argument in read:
            taken.append(Operand(number.argument, number.kind, number.of, number.index))
    for constant, held in lines.constants.items():
        if constant in read:
            taken.append(Operand(constant, "real", constant=held))
    for k, output, entry in stored:
        found = next((a for a in inputs.arrays if a.of == output), None)
        if found is None:
            argument = lines.fresh(f"{output}_")
            arrays.append(Array(argument, "", "full"))
            taken.append(Operand(argument, "out", output, None, "full", entry.dtype.name, k))
        elif (found.pattern, found.dtype) != ("full", entry.dtype):
            raise NotElementwise(f"the {entry.dtype} {output} does not fit the array {output}")
        stores.append(Store(found.argument if found else argument, entry.node))
    everything = tuple(arrays), tuple(before), tuple(inside), tuple(stores)
    return tuple(taken), Body(lines.dtype, *everything, lines.taken)


def emit_op(
    op: Op,
    layouts: Sequence[Layout | None],
    numbers: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    language: str = "numba",
) -> ScalarLoop:
    """The loop of an op's formula; its result is called y (y_out beside an operand y).

    Args:
        op: The op.
        layouts: How each operand lies against the result; None for one that was left out.
        numbers: The parameters, as for `emit`.
        dtype: The kernel's float type.
        language: As for `emit`.

    Raises:
        NotElementwise: As `emit`.
    """
    arrays, options = _placed(op.operand_names, layouts)
    params = {**op.defaults, **options, **(numbers or {})}
    outputs, named = [_not_among(arrays, "y")], f"{op.name}_forward"
    return emit(
        op.forward, arrays, params, outputs=outputs, dtype=dtype, name=named, language=language
    )


def emit_vjp(
    op: Op,
    needs: Sequence[bool],
    layouts: Sequence[Layout | None],
    numbers: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    language: str = "numba",
) -> ScalarLoop:
    """The loop of an op's VJP, computing only the gradients in `needs`.

    Gradients are called d and their operand's name, and have n entries also where the operand was
    broadcast: summing comes after. The upstream gradient and the result are full.

    Raises:
        NotElementwise: As `emit`.
    """
    if op.backward is None:
        raise NotElementwise(f"{op.name} has no VJP")
    everything: list[Layout | None] = ["full", "full", *layouts]
    arrays, options = _placed(list(inspect.signature(op.backward).parameters), everything)
    params = {**op.defaults, **options, **(numbers or {})}
    outputs = [
        _not_among(arrays, f"d{operand}") if need else None
        for operand, need in zip(op.operand_names, needs, strict=True)
    ]
    named = f"{op.name}_vjp"
    return emit(
        op.backward, arrays, params, outputs=outputs, dtype=dtype, name=named, language=language
    )


def _placed(
    names: Sequence[str], layouts: Sequence[Layout | None]
) -> tuple[dict[str, Layout], dict[str, None]]:
    """Layouts by the name of the argument in their place, and the arguments that are None."""
    given = list(zip(names, layouts, strict=False))
    arrays = {n: layout for n, layout in given if layout is not None}
    return arrays, {n: None for n, layout in given if layout is None}


def _not_among(arrays: Mapping[str, Layout], output: str) -> str:
    """A name for a result that is no operand's: it must not be written into that one."""
    while output in arrays:
        output += "_out"
    return output
