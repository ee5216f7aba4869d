"""Which op on the tape is wrong: each recorded step is checked alone, at its own operands.

A wrong gradient of a whole network says little about where it went wrong. The tape knows every op
with its actual operands, so each VJP is compared with differences of that op only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError
from ..tape import Node, broadcast_axes, recorded_nodes
from ..tensor import Tensor
from .compare import OPPOSITE, Block, Comparison, answers_linearly, compare
from .diagnose import guesses
from .evidence import Evidence, Guess
from .maps import BackwardError, FirstOrder, SecondOrder, on_host
from .problem import NoDerivativeError, Problem

Array = NDArray[Any]

MOST_NODES = 300  # of a longer tape, the first ones are looked at


@dataclass(frozen=True)
class Finding:
    """An op whose VJP is wrong by itself.

    Attributes:
        op: Its name.
        operand: The operand that gets the wrong gradient, where it is one.
        guess: The best guess at the mistake, with its kind.
        error: How wrong, in terms of what is allowed.
    """

    op: str
    operand: str | None
    guess: Guess | None
    error: float


def wrong_op(root: Tensor, order: int = 1) -> Finding | None:
    """The op on the tape of root whose own VJP is the most wrong; None if each is right."""
    findings = []
    for node in recorded_nodes(root)[::-1][:MOST_NODES]:
        assert isinstance(node, Tensor)
        found = _contract(node) or _numbers(node, order)
        if found is not None:
            findings.append(found)
    return max(findings, key=lambda found: found.error, default=None)


def _contract(node: Tensor) -> Finding | None:
    """What every VJP owes, whatever its numbers: one gradient per operand, in its shape, linear in
    the upstream gradient, and nothing changed in place."""
    assert node._op is not None
    name = node._op.name

    def finding(kind: str, guess: str, operand: str | None = None) -> Finding:
        return Finding(name, operand, Guess(kind, guess), np.inf)

    arrays = [s._array if isinstance(s, Node) else s for s in node._sources]
    before = [np.copy(node._backend.to_numpy(a)) if _is_array(a) else None for a in arrays]
    upstream = node._backend.asarray(_upstream(node))
    try:
        once = _vjp(node, upstream, arrays)
        changed = not np.array_equal(node._backend.to_numpy(upstream), _upstream(node))
        twice = _vjp(node, node._backend.asarray(2 * _upstream(node)), arrays)
        again = _vjp(node, node._backend.asarray(_upstream(node)), arrays)
        opposite = _vjp(node, node._backend.asarray(OPPOSITE * _upstream(node)), arrays)
    except Exception as error:
        return finding("raises", f"its VJP raises {type(error).__name__}: {error}")
    if changed:
        return finding(
            "in-place", "its VJP changes the upstream gradient in place: other paths need it too"
        )
    for array, copy, operand in zip(arrays, before, operand_names(node), strict=True):
        if copy is not None and not _equal(node._backend.to_numpy(array), copy):
            return finding("in-place", "its VJP changes an operand in place", operand)
    if len(once) != len(node._sources):
        return finding(
            "number-of-gradients",
            f"the number of gradients its VJP returns is {len(once)}, the number of operands "
            f"{len(node._sources)}: it returns one for each, None where there is none",
        )
    for k, operand in enumerate(operand_names(node)):
        source = node._sources[k]
        if once[k] is None or not (isinstance(source, Node) and source.requires_grad):
            continue
        a, b, c, d = (on_host(node, g[k]) for g in (once, twice, again, opposite))
        wrong_shape = _wrong_shape(a.shape, source._array.shape, node.shape)
        if wrong_shape is not None:
            kind = "transposed" if a.shape == source._array.shape[::-1] else "shape"
            return finding(kind, wrong_shape, operand)
        if not _equal(a, c):
            return finding(
                "stale",
                "stale gradient: the same upstream gradient gives another result the second time, "
                "the VJP adds to something it keeps between calls",
                operand,
            )
        if np.all(np.isfinite(a)) and not np.allclose(b, 2 * a, rtol=1e-9, atol=1e-12):
            return finding(
                "no-upstream",
                "the VJP does not use the upstream gradient as a factor: twice the dy must give "
                "twice the gradient, so multiply the slope by dy",
                operand,
            )
        if not answers_linearly(a, d):
            return finding(
                "not-linear",
                "the VJP is not linear in the upstream gradient: a negative dy must give the "
                "negative gradient, so dy enters as a factor, without abs, clip or a comparison",
                operand,
            )
    return None


def _upstream(node: Tensor) -> Array:
    """A fixed upstream gradient without special values."""
    return np.asarray(np.random.default_rng(1).uniform(0.5, 1.5, node.shape))


def _vjp(node: Tensor, upstream: Any, arrays: Sequence[Any]) -> Sequence[Any]:
    assert node._op is not None
    asked = upstream, node._array, arrays, node._wants, node._params
    kernel = node._backend.kernels[node._op]
    with np.errstate(all="ignore"):
        found = None if kernel is None else kernel.vjp(*asked)
        return node._backend.vjp(node._op, *asked) if found is None else found


def _wrong_shape(got: tuple[int, ...], wanted: tuple[int, ...], out: tuple[int, ...]) -> str | None:
    """What a gradient in another shape than its operand's means, if no broadcasting explains it."""
    if got == wanted:
        return None
    try:
        fits = np.broadcast_shapes(got, wanted) == got
        if fits and np.zeros(got).sum(axis=broadcast_axes(got, wanted)).size == np.prod(wanted):
            return None
    except ValueError:
        pass
    what = f"the gradient has shape {got}, the operand {wanted}: "
    if got == wanted[::-1]:
        return what + "it is transposed"
    if len(got) < len(wanted) and int(np.prod(got)) <= int(np.prod(wanted)):
        return what + (
            "the upstream gradient of a reduction has to be spread over the reduced axes again "
            "(expand_dims, broadcast_to)"
        )
    if int(np.prod(got)) == int(np.prod(wanted)):
        return what + "a reshape to the operand's shape is missing"
    if got == out or int(np.prod(got)) > int(np.prod(wanted)):
        return what + "a missing sum over the axes along which the operand was used several times"
    return what + "every entry of the operand needs a gradient of its own"


