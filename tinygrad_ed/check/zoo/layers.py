"""Mutants of products, of broadcasting, of reductions and of softmax."""

from . import mutant

MUTANTS = (
    mutant(
        "matmul-a-not-transposed", "matrix_product.vjp", "np.swapaxes(A, -1, -2) @ dZ", "A @ dZ",
        "transposed",
        """dB = Aᵀ dZ without its transpose. With a square A all shapes fit, and every weight gets
        the gradient of another one.""", "square",
    ),
    mutant(
        "matmul-b-not-transposed", "matrix_product.vjp", "dZ @ np.swapaxes(B, -1, -2)", "dZ @ B",
        "transposed",
        """dA = dZ Bᵀ without its transpose. In a hidden layer with as many units as inputs it runs
        without a word, and the layers below learn from scrambled errors.""", "square",
    ),
    mutant(
        "matmul-dz-transposed", "matrix_product.vjp", "np.swapaxes(A, -1, -2) @ dZ",
        "np.swapaxes(dZ, -1, -2) @ A", "transposed",
        """dZᵀ A is the transpose of Aᵀ dZ: what belongs to a weight of shape (out, in). Copied from
        a library with that layout, it fits here only if in = out.""", "square",
    ),
    mutant(
        "matmul-swapped-order", "matrix_product.vjp", "dZ @ np.swapaxes(B, -1, -2)",
        "np.swapaxes(B, -1, -2) @ dZ", "transposed",
        """The factors in the wrong order, as if numbers were multiplied. Square matrices do not
        object.""", "square",
    ),
    mutant(
        "matmul-operands-swapped", "matrix_product.vjp",
        "dZ @ np.swapaxes(B, -1, -2), np.swapaxes(A, -1, -2) @ dZ",
        "np.swapaxes(A, -1, -2) @ dZ, dZ @ np.swapaxes(B, -1, -2)", "swapped",
        """Both gradients are right and returned in the wrong order. Data and weights of equal
        shape exchange their gradients.""", "square",
    ),
    mutant(
        "linear-bias-mean", "linear.vjp", "np.sum(dZ, axis=0)", "np.mean(dZ, axis=0)", "mean-sum",
        """The loss already averages over the batch, and here it is averaged again. Biases learn N
        times more slowly than weights, which hardly shows until N grows.""",
    ),
    mutant(
        "linear-bias-first-row", "linear.vjp", "np.sum(dZ, axis=0)", "dZ[0]", "missing-sum",
        """Written for one sample and never changed for a batch: the bias was added to every row,
        so every row contributes. It learns from the first sample only.""",
    ),
    mutant(
        "linear-bias-wrong-axis", "linear.vjp", "np.sum(dZ, axis=0)", "np.sum(dZ, axis=1)",
        "wrong-axis",
        """The sum runs over the units instead of the samples. The shapes fit when the batch is as
        large as the layer is wide, and then each unit gets a sample's total.""", "square",
    ),
    mutant(
        "linear-bias-none", "linear.vjp", "np.sum(dZ, axis=0)", "None", "zero",
        """"The bias is only a constant": it gets no gradient and stays at its start. A network
        without biases fits nothing that does not go through the origin.""",
    ),
    mutant(
        "linear-slope-forgotten", "linear.vjp", "dZ = sigmoid_vjp(dY, Y, None)", "dZ = dY",
        "missing-factor",
        """dA is taken for dZ: the step back through the activation is skipped. It is what one gets
        from the formulas of a linear layer, and saturated units never let go.""", "sigmoid",
    ),
    mutant(
        "broadcast-first-only", "base.summed",
        "np.sum(gradient, axis=axes[0] if len(axes) == 1 else axes)",
        "gradient[tuple(0 if k in axes else slice(None) for k in range(gradient.ndim))]",
        "missing-sum",
        """An operand that was repeated along an axis gets the gradient of its first copy. The
        shape is right, and with a batch of one so is the number.""",
    ),
    mutant(
        "broadcast-mean", "base.summed", "np.sum(", "np.mean(", "mean-sum",
        """The copies of a broadcast operand are averaged, because sums "depend on the batch size".
        They should: the operand was used that often.""",
    ),
    mutant(
        "sum-divided", "sum.vjp", "spread(dy, x, axis, keepdims)",
        "spread(dy, x, axis, keepdims) / x.size", "mean-sum",
        """The 1/m of the mean in the gradient of a sum. The loss that is printed and the loss that
        is descended differ by the number of entries.""",
    ),
    mutant(
        "mean-not-divided", "mean.vjp", " / count(x, axis)", "", "mean-sum",
        """The mean's 1/m is forgotten on the way back. The best learning rate now depends on the
        batch size, and a larger batch diverges.""",
    ),
    mutant(
        "mean-wrong-count", "mean.vjp", "count(x, axis)", "x.shape[0]", "wrong-count",
        """1/m with m taken from the first axis, "the batch", while the mean ran over another one.
        Right for square arrays and for the usual axis.""", "along an axis",
    ),
    mutant(
        "var-not-centred", "var.vjp", "2 * deviation", "2 * x", "not-centred",
        """Σ (x - mean)² differentiated as Σ x². For data of mean zero it is right; anything that
        normalises lets the mean leak into the gradient.""",
    ),
    mutant(
        "var-ddof-forgotten", "var.vjp", "2 * deviation / (m - ddof)", "2 * deviation / m",
        "n-minus-one",
        """Forward divides by m - 1, backward by m. A few percent for large m, and nobody checks
        small ones.""", "ddof 1",
    ),
    mutant(
        "var-keepdims-lost", "var.vjp", "axis=axis, keepdims=True", "axis=axis", "rows-mixed",
        """Without keepdims the column of means becomes a row, and broadcasting subtracts each
        mean from the wrong line. On a square array nothing raises.""", "square",
    ),
    mutant(
        "var-ddof-ignored", "var.forward", "(count(x, axis) - ddof)", "count(x, axis)", None,
        """The estimate of the spread for the whole population, where the sample's was asked for.
        Too small by (m - 1)/m.""", "ddof 1",
    ),
    mutant(
        "max-passes-to-all", "max.vjp", " * share_of_ties(x, y, axis, keepdims)", "",
        "not-blocked",
        """The gradient of a sum for a maximum: every entry gets it. Pooling then teaches the
        pixels that were not looked at.""",
    ),
    mutant(
        "max-to-all-ties", "max.vjp", "share_of_ties(x, y, axis, keepdims)",
        "(x == unreduced(y, axis, keepdims))", None,
        """Every entry that ties for the maximum gets the whole gradient. Each is a valid
        one-sided slope, but together they hand on more than came in; constant patches do it.""",
        "ties",
    ),
    mutant(
        "prod-not-divided", "prod.vjp", "unreduced(y, axis, keepdims) / x",
        "unreduced(y, axis, keepdims)", "missing-factor",
        """The whole product instead of the product of the others. For entries near 1 it is
        nearly right.""",
    ),
    mutant(
        "logsumexp-unnormalised", "logsumexp.vjp", "np.exp(x - unreduced(y, axis, keepdims))",
        "np.exp(x)", "extra-factor",
        """The slope of Σ e^x: the log around it was forgotten, so the shares do not sum to 1. It
        overflows for the very scores that logsumexp exists for.""", "along an axis",
    ),
    mutant(
        "softmax-elementwise", "softmax.vjp",
        "y * (dy - np.sum(dy * y, axis=axis, keepdims=True))", "dy * y * (1 - y)",
        "diagonal-softmax",
        """The sigmoid's slope, because p (1 - p) is on the diagonal of softmax's Jacobian, too.
        The rest of the matrix is missing: raising one score no longer lowers the others.""",
    ),
    mutant(
        "softmax-without-sum", "softmax.vjp",
        "(dy - np.sum(dy * y, axis=axis, keepdims=True))", "dy", "without-sum",
        """Softmax differentiated as exp: the sum it is divided by is held fixed. All scores of a
        row are pushed the same way, which changes nothing in the result.""",
    ),
    mutant(
        "softmax-keepdims-lost", "softmax.vjp", "axis=axis, keepdims=True", "axis=axis",
        "rows-mixed",
        """keepdims forgotten in the row sums: each entry subtracts the total of another row. With
        as many classes as samples it runs.""", "square",
    ),
    mutant(
        "softmax-unshifted", "softmax.forward", "np.exp(z - largest(z, axis))", "np.exp(z)", None,
        """The book's formula. It is right until a score passes 709 (88 in float32), then inf / inf
        is NaN and the network is lost.""", "extreme",
    ),
    mutant(
        "log-softmax-elementwise", "log_softmax.vjp",
        "np.exp(y) * np.sum(dy, axis=axis, keepdims=True)", "np.exp(y) * dy", "diagonal-softmax",
        """1 - p on the diagonal and nothing beside it. The scores of the other classes are never
        lowered, so all of them grow.""",
    ),
)  # fmt: skip
"""Wrong products, sums and softmaxes."""
