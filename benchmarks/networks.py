"""Our networks of the benchmarks, by public names only."""

from collections.abc import Callable
from typing import Any

from workloads import Case, branch_parameters, first_weights

import tinygrad_ed as tg

LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "bce": tg.bce_with_logits,
    "ce": tg.cross_entropy,
    "mse": tg.mse,
}
OPTIMISERS: dict[str, Callable[..., tg.optim.Optimizer]] = {
    "sgd": tg.optim.SGD,
    "adam": tg.optim.Adam,
}
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": tg.relu,
    "sigmoid": tg.sigmoid,
    "tanh": tg.tanh,
}


def chain(case: Case, device: str) -> tg.nn.Module:
    """Linear layers with their activations inside, and dropout between them."""
    weights = first_weights(case)
    layers: list[tg.nn.Module] = []
    for k in range(0, len(weights), 2):
        W, b = weights[k], weights[k + 1]
        hidden = k + 2 < len(weights)
        activation = case.hidden if hidden else None
        layers.append(tg.nn.Linear.from_torch_layout(W.T, b, activation=activation, device=device))
        if hidden and case.dropout:
            layers.append(tg.nn.Dropout(case.dropout, seed=k))
    return tg.nn.Sequential(*layers)


class Separate(tg.nn.Module):
    """The same chain with a matrix product, a sum and an activation as operators of their own."""

    def __init__(self, case: Case, device: str) -> None:
        self.parts = [tg.nn.Parameter(array, device=device) for array in first_weights(case)]
        self.activation = ACTIVATIONS[case.hidden]
        self.dropout = tg.nn.Dropout(case.dropout, seed=0)

    def forward(self, X: Any) -> Any:
        """Shapes: X (N, inputs) -> (N, outputs)."""
        last = len(self.parts) - 2
        for k in range(0, len(self.parts), 2):
            X = X @ self.parts[k] + self.parts[k + 1]
            if k < last:
                X = self.dropout(self.activation(X))
        return X


class Branches(tg.nn.Module):
    """Network h of `workloads.branch_parameters`; `separate` as in `Separate`."""

    def __init__(self, case: Case, separate: bool, device: str) -> None:
        for name, array in branch_parameters(case).items():
            setattr(self, name, tg.nn.Parameter(array, device=device))
        self.separate = separate

    def layer(self, X: Any, W: Any, b: Any) -> Any:
        """tanh(X W + b)."""
        if self.separate:
            return tg.tanh(X @ W + b)
        return tg.linear(X, W, b, activation="tanh")

    def forward(self, X: Any) -> Any:
        """Shapes: X (N, 32) -> (N, 4)."""
        p: Any = self
        u = self.layer(X, p.W, p.b)
        left, right = self.layer(u, p.S, p.p), self.layer(u, p.V, p.q)
        joined = left * right + u
        s = self.layer(joined, p.S, p.r)
        return s @ p.O + p.o if self.separate else tg.linear(s, p.O, p.o)


def network(case: Case, device: str, *, separate: bool = False) -> tg.nn.Module:
    """The network of a case; `separate` as in `Separate`."""
    if case.branches:
        return Branches(case, separate, device)
    return Separate(case, device) if separate else chain(case, device)


def waiting(device: str) -> Callable[[], object]:
    """What waits until the device has done all it was given."""
    if device != "cuda":
        return lambda: None
    import cupy

    done: Callable[[], object] = cupy.cuda.Device().synchronize
    return done


def step_of(case: Case, model: tg.nn.Module) -> Callable[[Any, Any], Any]:
    """The five-line loop's body: forward, loss, zero_grad, backward, step."""
    optimizer = OPTIMISERS[case.optimizer](model.parameters(), lr=case.lr)
    loss_of = LOSSES[case.loss]

    def step(X: Any, y: Any) -> Any:
        loss = loss_of(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step
