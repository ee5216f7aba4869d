"""The rule book: every op is its formula and its vector-Jacobian product, one chapter per file.

    registry       what an op is
    source         reading an op's own source (pruning, printing)
    elementwise    arithmetic, powers, exponentials, max/min, where
    activations    sigmoid, tanh, relu and their kin
    linear         products, and a whole layer as one node
    reduce         sums, means, extremes, softmax
    shape          the same numbers in another arrangement
    losses         from predictions to one number
    class_losses   the same over classes
    random         dropout by a counter-based generator
    index/         index formulas: their language, a naive interpreter, and those of the rules

Called on arrays, a function computes; called on tensors, it records.
"""

from .activations import gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from .class_losses import cross_entropy, kl_div, nll
from .elementwise import (
    absolute,
    add,
    astype,
    clip,
    constant_power,
    cos,
    divide,
    exp,
    expm1,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    sin,
    sqrt,
    square,
    subtract,
    where,
)
from .linear import linear, matmul
from .losses import bce, bce_with_logits, half_squared_error, huber, l1, mse
from .random import dropout
from .reduce import (
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    prod,
    softmax,
    std,
    sum,
    var,
)
from .registry import Op, op, registry
from .shape import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    getitem,
    pad,
    reshape,
    split,
    squeeze,
    stack,
    swapaxes,
    take,
    take_along_axis,
    transpose,
)

__all__ = [
    "Op",
    "absolute",
    "add",
    "astype",
    "bce",
    "bce_with_logits",
    "broadcast_to",
    "clip",
    "concatenate",
    "constant_power",
    "cos",
    "cross_entropy",
    "divide",
    "dropout",
    "exp",
    "expand_dims",
    "expm1",
    "flip",
    "gelu",
    "getitem",
    "half_squared_error",
    "huber",
    "kl_div",
    "l1",
    "leaky_relu",
    "linear",
    "log",
    "log1p",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mse",
    "multiply",
    "negative",
    "nll",
    "op",
    "pad",
    "power",
    "prod",
    "registry",
    "relu",
    "reshape",
    "sigmoid",
    "silu",
    "sin",
    "softmax",
    "softplus",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tanh",
    "transpose",
    "var",
    "where",
]
