"""The update rules as their papers print them, each with a switch for the mistakes it invites."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .evidence import Array

Arrays = tuple[Array, ...]
Outcome = tuple[Array | None, ...]
Book = Callable[[Arrays, dict[str, Any], str], Outcome]
"""(p, g and memory; numbers; a mistake or "") -> the new p and memory."""


def _descend(p: Array, lr: float, direction: Array, mistake: str) -> Array:
    if mistake == "ascent":
        return np.asarray(p + lr * direction)
    size = {"lr-twice": lr * lr, "lr-missing": 1.0}.get(mistake, lr)
    return np.asarray(p - size * direction)


def _with_decay(p: Array, g: Array, numbers: dict[str, Any], mistake: str) -> Array:
    sign = -1 if mistake == "weight-decay-sign" else 1
    return np.asarray(g + sign * numbers.get("weight_decay", 0.0) * p)


def sgd(arrays: Arrays, numbers: dict[str, Any], mistake: str) -> Outcome:
    """v <- μ v + (1 - damping) g, p <- p - α v [D3-U1; Polyak 1964; Sutskever et al. 2013]."""
    p, g, v = arrays
    g = _with_decay(p, g, numbers, mistake)
    mu, lr = numbers.get("momentum", 0.0), numbers["lr"]
    if mu == 0:
        return _descend(p, lr, g, mistake), None
    kept = -mu if mistake == "momentum-sign" else mu
    new = 1.0 if numbers["first"] else 1 - numbers.get("dampening", 0.0)
    if mistake == "momentum-averaged":
        new = 1 - mu
    v = kept * v + new * g
    direction = g + mu * v if numbers.get("nesterov") else v
    return _descend(p, lr, direction, mistake), v


def adagrad(arrays: Arrays, numbers: dict[str, Any], mistake: str) -> Outcome:
    """s <- s + g², p <- p - α_t g / (√s + ε) [Duchi, Hazan, Singer 2011]."""
    p, g, s = arrays
    g = _with_decay(p, g, numbers, mistake)
    s = g**2 if mistake == "memory-lost" else s + g**2
    decay = 1 + (numbers["t"] - 1) * numbers.get("lr_decay", 0.0)
    lr = numbers["lr"] * decay if mistake == "decay-grows" else numbers["lr"] / decay
    root = s if mistake == "root-missing" else np.sqrt(s)
    return _descend(p, lr, g / (root + numbers["eps"]), mistake), s


def rmsprop(arrays: Arrays, numbers: dict[str, Any], mistake: str) -> Outcome:
    """v <- α v + (1 - α) g², p <- p - lr g / (√v + ε) [Tieleman, Hinton 2012; Graves 2013]."""
    p, g, v, m, b = arrays
    g = _with_decay(p, g, numbers, mistake)
    alpha, eps, mu = numbers["alpha"], numbers["eps"], numbers.get("momentum", 0.0)
    new = 1.0 if mistake == "average-weights" else 1 - alpha
    v = g**2 if mistake == "memory-lost" else alpha * v + new * g**2
    d, centre = v, None
    if numbers.get("centered"):
        centre = alpha * m + (1 - alpha) * g
        d = np.maximum(v - centre**2, 0)
    if mistake == "eps-inside-root":
        step = g / np.sqrt(d + eps)
    else:
        step = g / ((d if mistake == "root-missing" else np.sqrt(d)) + eps)
    if mu == 0:
        return _descend(p, numbers["lr"], step, mistake), v, centre, None
    b = mu * b + step
    return _descend(p, numbers["lr"], b, mistake), v, centre, b


def adam(arrays: Arrays, numbers: dict[str, Any], mistake: str) -> Outcome:
    """p <- p - α m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) [Kingma, Ba 2015]."""
    p, g, m, v, largest = arrays
    g = _with_decay(p, g, numbers, mistake)
    return _adam(p, g, (m, v, largest), numbers, mistake)


def _adam(p: Array, g: Array, memory: Arrays, numbers: dict[str, Any], mistake: str) -> Outcome:
    m, v, largest = memory
    beta1, beta2 = numbers["betas"][::-1] if mistake == "betas-swapped" else numbers["betas"]
    t, eps = numbers["t"], numbers["eps"]
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    top = np.maximum(largest, v) if numbers.get("amsgrad") else None
    m_hat, v_hat = m / (1 - beta1**t), (v if top is None else top) / (1 - beta2**t)
    if mistake == "bias-correction-missing":
        m_hat = m
    if mistake in ("bias-correction-missing", "second-correction-missing"):
        v_hat = v if top is None else top
    if mistake == "eps-inside-root":
        step = m_hat / np.sqrt(v_hat + eps)
    else:
        step = m_hat / ((v_hat if mistake == "root-missing" else np.sqrt(v_hat)) + eps)
    return _descend(p, numbers["lr"], step, mistake), m, v, top


def adamw(arrays: Arrays, numbers: dict[str, Any], mistake: str) -> Outcome:
    """p <- (1 - α λ) p, then Adam's step [Loshchilov, Hutter 2019]."""
    p, g, *memory = arrays
    decay, lr = numbers.get("weight_decay", 0.0), numbers["lr"]
    scaled = decay if mistake == "decay-not-scaled" else lr * decay
    p = p * (1 + scaled if mistake == "weight-decay-sign" else 1 - scaled)
    return _adam(p, g, tuple(memory), numbers, mistake)


