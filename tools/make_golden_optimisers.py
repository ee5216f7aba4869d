"""Make tests/optim/golden.json: trajectories of PyTorch's optimisers that ours must follow.

    python tools/make_golden_optimisers.py tests/optim/golden.json

The tests load this file too, for the list of variants and for the problem: its gradient is written
out in `+ - *` alone, so that it has the same bits on every machine.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 100
KEPT = (1, 2, 3, 5, 10, 20, 50, 100)

# Rosenbrock's valley in the first two coordinates, a badly scaled quadratic in the other four.
START = [-1.2, 1.0, 3.0, -2.0, 0.5, 1e-3]
CURVATURE = [10.0, 1.0, 0.1, 1e-3]
MINIMUM = [1.0, -1.0, 2.0, 0.0]

# name: (algorithm, hyper-parameters by PyTorch's names)
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.01}),
    "sgd weight decay": ("SGD", {"lr": 0.01, "weight_decay": 0.1}),
    "sgd momentum": ("SGD", {"lr": 0.002, "momentum": 0.9}),
    "sgd dampening": ("SGD", {"lr": 0.01, "momentum": 0.8, "dampening": 0.3}),
    "sgd nesterov": ("SGD", {"lr": 0.002, "momentum": 0.9, "nesterov": True}),
    "sgd nesterov weight decay": (
        "SGD",
        {"lr": 0.002, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
    ),
    "adagrad": ("AdaGrad", {"lr": 0.1}),
    "adagrad defaults": ("AdaGrad", {}),
    "adagrad lr decay": ("AdaGrad", {"lr": 0.3, "lr_decay": 0.05}),
    "adagrad initial accumulator": ("AdaGrad", {"lr": 0.2, "initial_accumulator_value": 0.1}),
    "adagrad weight decay eps": ("AdaGrad", {"lr": 0.1, "weight_decay": 0.02, "eps": 1e-3}),
    "rmsprop": ("RMSProp", {}),
    "rmsprop alpha weight decay": ("RMSProp", {"lr": 0.02, "alpha": 0.9, "weight_decay": 0.1}),
    "rmsprop momentum": ("RMSProp", {"lr": 0.005, "momentum": 0.9}),
    "rmsprop centered": ("RMSProp", {"lr": 0.01, "centered": True, "eps": 1e-4}),
    "rmsprop centered momentum": (
        "RMSProp",
        {"lr": 0.001, "centered": True, "momentum": 0.8, "eps": 1e-4, "weight_decay": 0.01},
    ),
    "adam": ("Adam", {}),
    "adam lr betas": ("Adam", {"lr": 0.1, "betas": (0.8, 0.95)}),
    "adam without momentum": ("Adam", {"lr": 0.01, "betas": (0.0, 0.9)}),
    "adam weight decay": ("Adam", {"lr": 0.05, "weight_decay": 0.1, "eps": 1e-6}),
    "adam amsgrad": ("Adam", {"lr": 0.1, "amsgrad": True, "betas": (0.9, 0.9)}),
    "adamw": ("AdamW", {}),
    "adamw weight decay": ("AdamW", {"lr": 0.05, "weight_decay": 0.3}),
    "adamw amsgrad": ("AdamW", {"lr": 0.1, "amsgrad": True, "betas": (0.9, 0.9)}),
}

TORCH_NAMES = {
    "SGD": "SGD",
    "AdaGrad": "Adagrad",
    "RMSProp": "RMSprop",
    "Adam": "Adam",
    "AdamW": "AdamW",
}


def gradient(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient of (1 - x)^2 / 4 + (y - x^2)^2 + 1/2 sum c (z - z_min)^2 at p = (x, y, z...)."""
    x, y, z = p[0], p[1], p[2:]
    valley = y - x * x
    steep = np.array(CURVATURE) * (z - np.array(MINIMUM))
    return np.array([-0.5 * (1 - x) - 4 * x * valley, 2 * valley, *steep])


def torch_trajectory(algorithm: str, hypers: dict[str, Any]) -> dict[str, list[float]]:
    """Run PyTorch's own optimiser, one tensor at a time, in float64; return the kept steps."""
    import torch

    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimiser = getattr(torch.optim, TORCH_NAMES[algorithm])([p], **hypers, foreach=False)
    trajectory = {}
    for t in range(1, STEPS + 1):
        p.grad = torch.from_numpy(gradient(p.detach().numpy()))
        optimiser.step()
        if t in KEPT:
            trajectory[str(t)] = [float(x) for x in p.detach()]
    return trajectory


def main(path: str) -> None:
    rows = []
    for name, (algorithm, hypers) in VARIANTS.items():
        trajectory = torch_trajectory(algorithm, hypers)
        rows.append(
            json.dumps(
                {"name": name, "algorithm": algorithm, "hypers": hypers, "steps": trajectory}
            )
        )
    Path(path).write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    print(f"{len(rows)} trajectories in {path}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
