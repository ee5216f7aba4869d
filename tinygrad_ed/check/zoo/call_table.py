"""For every op of the rule book, its calls (`calls`)."""

from collections.abc import Iterator

import numpy as np

from .calls import (
    Call,
    Calls,
    around_zero,
    binary,
    chances,
    labelled,
    of_array,
    pairs,
    positive,
    reduction,
    shares,
    softmaxes,
    unary,
)

FAR = [-800.0, -37.0, -1.5, 1.5, 37.0, 800.0]
KINK = [-1.0, 0.0, 2.0]
FAR_SCORES = [[800.0, 799.0, 0.0], [-900.0, -901.0, -902.0]]


def bases_and_exponents(rng: np.random.Generator) -> Iterator[Call]:
    """power: bases above 0, and one at 0."""
    yield from binary(positive, around_zero)(rng)
    yield Call("extreme", (np.array([0.0, 0.0, 2.0]), np.array([2.0, 0.0, 0.0])))


def plain_powers(rng: np.random.Generator) -> Iterator[Call]:
    """constant_power: the exponents with rules of their own, too."""
    x = around_zero(rng)
    for label, n in (("ordinary", 3.0), ("two", 2.0), ("zero", 0.0), ("negative", -1.0)):
        yield Call(label, (x(3, 4),), {"n": n})
    yield Call("root", (positive(rng)(5),), {"n": 0.5})


def conditions(rng: np.random.Generator) -> Iterator[Call]:
    """where: both branches taken."""
    x, mixed = around_zero(rng), np.arange(12).reshape(3, 4) % 3 == 0
    yield Call("ordinary", (mixed, x(3, 4), x(3, 4)))
    yield Call("broadcast", (mixed, x(4), x(3, 1)))
    yield Call("number", (np.array(True), x(), x()))


def products(rng: np.random.Generator) -> Iterator[Call]:
    """matmul: matrices, stacks of them, nothing to sum."""
    x = around_zero(rng)
    yield Call("ordinary", (x(3, 4), x(4, 2)))
    yield Call("square", (x(3, 3), x(3, 3)))
    yield Call("broadcast", (x(2, 3, 4), x(4, 2)))
    yield Call("empty", (x(3, 0), x(0, 2)))


def layers(rng: np.random.Generator) -> Iterator[Call]:
    """linear: with and without bias and activation."""
    x = around_zero(rng)
    yield Call("ordinary", (x(5, 3), x(3, 4), x(4)), {"activation": None})
    yield Call("square", (x(3, 3), x(3, 3), x(3)), {"activation": None})
    yield Call("without bias", (x(5, 3), x(3, 4), None), {"activation": None})
    for activation in ("sigmoid", "tanh", "relu"):
        yield Call(activation, (x(5, 3), x(3, 4), x(4)), {"activation": activation})
    yield Call("empty", (x(0, 3), x(3, 4), x(4)), {"activation": None})


def distinct(rng: np.random.Generator) -> Iterator[Call]:
    """max and min: no ties but where there are to be."""
    for one in reduction(around_zero, empty=False, ties=True)(rng):
        if one.label == "ties":
            yield one
        else:
            shape = one.operands[0].shape
            x = rng.permutation(int(np.prod(shape))).reshape(shape) / 4 - 1
            yield Call(one.label, (x,), one.params)


def variances(rng: np.random.Generator) -> Iterator[Call]:
    """var: centred by N and by N - 1."""
    yield from reduction(around_zero, empty=False)(rng)
    yield Call("ddof 1", (around_zero(rng)(3, 4),), {"axis": 1, "ddof": 1})


def factors(rng: np.random.Generator) -> Iterator[Call]:
    """prod: with and without zeros."""
    yield from reduction(around_zero, empty=False)(rng)
    yield Call("zeros", (np.array([[1.0, 0, 3], [0, 0, 2], [2, 3, 4]]),), {"axis": 1})


def weighted_scores(rng: np.random.Generator) -> Iterator[Call]:
    """bce_with_logits: also with a weight on the positive class."""
    far = [-800.0, -30.0, 0.0, 30.0, 800.0], [0.0, 1.0, 0.5, 0.0, 1.0]
    yield from pairs(around_zero, chances, extreme=far)(rng)
    yield Call("weighted", (around_zero(rng)(3, 4), chances(rng)(3, 4)), {"pos_weight": 2.5})


