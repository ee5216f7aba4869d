"""PyTorch: eager with the default optimiser, with the fused one, and through torch.compile."""

import os
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from elementwise_cases import FUNCTIONS, numbers
from mnist_files import Digits
from place import DEVICE, TF32
from torch import Tensor, nn
from worker import Job
from workloads import CASES, Case, Product, branch_parameters, data, first_weights, in_batches

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
torch.set_float32_matmul_precision("high" if TF32 else "highest")
Train = Callable[[Tensor, Tensor], Tensor]
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


def optimizer_of(
    case: Case, model: nn.Module, fused: bool, capturable: bool = False
) -> torch.optim.Optimizer:
    """SGD or Adam; not fused means PyTorch's own default."""
    kind: Any = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[case.optimizer]
    options = {"fused": True} if fused else {}
    if capturable and case.optimizer == "adam":
        options["capturable"] = True
    made: torch.optim.Optimizer = kind(model.parameters(), lr=case.lr, **options)
    return made


def train_step(name: str, mode: str) -> Job:
    """One training step on batches that are tensors in memory."""
    case = CASES[name]
    torch.manual_seed(0)
    model = (Branches(case) if case.branches else chain(case)).to(DEVICE)
    best = mode in ("graph", "reduce-overhead")
    optimizer = optimizer_of(case, model, "fused" in mode or best, capturable=mode == "graph")
    loss_of = LOSSES[case.loss]
    batches = [
        (torch.from_numpy(X).to(DEVICE), torch.from_numpy(y).to(DEVICE))
        for X, y in in_batches(*data(case), case)
    ]

    def forward(X: Tensor, y: Tensor) -> Tensor:
        return loss_of(model(X), y)

    torch.compiler.reset()  # else shapes that differ between cases would be compiled as unknown
    run = forward
    if mode.startswith("compile"):
        run = torch.compile(forward)
    elif mode == "reduce-overhead":
        run = torch.compile(forward, mode=mode)

    def train(X: Tensor, y: Tensor) -> Tensor:
        loss = run(X, y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    one = graphed(train, model, optimizer, *batches[0]) if mode == "graph" else train
    if mode == "reduce-overhead":
        one = marked(train)
    return Job(lambda i: one(*batches[i % len(batches)]), finish=finish)


def finish() -> None:
    """Waits for the GPU, where there is one."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def marked(train: Train) -> Train:
    """The step with its beginning announced: CUDA graphs inside may use their memory again."""

    def one(X: Tensor, y: Tensor) -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return train(X, y)

    return one


def graphed(
    train: Train, model: nn.Module, optimizer: torch.optim.Optimizer, X: Tensor, y: Tensor
) -> Train:
    """The whole step as one CUDA graph, as PyTorch's documentation has it.

    A batch is copied to where the graph reads it. Some steps are needed before recording; what they
    changed is put back, so that the first replay is the first step.
    """
    X_here, y_here = X.clone(), y.clone()
    first = [p.detach().clone() for p in model.parameters()]
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            train(X_here, y_here)
    torch.cuda.current_stream().wait_stream(side)
    with torch.no_grad():
        for p, value in zip(model.parameters(), first, strict=True):
            p.copy_(value)
        for state in optimizer.state.values():
            for value in state.values():
                if isinstance(value, Tensor):
                    value.zero_()
    optimizer.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = train(X_here, y_here)

    def one(X: Tensor, y: Tensor) -> Tensor:
        X_here.copy_(X)
        y_here.copy_(y)
        graph.replay()
        return loss

    return one


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
