"""Mutants of the losses: targets forgotten, terms dropped, means over the wrong count."""

from . import mutant

MUTANTS = (
    mutant(
        "cross-entropy-no-target", "cross_entropy_labels.vjp",
        "(softmax(z, axis=-1) - one_hot(labels, z))", "softmax(z, axis=-1)", "target-missing",
        """p instead of p - t: the line that subtracts 1 at the label was forgotten. Every score is
        pushed down whatever the label, and the accuracy stays at chance.""",
    ),
    mutant(
        "cross-entropy-sign", "cross_entropy_labels.vjp",
        "(softmax(z, axis=-1) - one_hot(labels, z))", "(one_hot(labels, z) - softmax(z, axis=-1))",
        "sign",
        """t - p, the form in which papers write the update, used as the gradient. The optimiser
        subtracts it and the network unlearns.""",
    ),
    mutant(
        "cross-entropy-mean-over-all", "cross_entropy_labels.vjp", "share(dy, labels, reduction)",
        "share(dy, z, reduction)", "mean-sum",
        """The mean is over the N samples, and here over all N·K scores. The learning rate shrinks
        with the number of classes and nobody knows why.""",
    ),
    mutant(
        "cross-entropy-not-averaged", "cross_entropy_labels.vjp", "share(dy, labels, reduction)",
        "dy", "mean-sum",
        """Forward reports the mean, backward is that of the sum. Doubling the batch doubles the
        step.""",
    ),
    mutant(
        "cross-entropy-softmax-twice", "cross_entropy_labels.vjp",
        "softmax(z, axis=-1) - one_hot", "softmax(softmax(z, axis=-1), axis=-1) - one_hot",
        "softmax-twice",
        """Scores that already went through a softmax layer go through the loss's own [D1-P1]. The
        shares are nearly equal then, gradients never vanish and confidence is out of reach.""",
    ),
    mutant(
        "cross-entropy-label-off-by-one", "cross_entropy_labels.vjp", "one_hot(labels, z)",
        "one_hot((labels + 1) % z.shape[-1], z)", "wrong-label",
        """Labels counted from 1 against classes counted from 0. The loss goes down, for another
        problem: every sample learns its neighbour's class.""",
    ),
    mutant(
        "cross-entropy-scores-twice", "cross_entropy_labels.forward",
        "shifted = z - finite_shift(z, -1)", "shifted = softmax(z, axis=-1)", None,
        """The loss itself with the softmax of a softmax [D1-P1]. It never falls below the cost of
        nearly equal shares, however sure the network is, and looks like a hard problem.""",
    ),
    mutant(
        "soft-cross-entropy-no-target", "cross_entropy_soft.vjp", "* total - T)", "* total)",
        "target-missing",
        """p instead of p - t, for targets that are shares. All scores fall together and the
        distribution stays flat.""",
    ),
    mutant(
        "soft-cross-entropy-mean-over-all", "cross_entropy_soft.vjp", "dy / rows_of(z)",
        "dy / z.size", "mean-sum",
        """np.mean over the whole table of probabilities, where the loss sums over classes and
        averages over samples.""",
    ),
    mutant(
        "nll-sign", "nll_labels.vjp", "-np.expand_dims", "np.expand_dims", "sign",
        """The N of NLL is a minus, and it was taken for granted. The log-probability of the right
        class is driven down.""",
    ),
    mutant(
        "kl-direction", "kl_div.vjp", "-each * p,", "-each * np.exp(logq),", "wrong-factor",
        """KL(p ‖ q) weighs by p; weighing by q is (nearly) the other direction. A student then
        learns where it is already sure.""",
    ),
    mutant(
        "bce-sign", "bce.vjp", "towards_zero - towards_one", "towards_one - towards_zero", "sign",
        """t/y - (1 - t)/(1 - y), as the log-likelihood is maximised in statistics. Used as the
        gradient of a loss it makes every prediction worse.""",
    ),
    mutant(
        "bce-half", "bce.vjp", "(towards_zero - towards_one)", "-towards_one", "half-of-bce",
        """The term (1 - t) ln(1 - y) is missing, as in the documents [D4-L2]. Only positive
        samples teach, and the answer "always 1" costs nothing.""",
    ),
    mutant(
        "bce-half-forward", "bce.forward", "reduced(-zero_chance - one_chance,",
        "reduced(-zero_chance,", None,
        """The documents' formula [D4-L2] as the loss itself: -t ln y. It falls to zero by
        predicting 1 for everything.""",
    ),
    mutant(
        "bce-slope-of-logits", "bce.vjp", "(towards_zero - towards_one)", "(y - t)",
        "extra-factor",
        """y - t is the slope in the logit, after σ' has cancelled; in the probability the division
        by y (1 - y) is still there. The sigmoid's own slope then counts twice and confident
        mistakes are never mended.""",
    ),
    mutant(
        "bce-logits-as-probabilities", "bce_with_logits.vjp", "each * (y - t), -each * z",
        "each * (z - t), -each * z", "logits-as-probabilities",
        """σ(z) - t without the σ: raw scores compared with targets, as in a regression. It does
        learn, and pulls sure and right answers back to 1.""",
    ),
    mutant(
        "bce-logits-sign", "bce_with_logits.vjp", "each * (y - t), -each * z",
        "each * (t - y), -each * z", "sign",
        """t - y is what perceptron rules add to a weight. As a gradient it is subtracted, and
        the classes come out exchanged.""",
    ),
    mutant(
        "mse-no-two", "mse.vjp", "(2 * (y - t))", "(y - t)", "half",
        """The formula of ½ Σ (y - t)² for a loss without the ½. The documents use both forms side
        by side [D4-L1, D4-B2].""",
    ),
    mutant(
        "mse-sign", "mse.vjp", "(2 * (y - t))", "(2 * (t - y))", "sign",
        """"Error" read as target minus output. Half of all books define it so, and then the sign
        of the update changes with it.""",
    ),
    mutant(
        "mse-mean-over-rows", "mse.vjp", "share(dy, y, reduction)", "dy / y.shape[0]", "mean-sum",
        """1/N with N samples, while the mean runs over all entries of a table of N rows. With one
        output per sample it is the same.""",
    ),
    mutant(
        "half-squared-two", "half_squared_error.vjp", "(y - t)", "(2 * (y - t))", "twice",
        """The 2 of the square, although the ½ in front has cancelled it [D4-B2]. It doubles the
        learning rate and nothing else shows.""",
    ),
    mutant(
        "huber-not-clipped", "huber.vjp", "np.minimum(np.maximum(y - t, -delta), delta)",
        "(y - t)", "wrong-branch",
        """The parabola's slope on the straight arms as well. Outliers, for whose sake Huber's loss
        is chosen, pull as hard as in a squared error.""",
    ),
)  # fmt: skip
"""Wrong losses."""
