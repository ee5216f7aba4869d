"""The update rules: one plain function each, in the symbols of their papers.

A rule takes the parameters ``p``, the gradient ``g`` and the optimiser's memory, and returns their
new values; it changes none of its inputs. Everything is elementwise, so one call serves a single
weight or one flat buffer with every weight of a model. The functions use operators and NumPy
functions that dispatch, hence they run on any device's arrays, and they are straight lines: the
only ``if`` asks for a hyper-parameter, because explanations and generated code are read off this
source.

Names, defaults and the order of operations are PyTorch's, so that trajectories agree.
Hyper-parameters are Python numbers: a NumPy float64 scalar would make float32 weights float64.

``t`` counts the steps of the parameter, from 1. A memory slot starts at zero, and one that the
hyper-parameters leave unused may be None: it is returned untouched.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Slot: TypeAlias = Any  # an Array, or None where the hyper-parameters leave the slot unused


def sgd(
    p: Array,
    g: Array,
    v: Slot = None,
    *,
    lr: float = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    first: bool,
) -> tuple[Array, Slot]:
    """Gradient descent, with momentum if wanted.

    Formula::

        g <- g + weight_decay p
        v <- momentum v + (1 - dampening) g        (first step: v = g)
        p <- p - lr v                              (Nesterov: p - lr (g + momentum v))

    Without momentum it is ``p <- p - lr g``. The very first gradient is taken in full, whatever the
    dampening: only later ones are damped.

    Args:
        p, g: Parameters and the gradient of the loss with respect to them.
        v: Velocity, zero before the first step; unused without momentum.
        lr: Learning rate, the documents' alpha.
        momentum: Share of the old velocity that is kept.
        dampening: Share of the gradient that is held back.
        weight_decay: Factor of the L2 term added to the gradient.
        nesterov: Look ahead along the velocity.
        first: Whether this is the parameter's first step.

    Returns:
        The new ``p`` and ``v``.

    Shapes:
        All arrays have the shape of ``p``.

    Source:
        [D3-U1] without momentum; SGD and momentum are named in document 001, section 3.2.
        Polyak 1964 (momentum); Nesterov 1983 in the form of Sutskever et al. 2013.
    """
    if weight_decay != 0:
        g = g + weight_decay * p
    if momentum != 0:
        share = 1.0 if first else 1.0 - dampening
        v = momentum * v + share * g
        g = g + momentum * v if nesterov else v
    p = p - lr * g
    return p, v


def adagrad(
    p: Array,
    g: Array,
    s: Array,
    *,
    t: int,
    lr: float = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    eps: float = 1e-10,
) -> tuple[Array, Array]:
    """AdaGrad: each weight's step shrinks with the gradients that it has seen.

    Formula::

        g <- g + weight_decay p
        s <- s + g^2
        p <- p - lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps)

    Args:
        p, g: Parameters and their gradient.
        s: Sum of squared gradients; it may start above zero.
        t: Step number, from 1.
        lr: Learning rate.
        lr_decay: Decay of the learning rate itself.
        weight_decay: Factor of the L2 term added to the gradient.
        eps: Keeps the quotient finite where no gradient was ever seen.

    Returns:
        The new ``p`` and ``s``.

    Shapes:
        All arrays have the shape of ``p``.

    Source:
        Duchi, Hazan, Singer 2011; AdaGrad is named in document 001, section 3.2.
    """
    if weight_decay != 0:
        g = g + weight_decay * p
    s = s + g * g
    step_size = lr / (1 + (t - 1) * lr_decay)
    p = p - step_size * g / (np.sqrt(s) + eps)
    return p, s


def rmsprop(
    p: Array,
    g: Array,
    v: Array,
    m: Slot = None,
    b: Slot = None,
    *,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> tuple[Array, Array, Slot, Slot]:
    """RMSProp: the gradient divided by its own recent root mean square.

    Formula::

        g <- g + weight_decay p
        v <- alpha v + (1 - alpha) g^2
        d  = v                               (centered: m <- alpha m + (1 - alpha) g, d = v - m^2)
        p <- p - lr g / (sqrt(d) + eps)      (momentum: b <- momentum b + g / (sqrt(d) + eps),
                                              p <- p - lr b)

    ``v - m^2`` is a variance and never negative, but rounding can make it so where the gradient
    hardly changes, and the square root would then be NaN for good: it is cut off at zero. (PyTorch
    does not; wherever its result is finite the two agree.)

    Args:
        p, g: Parameters and their gradient.
        v: Running mean of the squared gradient.
        m: Running mean of the gradient; used if ``centered``.
        b: Velocity; used with momentum.
        lr: Learning rate.
        alpha: Share of the old running means that is kept.
        eps: Keeps the quotient finite.
        weight_decay: Factor of the L2 term added to the gradient.
        momentum: Share of the old velocity that is kept.
        centered: Divide by the standard deviation instead of the root mean square.

    Returns:
        The new ``p``, ``v``, ``m`` and ``b``.

    Shapes:
        All arrays have the shape of ``p``.

    Source:
        Tieleman and Hinton 2012 (lecture 6.5); Graves 2013 (centered).
    """
    if weight_decay != 0:
        g = g + weight_decay * p
    v = alpha * v + (1 - alpha) * g * g
    d = v
    if centered:
        m = alpha * m + (1 - alpha) * g
        d = np.maximum(v - m * m, 0)
    denominator = np.sqrt(d) + eps
    if momentum != 0:
        b = momentum * b + g / denominator
        p = p - lr * b
    else:
        p = p - lr * g / denominator
    return p, v, m, b


def adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Slot = None,
    *,
    t: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
) -> tuple[Array, Array, Array, Slot]:
    """Adam: momentum and RMSProp together, both corrected for having started at zero.

    Formula::

        g <- g + weight_decay p
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2       (amsgrad: v_max <- max(v_max, v), used for v below)
        m_hat = m / (1 - beta1^t),  v_hat = v / (1 - beta2^t)
        p <- p - lr m_hat / (sqrt(v_hat) + eps)

    The two corrections are numbers, not arrays, so they are folded into the step size and the root.

    Args:
        p, g: Parameters and their gradient.
        m: Running mean of the gradient.
        v: Running mean of the squared gradient.
        v_max: Largest ``v`` so far; used if ``amsgrad``.
        t: Step number, from 1.
        lr: Learning rate.
        betas: Shares ``(beta1, beta2)`` of the old means that are kept.
        eps: Keeps the quotient finite.
        weight_decay: Factor of the L2 term added to the gradient.
        amsgrad: Let the denominator never shrink.

    Returns:
        The new ``p``, ``m``, ``v`` and ``v_max``.

    Shapes:
        All arrays have the shape of ``p``.

    Source:
        Kingma and Ba 2015; Reddi, Kale, Kumar 2018 (amsgrad). Adam is named in document 001,
        section 3.2, and trains [D0-P1], [D1-P1], [D2-P1], [D3-P1] and [D4-P1].
    """
    beta1, beta2 = betas
    if weight_decay != 0:
        g = g + weight_decay * p
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    d = v
    if amsgrad:
        v_max = np.maximum(v_max, v)
        d = v_max
    step_size = lr / (1 - beta1**t)
    denominator = np.sqrt(d) * (1 - beta2**t) ** -0.5 + eps
    p = p - step_size * m / denominator
    return p, m, v, v_max


def adamw(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Slot = None,
    *,
    t: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
) -> tuple[Array, Array, Array, Slot]:
    """AdamW: Adam whose weight decay acts on the weights and not through the gradient.

    Formula::

        p <- (1 - lr weight_decay) p
        then Adam without weight decay

    Adam divides a decay that is part of the gradient by sqrt(v) too, so that weights with large
    gradients hardly decay; here all weights decay alike.

    Args:
        p, g, m, v, v_max, t, lr, betas, eps, amsgrad: As for ``adam``.
        weight_decay: Share of each weight, times ``lr``, that is taken away per step.

    Returns:
        The new ``p``, ``m``, ``v`` and ``v_max``.

    Source:
        Loshchilov and Hutter 2019.
    """
    if weight_decay != 0:
        p = p * (1 - lr * weight_decay)
    return adam(p, g, m, v, v_max, t=t, lr=lr, betas=betas, eps=eps, amsgrad=amsgrad)
