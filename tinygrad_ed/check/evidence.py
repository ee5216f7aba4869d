"""What a guess is made from, and what it is: a kind that programs compare, and a plain sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]

KINDS = {
    "raises": "the VJP raises",
    "in-place": "the VJP changes an operand or the upstream gradient",
    "number-of-gradients": "not one gradient for each operand",
    "shape": "a gradient in a shape of its own",
    "stale": "the second call gives another result",
    "no-upstream": "the upstream gradient is not a factor of the result",
    "not-linear": "a negative upstream gradient does not give the negative result",
    "kink": "outside the slopes from both sides of a kink",
    "not-finite": "NaN or infinity",
    "zero": "no gradient at all",
    "few-digits": "right but for rounding",
    "parameter-factor": "off by a factor that a parameter gives",
    "sign": "minus what it should be",
    "mean-sum": "off by N: a mean for a sum, or the other way round",
    "wrong-count": "the mean of another axis",
    "n-minus-one": "N for N - 1, or the other way round",
    "twice": "a factor 2 too many",
    "half": "a factor 2 missing",
    "constant": "off by another constant factor",
    "swapped": "the gradient of another operand",
    "diagonal-softmax": "the diagonal of a full Jacobian",
    "without-sum": "softmax without the part through its sum",
    "transposed": "axes in another order: a transpose too many or missing",
    "wrong-axis": "summed over another axis",
    "missing-sum": "one of several copies counts",
    "wrong-side": "passed on where it should be blocked, and blocked elsewhere",
    "other-mask": "blocked at other entries than in the forward pass",
    "not-blocked": "passed on where it should be blocked",
    "signs": "the sign is wrong at some entries",
    "places": "the right numbers in the wrong places",
    "contributions": "of several uses of an entry, one counts",
    "rows-mixed": "entries meet that the function keeps apart",
    "not-centred": "the mean is not subtracted",
    "target-missing": "p where p - t belongs",
    "wrong-label": "p - t with another label",
    "softmax-twice": "softmax of a softmax",
    "logits-as-probabilities": "a score where its sigmoid belongs",
    "half-of-bce": "the term of the zeros is missing",
    "missing-factor": "a factor of the chain rule is missing",
    "extra-factor": "a factor of the chain rule is too many",
    "wrong-factor": "one factor stands in the place of another",
    "wrong-branch": "right on one side of a threshold only",
    "half-product": "one half of the product rule",
    "some-entries": "a few entries are wrong",
    "own-factor": "each entry is off by a factor of its own",
    "term": "nothing simpler explains it",
}
"""Every kind of mistake that a check of a gradient can name."""


STEP_KINDS = {
    "raises": "the rule raises, or returns something of another shape",
    "ascent": "the step goes along the gradient and not against it: the loss is climbed",
    "lr-twice": "the learning rate is applied twice",
    "lr-missing": "the learning rate is not applied",
    "momentum-sign": "the old velocity is subtracted and not added: it brakes",
    "momentum-averaged": "the velocity averages the gradients, (1 - momentum) g, and does not add",
    "weight-decay-sign": "the weight decay has the wrong sign: weights grow",
    "decay-not-scaled": "the weight decay is not multiplied by the learning rate",
    "decay-grows": "the learning rate grows with the steps where it should decay",
    "root-missing": "the sum of squares is divided by without its root",
    "memory-lost": "the memory holds the last gradient only: = where += belongs",
    "average-weights": "the running mean lacks the factor 1 - α of its new term",
    "eps-inside-root": "ε stands under the root, where it acts like its own root",
    "bias-correction-missing": "the running means are not corrected for having started at zero",
    "second-correction-missing": "the mean of squares is not corrected for having started at zero",
    "betas-swapped": "β₁ and β₂ are exchanged",
    "updated-weight": "the error goes back through weights that were updated already",
    "bias-by-weight-gradient": "a bias is updated with the gradient of its weight",
    "not-averaged": "a gradient is the sum over the samples where the loss is their mean",
    "slope-missing": "the slope of the hidden activation is missing",
    "other-step": "the step is not the textbook's, and no mistake that is known explains it",
}
"""Every kind of mistake that a check of an update can name, and what is wrong then."""


class Guess(str):
    """A sentence for people; `kind` is the same for programs, and does not change with its words.

    Attributes:
        kind: One of `KINDS` or `STEP_KINDS`.
    """

    kind: str

    def __new__(cls, kind: str, text: str) -> Self:
        """A guess of a known kind."""
        if kind not in KINDS and kind not in STEP_KINDS:
            raise ValueError(f"there is no kind of guess {kind!r}")
        made = super().__new__(cls, text)
        made.kind = kind
        return made


def kind_of(guess: str | None) -> str | None:
    """The kind of a guess (None of none, and of a plain text)."""
    return getattr(guess, "kind", None)


@dataclass(frozen=True)
class Evidence:
    """Both Jacobians of one output by one input, with what is known around them.

    Attributes:
        analytic: What the VJP says. Shape: (outputs, inputs), flat, as for `numeric`.
        numeric: What is right.
        out_shape: Shape of the output.
        in_shape: Shape of the input.
        values: Arrays by name: the result `y` and the op's operands.
        others: Numeric Jacobians of the op's other operands, by name.
        params: The op's parameters by name.
    """

    analytic: Array
    numeric: Array
    out_shape: Shape
    in_shape: Shape
    values: Mapping[str, Array] = field(default_factory=dict)
    others: Mapping[str, Array] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def diagonal(self) -> bool:
        """Whether each entry of the result belongs to one entry of the input, on both sides."""
        if self.out_shape != self.in_shape:
            return False
        off = ~np.eye(len(self.analytic), dtype=bool)
        return not np.any(self.analytic[off]) and np.allclose(self.numeric[off], 0, atol=1e-9)

    def like_input(self) -> dict[str, Array]:
        """The floating values in the input's shape, flat."""
        return {
            name: np.reshape(np.asarray(v, dtype=float), -1)
            for name, v in self.values.items()
            if np.shape(v) == self.in_shape and np.asarray(v).dtype.kind == "f"
        }


def close(a: Array, b: Array) -> bool:
    """Equal but for the numeric side's own inaccuracy."""
    if a.shape != b.shape:
        return False
    room = 1e-8 * max(float(np.max(np.abs(b), initial=0.0)), 1e-3)
    return bool(np.all(np.abs(a - b) <= room + 1e-6 * np.abs(b)))  # and NaN is close to nothing


def multiple_of(a: Array, b: Array) -> float | None:
    """The constant c with a = c b; None if there is none, or it is 0."""
    size = float(np.sum(b * b))
    if not np.isfinite(size) or not size:
        return None
    c = float(np.sum(a * b)) / size
    return c if c and close(a, c * b) else None
