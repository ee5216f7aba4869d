"""Mutants of steps: optimisers, a training step by hand, and how gradients are collected."""

from . import mutant

MUTANTS = (
    mutant(
        "sgd-ascent", "rules.sgd", "p = p - lr * g", "p = p + lr * g", "ascent",
        """The gradient points uphill and the step follows it. The loss grows from the first step,
        which is at least easy to see.""",
    ),
    mutant(
        "sgd-lr-twice", "rules.sgd", "p - lr * g", "p - lr * lr * g", "lr-twice",
        """The gradient was scaled once where it was computed and once where it is applied. With
        lr = 0.01 nothing seems to happen, and the data gets the blame.""",
    ),
    mutant(
        "sgd-lr-forgotten", "rules.sgd", "p - lr * g", "p - g", "lr-missing",
        """The hyper-parameter is read, checked, printed and never used. Training diverges whatever
        learning rate is tried.""",
    ),
    mutant(
        "momentum-sign", "rules.sgd", "v = momentum * v + share * g",
        "v = -momentum * v + share * g", "momentum-sign",
        """The velocity brakes instead of carrying on: each step takes back most of the last one.
        It trains, about 19 times more slowly than momentum 0.9 promises.""",
    ),
    mutant(
        "momentum-averaged", "rules.sgd", "share * g", "(1 - momentum) * g", "momentum-averaged",
        """An average of gradients, as Adam keeps it, in the place of a velocity that adds them up.
        Learning rates from other libraries are off by 1 - momentum.""",
    ),
    mutant(
        "sgd-weight-decay-sign", "rules.sgd", "g + weight_decay * p", "g - weight_decay * p",
        "weight-decay-sign",
        """The decay is subtracted from the gradient because it makes weights smaller; but the
        gradient is subtracted, too. Weights inflate without bound.""",
    ),
    mutant(
        "adagrad-no-root", "rules.adagrad", "np.sqrt(s) + eps", "s + eps", "root-missing",
        """Divided by the sum of squares and not by its root. Units no longer cancel: the larger
        the gradient, the smaller the step.""",
    ),
    mutant(
        "adagrad-forgets", "rules.adagrad", "s = s + g * g", "s = g * g", "memory-lost",
        """`=` where `+=` was meant. The memory holds the last gradient only, and every step has
        the full length: it never settles.""",
    ),
    mutant(
        "adagrad-decay-grows", "rules.adagrad", "lr / (1 + (t - 1) * lr_decay)",
        "lr * (1 + (t - 1) * lr_decay)", "decay-grows",
        """The decay multiplies where it should divide. The first steps are right, then the
        learning rate grows with every one of them.""",
    ),
    mutant(
        "rmsprop-mean-missing", "rules.rmsprop", "(1 - alpha) * g * g", "g * g",
        "average-weights",
        """The share of the new square is 1 and not 1 - α, so the "mean" is a hundred times too
        large and the steps ten times too short.""",
    ),
    mutant(
        "rmsprop-eps-inside", "rules.rmsprop", "np.sqrt(d) + eps", "np.sqrt(d + eps)",
        "eps-inside-root",
        """ε under the root: there 1e-8 acts like 1e-4. Weights with small gradients, the last ones
        to be learned, stand still.""",
    ),
    mutant(
        "adam-no-bias-correction", "rules.adam", "lr / (1 - beta1**t)", "lr",
        "bias-correction-missing",
        """Both running means start at zero and the two corrections look like a detail. The second
        mean warms up a hundred times more slowly than the first, so the early steps are three
        times too long.""", "ordinary", ("np.sqrt(d) * (1 - beta2**t) ** -0.5", "np.sqrt(d)"),
    ),
    mutant(
        "adam-one-correction", "rules.adam", "np.sqrt(d) * (1 - beta2**t) ** -0.5", "np.sqrt(d)",
        "second-correction-missing",
        """The mean is corrected and the mean of squares is not. The first step is 1/√(1 - β₂), that
        is 32, times too long, and the initialisation is lost.""",
    ),
    mutant(
        "adam-eps-inside", "rules.adam", "np.sqrt(d) * (1 - beta2**t) ** -0.5 + eps",
        "np.sqrt(d / (1 - beta2**t) + eps)", "eps-inside-root",
        """ε moved under the root "so that the root is safe". 1e-8 becomes 1e-4 there, and late in
        training that is larger than the gradients.""",
    ),
    mutant(
        "adam-betas-swapped", "rules.adam", "beta1, beta2 = betas", "beta2, beta1 = betas",
        "betas-swapped",
        """Two numbers close to 1 in the wrong order. The direction remembers a thousand steps and
        the scale only ten: it overshoots and shakes.""",
    ),
    mutant(
        "adam-weight-decay-sign", "rules.adam", "g + weight_decay * p", "g - weight_decay * p",
        "weight-decay-sign",
        """A minus because weights should become smaller. In Adam even a tiny decay of the wrong
        sign becomes a full step where gradients are small.""",
    ),
    mutant(
        "adamw-decay-not-scaled", "rules.adamw", "(1 - lr * weight_decay)", "(1 - weight_decay)",
        "decay-not-scaled",
        """The decay without the learning rate. One percent of every weight is lost per step, ten
        times what was meant and worse under a schedule.""",
    ),
    mutant(
        "adamw-decay-sign", "rules.adamw", "1 - lr * weight_decay", "1 + lr * weight_decay",
        "weight-decay-sign",
        """The factor is above 1. Weights grow by compound interest, slowly enough to be noticed
        only after many epochs.""",
    ),
    mutant(
        "step-updated-weight", "by_hand.training_step", "dZ2 @ W2.T", "dZ2 @ (W2 - lr * dW2).T",
        "updated-weight",
        """The weights of the last layer are updated before the error is sent back through them.
        For small learning rates the difference is of second order, so it survives every look at
        a loss curve.""",
    ),
    mutant(
        "step-bias-by-weight", "by_hand.training_step", "b2 = b2 - lr * db2",
        "b2 = b2 - lr * np.sum(dW2, axis=0)", "bias-by-weight-gradient",
        """Copy and paste: the bias is updated with the gradient of the weight beside it. The
        shapes fit by an accidental sum, and the bias follows the inputs' mean.""",
    ),
    mutant(
        "step-ascent", "by_hand.training_step", "W1 = W1 - lr * dW1", "W1 = W1 + lr * dW1",
        "ascent",
        """One sign of four is wrong. The other parameters make up for it, the loss falls, and the
        first layer is worse than a random one.""",
    ),
    mutant(
        "step-not-averaged", "by_hand.training_step", "(Y - T) / len(X)", "(Y - T)",
        "not-averaged",
        """The sum over the batch where the loss is a mean. The step grows with the batch and so
        does the surprise.""",
    ),
    mutant(
        "step-slope-forgotten", "by_hand.training_step", "dA1 * A1 * (1 - A1)", "dA1",
        "slope-missing",
        """At the last layer σ' cancels against the loss, so it was left out in the hidden layer,
        too, where nothing cancels.""",
    ),
    mutant(
        "step-weight-not-averaged", "by_hand.training_step", "A1.T @ dZ2", "A1.T @ (Y - T)",
        "not-averaged",
        """dW2 is formed from the error before it was divided by N, db2 from the one after. Weights
        and biases of one layer move at different speeds.""",
    ),
    mutant(
        "paths-overwrite", "base.Backend.add", "np.add, [first, second]", "np.positive, [second]",
        None,
        """`grad = ...` where `grad += ...` was meant: of several paths that meet in a tensor, the
        last one counts. Shared weights and skip connections learn from one use only.""",
    ),
    mutant(
        "leaves-overwrite", "gradients._accumulate", "backend.add(leaf._grad, gradient)",
        "gradient", None,
        """A second backward replaces the gradient of the first, so gradients cannot be collected
        over small batches. With one backward per step nobody sees it.""",
    ),
    mutant(
        "zero-grad-forgotten", "optimizer.Optimizer.zero_grad", "p._grad = None", "pass", None,
        """Gradients of earlier steps are still there and are added up: every step repeats all the
        steps before it. It looks like momentum 1, and diverges like it.""",
    ),
)  # fmt: skip
"""Wrong steps."""
