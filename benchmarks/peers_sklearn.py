"""scikit-learn: `partial_fit` of its multi-layer perceptrons, one call a batch, where they fit."""

import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from worker import Job, SkipCase
from workloads import CASES, data, first_weights, in_batches


def train_step(name: str, mode: str) -> Job:
    """A step of the same network with the same optimiser, from the same first weights."""
    case = CASES[name]
    if case.branches or case.dropout or len(case.sizes) < 3:
        raise SkipCase("its perceptron has hidden layers in a chain, and no dropout")
    settings: dict[str, Any] = {
        "hidden_layer_sizes": case.sizes[1:-1],
        "activation": {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}[case.hidden],
        "solver": case.optimizer,
        "learning_rate_init": case.lr,
        "batch_size": case.batch,
        "alpha": 0.0,
        "momentum": 0.0,
        "nesterovs_momentum": False,
    }
    classes: dict[str, Any] = {}
    if case.loss == "mse":
        # Its loss is half the mean over entries, but its gradient is divided by the rows alone.
        settings["learning_rate_init"] = case.lr * 2 / case.sizes[-1]
        model, factor = MLPRegressor(**settings), 2.0
    else:
        model, factor = MLPClassifier(**settings), 1.0
        classes = {"classes": np.unique(data(case)[1])}
    batches = [
        (X, y.ravel() if y.shape[1:] == (1,) else y) for X, y in in_batches(*data(case), case)
    ]

    # The weights are made by the first call; ours take their place, and the optimiser forgets it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.partial_fit(*batches[0], **classes)
    weights = first_weights(case)
    for mine, theirs in zip(model.coefs_ + model.intercepts_, weights[::2] + weights[1::2],
                            strict=True):  # fmt: skip
        mine[...] = theirs
    for moment in ("ms", "vs"):
        for array in getattr(model._optimizer, moment, []):
            array[...] = 0
    model._optimizer.t = 0

    def step(i: int) -> float:
        model.partial_fit(*batches[i % len(batches)])
        return factor * float(model.loss_)

    return Job(step)
