"""The optimisers: each names its hyper-parameters, its memory and its rule."""

from collections.abc import Mapping
from typing import Any

from . import rules
from .optimizer import Optimizer, Params


class SGD(Optimizer):
    """Gradient descent with optional momentum: the rule ``rules.sgd``.

    Formula: ``v <- momentum v + (1 - dampening) g; p <- p - lr v``.

    Args:
        params: Tensors or groups.
        lr: Learning rate.
        momentum: Share of the old velocity that is kept; 0 for none.
        dampening: Share of the gradient that is held back after the first step.
        weight_decay: Factor of the L2 term added to the gradient.
        nesterov: Look ahead along the velocity; needs momentum and no dampening.

    Raises:
        TypeError: See ``Optimizer``.
        ValueError: See ``Optimizer``.

    Source:
        [D3-U1]; Polyak 1964; Sutskever et al. 2013.
    """

    rule = staticmethod(rules.sgd)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    @staticmethod
    def _slots(hypers: Mapping[str, Any]) -> dict[str, float]:
        return {"v": 0.0} if hypers["momentum"] != 0 else {}

    def _numbers(self, t: int, hypers: Mapping[str, Any]) -> dict[str, Any]:
        return {**hypers, "first": t == 1 and hypers["dampening"] != 0}


class AdaGrad(Optimizer):
    """Steps that shrink with the gradients seen so far: the rule ``rules.adagrad``.

    Formula: ``s <- s + g^2; p <- p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)``.

    Args:
        params: Tensors or groups.
        lr: Learning rate.
        lr_decay: Decay of the learning rate.
        weight_decay: Factor of the L2 term added to the gradient.
        initial_accumulator_value: What the sum of squares ``s`` starts from.
        eps: Keeps the quotient finite.

    Raises:
        TypeError: See ``Optimizer``.
        ValueError: See ``Optimizer``.

    Source:
        Duchi, Hazan, Singer 2011.
    """

    rule = staticmethod(rules.adagrad)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
            },
        )

    @staticmethod
    def _slots(hypers: Mapping[str, Any]) -> dict[str, float]:
        return {"s": hypers["initial_accumulator_value"]}

    def _numbers(self, t: int, hypers: Mapping[str, Any]) -> dict[str, Any]:
        of_the_rule = {k: v for k, v in hypers.items() if k != "initial_accumulator_value"}
        return {**of_the_rule, "t": t}


class RMSProp(Optimizer):
    """The gradient over its recent root mean square: the rule ``rules.rmsprop``.

    Formula: ``v <- alpha v + (1 - alpha) g^2; p <- p - lr g / (sqrt(v) + eps)``.

    Args:
        params: Tensors or groups.
        lr: Learning rate.
        alpha: Share of the old running means that is kept.
        eps: Keeps the quotient finite.
        weight_decay: Factor of the L2 term added to the gradient.
        momentum: Share of the old velocity that is kept; 0 for none.
        centered: Divide by the standard deviation instead of the root mean square.

    Raises:
        TypeError: See ``Optimizer``.
        ValueError: See ``Optimizer``.

    Source:
        Tieleman and Hinton 2012 (lecture 6.5); Graves 2013 (centered).
    """

    rule = staticmethod(rules.rmsprop)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
            },
        )

    @staticmethod
    def _slots(hypers: Mapping[str, Any]) -> dict[str, float]:
        wanted = {"v": True, "m": hypers["centered"], "b": hypers["momentum"] != 0}
        return {name: 0.0 for name, used in wanted.items() if used}


class Adam(Optimizer):
    """Momentum and RMSProp with bias correction: the rule ``rules.adam``.

    Formula: ``m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
    p <- p - lr m_hat / (sqrt(v_hat) + eps)``, ``m_hat = m / (1 - beta1^t)``,
    ``v_hat = v / (1 - beta2^t)``.

    Args:
        params: Tensors or groups.
        lr: Learning rate.
        betas: Shares ``(beta1, beta2)`` of the old means that are kept.
        eps: Keeps the quotient finite.
        weight_decay: Factor of the L2 term added to the gradient.
        amsgrad: Let the denominator never shrink.

    Raises:
        TypeError: See ``Optimizer``.
        ValueError: See ``Optimizer``.

    Source:
        Kingma and Ba 2015; Reddi, Kale, Kumar 2018 (amsgrad). It trains [D0-P1].
    """

    rule = staticmethod(rules.adam)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
            },
        )

    @staticmethod
    def _slots(hypers: Mapping[str, Any]) -> dict[str, float]:
        return {name: 0.0 for name in ("m", "v", *(["v_max"] if hypers["amsgrad"] else []))}

    def _numbers(self, t: int, hypers: Mapping[str, Any]) -> dict[str, Any]:
        return {**hypers, "t": t}


class AdamW(Adam):
    """Adam with weight decay that acts on the weights directly: the rule ``rules.adamw``.

    Formula: ``p <- (1 - lr weight_decay) p``, then Adam without weight decay.

    Args:
        params: Tensors or groups.
        lr: Learning rate.
        betas: Shares ``(beta1, beta2)`` of the old means that are kept.
        eps: Keeps the quotient finite.
        weight_decay: Share of each weight, times ``lr``, that is taken away per step.
        amsgrad: Let the denominator never shrink.

    Raises:
        TypeError: See ``Optimizer``.
        ValueError: See ``Optimizer``.

    Source:
        Loshchilov and Hutter 2019.
    """

    rule = staticmethod(rules.adamw)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)
