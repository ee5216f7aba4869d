"""Mutants of elementwise ops: wrong slopes, signs, factors and branches."""

from . import mutant

MUTANTS = (
    mutant(
        "sigmoid-plus", "sigmoid.vjp", "(1 - y)", "(1 + y)", "wrong-factor",
        """A slip of the pen in σ' = σ (1 - σ). The shape and the sign are right and the loss still
        falls, so nothing looks broken; saturated units get twice the gradient where they should
        get none, and training is restless at the end.""",
    ),
    mutant(
        "sigmoid-at-z", "sigmoid.vjp", "dy * y * (1 - y)", "dy * z * (1 - z)", "wrong-factor",
        """Written by who remembers σ (1 - σ) and puts in the score instead of its sigmoid. Near
        z = ½ it is even positive; elsewhere the sign is wrong and large scores run away.""",
    ),
    mutant(
        "sigmoid-half-slope", "sigmoid.vjp", "dy * y * (1 - y)", "dy * y", "missing-factor",
        """Half of σ (1 - σ), from a memory of exp, whose slope is itself. Units that say 1 with
        certainty keep getting a full gradient and never settle.""",
    ),
    mutant(
        "sigmoid-sign", "sigmoid.vjp", "dy * y * (1 - y)", "-dy * y * (1 - y)", "sign",
        """The minus of e^-z was carried along twice. Layers below climb the loss while the last
        one descends, so the loss falls at first and then stands still.""",
    ),
    mutant(
        "sigmoid-no-upstream", "sigmoid.vjp", "dy * y * (1 - y)", "y * (1 - y)", "no-upstream",
        """The local slope is right, and in a test of the op alone, with upstream 1, so is the
        result. In a network the error never gets past this op: all targets teach the same.""",
    ),
    mutant(
        "tanh-no-square", "tanh.vjp", "(1 - y * y)", "(1 - y)", "wrong-factor",
        """The 2 of tanh² lost on the way from paper. It is right at y = 0 and y = 1, where one
        looks first, and up to twice too large for negative units.""",
    ),
    mutant(
        "tanh-at-z", "tanh.vjp", "(1 - y * y)", "(1 - z * z)", "wrong-factor",
        """1 - tanh² with the operand in the place of the result. For small scores the two are
        equal; beyond |z| = 1 the gradient points the wrong way.""",
    ),
    mutant(
        "tanh-as-sigmoid", "tanh.vjp", "(1 - y * y)", "(y * (1 - y))", "wrong-factor",
        """The slope of the sigmoid, copied when the activation was exchanged. It is zero where
        tanh is steepest and negative for half of the units: learning stops where it should
        start.""",
    ),
    mutant(
        "relu-never-blocks", "relu.vjp", "y > 0", "y >= 0", "not-blocked",
        """Asked of the result instead of the operand: relu's value is never negative, so ≥ holds
        everywhere. The op behaves as the identity on the way back and dead units are revived by
        gradients that are not theirs.""",
    ),
    mutant(
        "relu-wrong-side", "relu.vjp", "y > 0", "y == 0", "wrong-side",
        """The two branches of `where` exchanged. Gradients flow only into units that were off and
        had no part in the result, and active ones never learn.""",
    ),
    mutant(
        "leaky-both-sides", "leaky_relu.vjp", "np.where(z > 0, dy, slope * dy)", "slope * dy",
        "wrong-branch",
        """Who sees a leaky unit as "multiply by the slope" forgets that the slope holds for one
        side only. Gradients shrink a hundredfold at every layer and deep nets stop learning.""",
    ),
    mutant(
        "softplus-mirrored", "softplus.vjp", "sigmoid(z)", "sigmoid(-z)", "wrong-factor",
        """The stable form has e^-|z| in it, and its sign was copied into the slope. Units that are
        off get the gradient of those that are on.""",
    ),
    mutant(
        "gelu-cube", "gelu.vjp", "3 * CUBIC * z * z", "CUBIC * z * z", "term",
        """The 3 of z³ was lost inside the inner derivative. The error is a few percent and hides
        behind any tolerance of 1e-2.""",
    ),
    mutant(
        "silu-half-product", "silu.vjp", "(s + y * (1 - s))", "s", "half-product",
        """z σ(z) is a product of two things that both depend on z, and only the first half of the
        product rule is there. It is close to right for large z, so training works, only worse.""",
    ),
    mutant(
        "log-no-inverse", "log.vjp", "dy / x", "dy", "missing-factor",
        """The logarithm taken as harmless because the loss only has to fall. Rare events, whose
        small probabilities need large gradients, are no longer learned.""",
    ),
    mutant(
        "log-by-result", "log.vjp", "dy / x", "dy / y", "wrong-factor",
        """Many slopes are written in the result (σ, tanh, exp), so this one was too. It is
        infinite at x = 1, where the right answer is 1.""",
    ),
    mutant(
        "log1p-as-log", "log1p.vjp", "dy / (1 + x)", "dy / x", "wrong-factor",
        """The slope of log, copied without the shift. Log1p is used for small x, and there this
        one explodes.""",
    ),
    mutant(
        "exp-at-x", "exp.vjp", "dy * y", "dy * x", "wrong-factor",
        """The saved operand and the saved result stand side by side and the wrong one was taken.
        For negative x the sign is wrong as well.""",
    ),
    mutant(
        "expm1-as-exp", "expm1.vjp", "(y + 1)", "y", "wrong-factor",
        """exp' is its own value, but the value of expm1 is e^x - 1. At 0, where expm1 is used, the
        slope is 1 and this says 0.""",
    ),
    mutant(
        "sqrt-no-half", "sqrt.vjp", "dy / (2 * y)", "dy / y", "twice",
        """The ½ of the power rule forgotten. A factor of 2 is hidden by the learning rate, until
        the term meets another one in a sum.""",
    ),
    mutant(
        "sqrt-at-x", "sqrt.vjp", "(2 * y)", "(2 * x)", "wrong-factor",
        """1 / (2 √x) with the root dropped. For x near 1 it is right, for small x far too
        large.""",
    ),
    mutant(
        "square-no-two", "square.vjp", "(2 * x)", "x", "half",
        """Books put ½ in front of the squared error so that the 2 cancels; here there is no ½. The
        direction is right, and every learning rate found elsewhere is off by two.""",
    ),
    mutant(
        "power-rule-exponent", "constant_power.vjp", "x ** (n - 1)", "x**n", "extra-factor",
        """The exponent comes down but does not get smaller. It is right for x = 1 and hardly
        shows for inputs that are scaled to about 1.""",
    ),
    mutant(
        "power-rule-no-n", "constant_power.vjp", "n * x ** (n - 1)", "x ** (n - 1)",
        "parameter-factor",
        """The exponent gets smaller but does not come down. The gradient is n times too small,
        which looks like a shy learning rate.""",
    ),
    mutant(
        "power-no-log", "power.vjp", "y * np.log(np.where(a == 0, 1, a))", "y", "missing-factor",
        """a^b as a function of b is e^(b ln a), and the ln a was lost: as if every base were e.
        Learned exponents drift the wrong way for every a below 1.""",
    ),
    mutant(
        "divide-sign", "divide.vjp", "-dy * y / b", "dy * y / b", "sign",
        """The quotient rule without its minus. Learned scales grow when they should shrink, and a
        normalisation trained so runs away.""",
    ),
    mutant(
        "divide-once", "divide.vjp", "-dy * y / b", "-dy * a / b", "extra-factor",
        """-a / b² with the square forgotten, or y taken for a. It is right for b = 1, the value
        that scales usually start with.""",
    ),
    mutant(
        "multiply-own-factor", "multiply.vjp", "dy * b, dy * a", "dy * a, dy * b", "swapped",
        """Each factor got its own value instead of the other one. In x * x nobody notices; a gate
        times a value learns nonsense.""",
    ),
    mutant(
        "subtract-as-add", "subtract.vjp", "dy, -dy", "dy, dy", "sign",
        """Copied from `add`. Everything that is subtracted, a mean or a target, pulls in the wrong
        direction.""",
    ),
    mutant(
        "negative-forgotten", "negative.vjp", "-dy", "dy", "sign",
        """The rule looks too small to be wrong. A negative log-likelihood is then maximised, and
        the accuracy falls below chance.""",
    ),
    mutant(
        "cos-as-sin", "cos.vjp", "-dy * np.sin(x)", "dy * np.sin(x)", "sign",
        """sin' = cos, so cos' = sin: the minus is forgotten about once a year by everybody.""",
    ),
    mutant(
        "absolute-no-sign", "absolute.vjp", "dy * np.sign(x)", "dy", "signs",
        """|x| has the slope 1 on the right, and there it was tested. Residuals below zero are
        pushed further down: the fit leaves the data on one side.""",
    ),
    mutant(
        "clip-never-blocks", "clip.vjp", "dy * ((x >= low) & (x <= high))", "dy", "not-blocked",
        """Sometimes meant (a straight-through estimator), here not: clipped entries keep a
        gradient that changes nothing in the loss, and drift without end.""",
    ),
    mutant(
        "where-branches-swapped", "where.vjp",
        "np.where(condition, dy, 0), np.where(condition, 0, dy)",
        "np.where(condition, 0, dy), np.where(condition, dy, 0)", "swapped",
        """The branches are listed in the order of their names and not of their use. Each branch
        is taught by the samples that took the other one.""",
    ),
    mutant(
        "maximum-tie-twice", "maximum.vjp", "dy / 2", "dy", None,
        """Where both operands are equal, each takes the whole gradient. Each alone is a valid
        one-sided slope, but together they hand on twice what came in.""", "ties",
    ),
    mutant(
        "sigmoid-overflow", "sigmoid.forward", "np.exp(-np.abs(z))", "np.exp(-z)", None,
        """The stable form half done: e^-|z| never overflows, e^-z does for very negative scores,
        and the branch for them takes that number. A confident network turns to NaN.""", "extreme",
    ),
    mutant(
        "leaky-steep-side", "leaky_relu.forward", "np.where(z > 0, z, slope * z)",
        "np.minimum(z, slope * z)", None,
        """max(z, slope z) is the usual short form, and here min was typed. The network trains
        with nearly all signals damped a hundredfold.""",
    ),
)  # fmt: skip
"""Wrong elementwise ops."""