def soft_scores(rng: np.random.Generator) -> Iterator[Call]:
    """cross_entropy_soft: rows of scores against rows of shares."""
    far = [[800.0, 799.0, 0.0]], [[0.5, 0.25, 0.25]]
    made = pairs(around_zero, shares, extreme=far)  # type: ignore[arg-type]
    yield from (one for one in made(rng) if one.label != "sum")
    yield Call("sum", (around_zero(rng)(5, 3), shares(rng)(5, 3)), {"reduction": "sum"})


def divergences(rng: np.random.Generator) -> Iterator[Call]:
    """kl_div: log-shares against shares."""
    for label, shape, reduced in (
        ("ordinary", (3, 4), "mean"), ("sum", (2, 3), "sum"), ("none", (2, 3), "none"),
    ):  # fmt: skip
        logq, p = np.log(shares(rng)(*shape)), shares(rng)(*shape)
        yield Call(label, (logq, p), {"reduction": reduced})


def parts(rng: np.random.Generator) -> Iterator[Call]:
    """concat: parts of equal and of different width."""
    x = around_zero(rng)
    yield Call("ordinary", (x(3, 2), x(3, 2)), {"axis": 1})
    yield Call("uneven", (x(1, 3), x(2, 3), x(4, 3)), {"axis": 0})
    yield Call("empty", (x(0, 3), x(2, 3)), {"axis": -2})


def scattered(rng: np.random.Generator) -> Iterator[Call]:
    """scatter: the way back of an index."""
    x = around_zero(rng)
    yield Call("ordinary", (x(2, 3),), {"index": slice(1, 3), "shape": (4, 3)})
    yield Call("repeated", (x(3, 3),), {"index": np.array([0, 2, 0]), "shape": (4, 3)})


def gathered(back: bool) -> Calls:
    """take_along_axis, or its way back."""

    def made(rng: np.random.Generator) -> Iterator[Call]:
        x = around_zero(rng)
        picks = np.array([[0, 3, 0], [1, 1, 2]])  # an entry that is picked twice, in both rows
        if back:
            yield Call("ordinary", (x(2, 3), picks), {"axis": 1, "size": 4})
        else:
            yield Call("ordinary", (x(2, 4), picks), {"axis": 1})
            yield Call("other axis", (x(3, 3), np.array([[2, 0, 2]])), {"axis": 0})

    return made


def masked(rng: np.random.Generator) -> Iterator[Call]:
    """dropout: the mask belongs to seed and call."""
    x, seed = around_zero(rng), int(rng.integers(2**40))
    yield Call("ordinary", (x(8, 8),), {"p": 0.3, "seed": seed, "call": 0})
    yield Call("later", (x(5, 5),), {"p": 0.5, "seed": seed, "call": 3})
    yield Call("none", (x(3, 4),), {"p": 0.0, "seed": seed, "call": 1})
    yield Call("empty", (x(0, 3),), {"p": 0.5, "seed": seed, "call": 1})


def picked(rng: np.random.Generator) -> Iterator[Call]:
    """getitem: slices, and entries that are picked twice."""
    x = around_zero(rng)
    yield Call("ordinary", (x(3, 4),), {"index": (slice(0, 2), 1)})
    yield Call("repeated", (x(3, 4),), {"index": np.array([0, 2, 0])})
    yield Call("new axis", (x(3, 4),), {"index": (..., None, slice(None, None, -1))})


