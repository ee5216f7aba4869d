"""Random pairs of scalar loops that are joined into one, against the two run in turn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from backends.scalar_runs import EXECUTE, NO_PARAMS, PARAMS, SHAPES, VALUES, bits, values

from tinygrad_ed import registry
from tinygrad_ed.backends.scalar_chains import chained, chained_args
from tinygrad_ed.backends.scalar_loops import ScalarLoop, emit_op, emit_vjp
from tinygrad_ed.ops.registry import Op

PATTERNS = ("full", "full", "row", "column", "scalar")
OPS = [o for o in registry.values() if o.elementwise and o.name != "astype"]
"""Those whose results have the type of the operands."""


def loop_of(made: Op, rng: np.random.Generator, dtype: str, language: str) -> ScalarLoop:
    """The op's value or its gradients, its operands lying in some way; never without text."""
    layouts: list[Any] = [str(p) for p in rng.choice(PATTERNS, len(made.operand_names))]
    layouts[int(rng.integers(len(layouts)))] = "full"
    if made.name == "where":
        layouts[0] = (layouts[0], "bool")
    params: Mapping[str, Any] = PARAMS.get(made.name, NO_PARAMS)
    if rng.random() < 0.5 and made.name != "add":
        loop = emit_vjp(made, [True] * len(layouts), layouts, params, dtype, language)
        if loop.text:
            return loop
    return emit_op(made, layouts, params, dtype, language)


def arguments(loop: ScalarLoop, seed: int) -> list[Any]:
    """Arrays and numbers for a loop; results are full of 77."""
    found: list[Any] = []
    for k, operand in enumerate(loop.operands):
        if operand.kind == "out":
            found.append(np.full(SHAPES["full"], 77, operand.dtype).reshape(-1))
        elif operand.constant is not None:
            found.append(operand.constant)
        elif operand.kind in ("real", "int"):
            found.append(VALUES[operand.of])
        elif operand.dtype == "bool":
            found.append(values(operand.pattern, "float32", seed + k).reshape(-1) > 0)
        else:
            found.append(values(operand.pattern, operand.dtype, seed + k).reshape(-1))
    return found


def links_of(first: ScalarLoop, second: ScalarLoop, rng: np.random.Generator) -> dict[int, int]:
    """A result of the first is an operand of the second, and some arrays are read by both."""
    link: dict[int, int] = {}
    taken = [k for k, o in enumerate(second.operands) if o.kind == "in" and o.dtype != "bool"]
    given = [k for k, o in enumerate(first.operands) if o.kind == "out"]
    full = [k for k in taken if second.operands[k].pattern == "full"]
    if full:
        link[int(rng.choice(full))] = int(rng.choice(given))
    for j in taken:
        o = second.operands[j]
        alike = [k for k, a in enumerate(first.operands)
                 if (a.kind, a.pattern, a.dtype) == ("in", o.pattern, o.dtype)]  # fmt: skip
        if j not in link and alike and rng.random() < 0.5:
            link[j] = int(rng.choice(alike))
    return link


def assert_joined(
    first: ScalarLoop, second: ScalarLoop, links: Mapping[int, int], keep: set[int], seed: int
) -> ScalarLoop:
    """The joined loop writes the bits of the two, and not what is dropped."""

    def both() -> tuple[list[Any], list[Any]]:
        ones, twos = arguments(first, seed), arguments(second, seed + 10)
        for place, source in links.items():
            twos[place] = ones[source]
        return ones, twos

    wanted, found = both(), both()
    joined = chained(first, second, links, keep)
    EXECUTE[first.language](first, wanted[0])
    EXECUTE[first.language](second, wanted[1])
    EXECUTE[first.language](joined, chained_args(first, *found, links, keep))
    for loop, theirs, ours in zip((first, second), wanted, found, strict=True):
        for k, operand in enumerate(loop.operands):
            if operand.kind == "out":
                dropped = loop is first and k in links.values() and k not in keep
                assert not dropped or (ours[k] == 77).all()
                assert dropped or (bits(ours[k]) == bits(theirs[k])).all(), joined.text
    return joined


def assert_random_chain(seed: int, dtype: str, language: str) -> None:
    """Two loops are joined, and a third with them."""
    rng = np.random.default_rng(seed)
    chain = [loop_of(OPS[int(k)], rng, dtype, language) for k in rng.integers(len(OPS), size=3)]
    first, second, third = chain
    for _ in range(2):
        links = links_of(first, second, rng)
        keep = {k for k in links.values() if rng.random() < 0.3}
        first, second = assert_joined(first, second, links, keep, seed), third