def _numbers(node: Tensor, order: int) -> Finding | None:
    """The op alone against differences."""
    assert node._op is not None
    op, params = node._op, node._params
    inputs: list[Any] = []
    for source, need in zip(node._sources, node._wants, strict=True):
        if need and source.dtype.kind == "f":
            leaf = Tensor(source._array.astype(np.float64), source._backend, True)
            inputs.append(leaf)
        else:
            constant = Tensor(np.asarray(source), node._backend) if _is_number(source) else source
            inputs.append(constant.detach() if isinstance(constant, Tensor) else constant)
    try:
        problem = Problem(lambda *xs: op(*xs, **params), inputs, operand_names(node))
        checked = FirstOrder(problem) if order == 1 else SecondOrder(problem)
        found = compare(checked)
    except BackwardError as error:
        return Finding(
            op.name, None, Guess("raises", f"its recorded VJP raises {error.__cause__!r}"), np.inf
        )
    except (NoDerivativeError, DTypeError):
        return None  # float32 inside, or infinite by itself: nothing can be said
    if not found.failed:
        return None
    block = worst_block(found)
    worst = max((row.error / row.allowed for row in found.rows), default=np.inf)
    guess = guess_for(block, found, node) if block is not None else None
    return Finding(op.name, block.input if block is not None else None, guess, worst)


def broken_contract(root: Tensor) -> Finding | None:
    """An op on the tape whose VJP breaks a rule that holds whatever its numbers."""
    for node in recorded_nodes(root)[::-1][:MOST_NODES]:
        assert isinstance(node, Tensor)
        found = _contract(node)
        if found is not None:
            return found
    return None


def worst_block(found: Comparison) -> Block | None:
    """The block of the Jacobian with the largest share of wrong entries."""
    wrong = [block for block in found.blocks if np.any(block.wrong)]
    return max(wrong, key=lambda block: np.mean(block.wrong), default=None)


def guess_for(block: Block, found: Comparison, node: Tensor) -> Guess | None:
    """The best guess at what is wrong in a block; the node's operands help."""
    if np.all(block.kink[block.wrong]):
        return Guess(
            "kink",
            "at a kink every slope between those from the left and from the right is a "
            "subgradient, but this one lies outside",
        )
    values = {"y": node.numpy()}
    for name, source in zip(operand_names(node), node._sources, strict=True):
        if isinstance(source, Tensor):
            values[name] = source.numpy()
    others = {
        b.input: b.numeric
        for b in found.blocks
        if (b.output, b.in_shape) == (block.output, block.in_shape) and b.input != block.input
    }
    evidence = Evidence(
        block.analytic,
        block.numeric,
        block.out_shape,
        block.in_shape,
        values=values,
        others=others,
        params=node._params,
    )
    return next(guesses(evidence), None)


def operand_names(node: Node) -> list[str]:
    """What the op calls its operands."""
    assert node._op is not None
    return node._op.names_of(len(node._sources))


def _is_number(value: Any) -> bool:
    """A plain float, which would count as an input that varies."""
    return isinstance(value, float) and not isinstance(value, np.generic)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _equal(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