TABLE: dict[str, Calls] = {
    "add": binary(around_zero, around_zero),
    "subtract": binary(around_zero, around_zero),
    "multiply": binary(around_zero, around_zero),
    "divide": binary(around_zero, around_zero),
    "negative": unary(around_zero),
    "constant_power": plain_powers,
    "power": bases_and_exponents,
    "exp": unary(around_zero, [-700.0, -40.0, 5.0]),
    "expm1": unary(around_zero, [-40.0, -1e-9, 0.0, 1e-9]),
    "log": unary(positive, [1e-8, 0.01, 1e6]),
    "log1p": unary(positive, [-0.99, -1e-9, 0.0, 1e-9, 1e6]),
    "sqrt": unary(positive, [1e-8, 0.01, 1e6]),
    "square": unary(around_zero, [-1e3, 0.0, 1e3]),
    "absolute": unary(around_zero, ties=KINK),
    "sin": unary(around_zero, [-50.0, 0.0, 50.0]),
    "cos": unary(around_zero, [-50.0, 0.0, 50.0]),
    "maximum": binary(around_zero, around_zero, ties=True),
    "minimum": binary(around_zero, around_zero, ties=True),
    "clip": unary(around_zero, ties=[-2.0, -0.5, 0.25, 1.0, 3.0], low=-0.5, high=1.0),
    "where": conditions,
    "astype": unary(around_zero, dtype="float64"),
    "sigmoid": unary(around_zero, FAR),
    "tanh": unary(around_zero, FAR),
    "relu": unary(around_zero, FAR, KINK),
    "leaky_relu": unary(around_zero, FAR, KINK, slope=0.1),
    "softplus": unary(around_zero, FAR),
    "gelu": unary(around_zero, [-20.0, 0.0, 20.0]),
    "silu": unary(around_zero, FAR),
    "matrix_product": products,
    "linear": layers,
    "sum": reduction(around_zero),
    "mean": reduction(around_zero, empty=False),
    "var": variances,
    "max": distinct,
    "min": distinct,
    "prod": factors,
    "logsumexp": reduction(around_zero, empty=False, extreme=True),
    "softmax": softmaxes,
    "log_softmax": softmaxes,
    "mse": pairs(around_zero, around_zero),
    "half_squared_error": pairs(around_zero, around_zero),
    "l1": pairs(around_zero, around_zero, ties=([1.0, 2.0], [1.0, 0.0])),
    "huber": pairs(around_zero, around_zero, ties=([1.5, 2.0], [0.5, 0.0]), delta=1.0),
    "bce": pairs(chances, chances, extreme=([0.0, 1.0, 0.5], [0.0, 1.0, 1.0])),
    "bce_with_logits": weighted_scores,
    "cross_entropy_labels": labelled(around_zero, FAR_SCORES),
    "cross_entropy_soft": soft_scores,
    "nll_labels": labelled(lambda rng: lambda *s: np.log(shares(rng)(*s))),
    "kl_div": divergences,
    "reshape": of_array(
        ("ordinary", (3, 4), {"shape": (2, 6)}), ("rows to columns", (3, 2), {"shape": (2, 3)}),
        ("flat", (2, 3, 2), {"shape": (-1,)}), ("empty", (0, 3), {"shape": (3, 0)}),
    ),
    "transpose": of_array(
        ("ordinary", (3, 4), {"axes": None}), ("three axes", (2, 2, 2), {"axes": (1, 2, 0)}),
        ("from behind", (2, 3, 4), {"axes": (-1, 0, 1)}), ("empty", (0, 3), {"axes": None}),
    ),
    "swapaxes": of_array(
        ("ordinary", (2, 3, 4), {"axis1": 0, "axis2": -1}),
        ("square", (3, 3), {"axis1": 0, "axis2": 1}), ("empty", (0, 3), {"axis1": 0, "axis2": 1}),
    ),
    "broadcast_to": of_array(
        ("ordinary", (3, 1), {"shape": (3, 4)}), ("new axis", (4,), {"shape": (3, 4)}),
    ),
    "expand_dims": of_array(
        ("ordinary", (3, 4), {"axis": 1}), ("two axes", (3, 4), {"axis": (0, -1)}),
    ),
    "squeeze": of_array(
        ("ordinary", (3, 1, 4), {"axis": 1}), ("all", (1, 3, 1), {"axis": None}),
    ),
    "concat": parts,
    "getitem": picked,
    "scatter": scattered,
    "take_along_axis": gathered(back=False),
    "scatter_along_axis": gathered(back=True),
    "pad": of_array(
        ("ordinary", (3, 4), {"width": ((1, 2), (2, 0)), "value": 0.0}),
        ("value", (3,), {"width": ((1, 0),), "value": 2.0}),
    ),
    "flip": of_array(
        ("ordinary", (3, 4), {"axis": None}), ("along an axis", (3, 4), {"axis": 1}),
    ),
    "dropout": masked,
}  # fmt: skip
"""Op -> its calls."""