COMMON = ("ascent", "lr-twice", "lr-missing", "weight-decay-sign")
ADAPTIVE = (*COMMON, "root-missing", "eps-inside-root")
CORRECTED = (*ADAPTIVE, "bias-correction-missing", "second-correction-missing", "betas-swapped")

BOOKS: dict[str, tuple[Book, tuple[str, ...]]] = {
    "sgd": (sgd, (*COMMON, "momentum-sign", "momentum-averaged")),
    "adagrad": (adagrad, (*COMMON, "root-missing", "memory-lost", "decay-grows")),
    "rmsprop": (rmsprop, (*ADAPTIVE, "memory-lost", "average-weights")),
    "adam": (adam, CORRECTED),
    "adamw": (adamw, (*CORRECTED, "decay-not-scaled")),
}
"""Rule -> its textbook form, and the mistakes that it knows."""

_ADAM = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-2}
SETTINGS: dict[str, list[tuple[str, tuple[str, ...], dict[str, Any]]]] = {
    "sgd": [
        ("plain", ("zero",), {"lr": 0.1, "first": True}),
        ("weight decay", ("zero",), {"lr": 0.1, "weight_decay": 0.3, "first": False}),
        ("first momentum step", ("zero",),
         {"lr": 0.1, "momentum": 0.9, "dampening": 0.4, "first": True}),
        ("momentum", ("some",), {"lr": 0.1, "momentum": 0.9, "first": False}),
        ("dampening", ("some",), {"lr": 0.1, "momentum": 0.9, "dampening": 0.4, "first": False}),
        ("nesterov", ("some",), {"lr": 0.1, "momentum": 0.9, "nesterov": True, "first": False}),
    ],
    "adagrad": [
        ("first step", ("zero",), {"t": 1, "lr": 0.1, "eps": 1e-3}),
        ("later", ("some",), {"t": 4, "lr": 0.1, "eps": 1e-3}),
        ("learning-rate decay", ("some",), {"t": 4, "lr": 0.1, "lr_decay": 0.5, "eps": 1e-3}),
        ("weight decay", ("some",), {"t": 2, "lr": 0.1, "weight_decay": 0.3, "eps": 1e-3}),
    ],
    "rmsprop": [
        ("first step", ("zero",) * 3, {"lr": 0.1, "alpha": 0.9, "eps": 1e-2}),
        ("later", ("some",) * 3, {"lr": 0.1, "alpha": 0.9, "eps": 1e-2}),
        ("weight decay", ("some",) * 3,
         {"lr": 0.1, "alpha": 0.9, "eps": 1e-2, "weight_decay": 0.3}),
        ("momentum", ("some",) * 3, {"lr": 0.1, "alpha": 0.9, "eps": 1e-2, "momentum": 0.8}),
        ("centered", ("some", "zero", "zero"),
         {"lr": 0.1, "alpha": 0.9, "eps": 1e-2, "centered": True}),
    ],
    "adam": [
        ("first step", ("zero",) * 3, {"t": 1, **_ADAM}),
        ("later", ("some",) * 3, {"t": 5, **_ADAM}),
        ("weight decay", ("some",) * 3, {"t": 2, "weight_decay": 0.3, **_ADAM}),
        ("amsgrad", ("some",) * 3, {"t": 3, "amsgrad": True, **_ADAM}),
    ],
    "adamw": [
        ("first step", ("zero",) * 3, {"t": 1, "weight_decay": 0.0, **_ADAM}),
        ("decay", ("some",) * 3, {"t": 5, "weight_decay": 0.3, **_ADAM}),
        ("amsgrad", ("some",) * 3, {"t": 3, "weight_decay": 0.1, "amsgrad": True, **_ADAM}),
    ],
}  # fmt: skip
"""Rule -> its experiments: a name, what the memory holds, the numbers."""
