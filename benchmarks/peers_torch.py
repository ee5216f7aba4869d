"""PyTorch: eager with the default optimiser, with the fused one, and through torch.compile."""

import os
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from elementwise_cases import FUNCTIONS, numbers
from mnist_files import Digits
from torch import Tensor, nn
from worker import Job
from workloads import CASES, Case, Product, branch_parameters, data, first_weights, in_batches

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce": F.binary_cross_entropy_with_logits,
    "ce": F.cross_entropy,
    "mse": F.mse_loss,
}


def chain(case: Case) -> nn.Module:
    """Linear layers with activations and dropout between them, from the common first weights."""
    weights = first_weights(case)
    layers: list[nn.Module] = []
    for k in range(0, len(weights), 2):
        W, b = weights[k], weights[k + 1]
        layer = nn.Linear(*W.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
        layers.append(layer)
        if k + 2 < len(weights):
            layers.append(ACTIVATIONS[case.hidden]())
            layers += [nn.Dropout(case.dropout)] if case.dropout else []
    return nn.Sequential(*layers)


class Branches(nn.Module):
    """Network h of `workloads.branch_parameters`."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        for name, array in branch_parameters(case).items():
            value = torch.from_numpy(array.T.copy() if array.ndim == 2 else array)
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, X: Tensor) -> Tensor:
        """Shapes: X (N, 32) -> (N, 4)."""
        p: Any = self
        u = torch.tanh(F.linear(X, p.W, p.b))
        left = torch.tanh(F.linear(u, p.S, p.p))
        right = torch.tanh(F.linear(u, p.V, p.q))
        joined = left * right + u
        return F.linear(torch.tanh(F.linear(joined, p.S, p.r)), p.O, p.o)


def optimizer_of(case: Case, model: nn.Module, fused: bool) -> torch.optim.Optimizer:
    """SGD or Adam; not fused means PyTorch's own default."""
    kind: Any = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[case.optimizer]
    made: torch.optim.Optimizer = kind(
        model.parameters(), lr=case.lr, **({"fused": True} if fused else {})
    )
    return made


def train_step(name: str, mode: str) -> Job:
    """One training step on batches that are tensors in memory."""
    case = CASES[name]
    torch.manual_seed(0)
    model = Branches(case) if case.branches else chain(case)
    optimizer = optimizer_of(case, model, fused="fused" in mode)
    loss_of = LOSSES[case.loss]
    batches = [(torch.from_numpy(X), torch.from_numpy(y)) for X, y in in_batches(*data(case), case)]

    def forward(X: Tensor, y: Tensor) -> Tensor:
        return loss_of(model(X), y)

    run = torch.compile(forward) if mode.startswith("compile") else forward

    def step(i: int) -> Tensor:
        X, y = batches[i % len(batches)]
        loss = run(X, y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return Job(step)


def matmul(key: str, mode: str) -> Job:
    """torch.mm into an existing result; a transpose is a view."""
    product = Product.parse(key)
    A, B = product.factors(*map(torch.from_numpy, product.operands()))
    C = torch.empty(product.M, product.N, dtype=A.dtype)

    def step(i: int) -> None:
        torch.mm(A, B, out=C)

    return Job(step)


def elementwise(key: str, mode: str) -> Job:
    """A function of a tensor, each operation a call."""
    name, x = key.partition(":")[0], torch.from_numpy(numbers(key))
    function = FUNCTIONS[name]
    if mode == "compile":
        function = torch.compile(function)

    def step(i: int) -> None:
        with torch.no_grad():
            function(torch, x)

    return Job(step)


class Images(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """The usual way: an image becomes a tensor, is scaled and normalised, one sample at a time."""

    def __init__(self, digits: Digits) -> None:
        self.digits = digits

    def __len__(self) -> int:
        return len(self.digits.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self.digits.images[index]).unsqueeze(0).float().div(255)
        return (image - self.digits.mean) / self.digits.std, int(self.digits.labels[index])


def mnist(name: str, mode: str) -> Job:
    """An epoch of network d over all images, shuffled, with the default Adam."""
    case = CASES["d"]
    train, test = Digits.load("train"), Digits.load("t10k")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), chain(case))
    optimizer = optimizer_of(case, model, fused=False)
    X, y = torch.from_numpy(train.pixels()), torch.from_numpy(train.labels)
    loader = torch.utils.data.DataLoader(Images(train), batch_size=case.batch, shuffle=True)

    def batch(X: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss

    def epoch(i: int) -> None:
        model.train()
        if mode == "dataloader":
            for images, labels in loader:
                batch(images, labels)
            return
        order = torch.randperm(len(y))
        for k in range(0, len(y), case.batch):
            rows = order[k : k + case.batch]
            batch(X[rows], y[rows])

    def score() -> float:
        model.eval()
        with torch.no_grad():
            found = model(torch.from_numpy(test.pixels())).argmax(1).numpy()
        return float((found == test.labels).mean())

    return Job(epoch, warm=0, score=score)
