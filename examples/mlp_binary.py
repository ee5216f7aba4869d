"""The main job [D0-P1]: a perceptron tells malignant from benign tumours, on rows it never saw.

Dense 64 relu, Dense 64 relu, Dense 1 sigmoid; Adam, binary cross-entropy, 10 epochs, batch 32. The
document scores its network on the training rows; here a fifth of the rows is held out.

    python examples/mlp_binary.py
    python examples/mlp_binary.py --data FILE.csv --label NAME --plot curves.png
    python examples/mlp_binary.py --help
"""

import argparse
import sys
import time

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.train import binary, options


def train(arguments: argparse.Namespace) -> None:
    """Data, network, training, report."""
    device, why = binary.which_device(arguments.device)
    data = binary.prepare(options.load(arguments), seed=arguments.seed)

    # The last sigmoid belongs to the loss: bce_with_logits(z, t) is bce(sigmoid(z), t), but finite
    # for every logit z. Afterwards sigmoid(z) is the probability, and z > 0 means one above ½.
    rng = np.random.default_rng(arguments.seed)
    model = tg.nn.Sequential(
        tg.nn.Linear(data.X_train.shape[1], 64, activation="relu", seed=rng, device=device),
        tg.nn.Linear(64, 64, activation="relu", seed=rng, device=device),
        tg.nn.Linear(64, 1, seed=rng, device=device),
    )
    binary.announce(model, data, device, why)

    started = time.perf_counter()
    history = tg.fit(
        model,
        data.X_train,
        data.y_train,
        loss=tg.bce_with_logits,
        optimizer=tg.optim.Adam(model.parameters(), lr=arguments.lr),
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        validation=(data.X_test, data.y_test),  # watched, and never used to choose anything
        seed=arguments.seed,
        metrics={"accuracy": binary.hits},
        capture=arguments.capture,
    )
    seconds = time.perf_counter() - started

    report = binary.scored(model, data, history, device=device, seconds=seconds)
    options.deliver(report, arguments)


if __name__ == "__main__":
    sys.exit(options.main(train, "Train a binary classifier and score it on held-out rows."))
