"""Training: the five-line loop as one function, and the documents' main program on top of it.

fit         `fit`: forward, loss, zero_grad, backward, step, over epochs of batches
history     `History`: what was measured, epoch by epoch
steps       how `fit` takes its steps: captured as a program, or as written
scoring     `predict`, `evaluate`: a network's outputs and scores outside training
callbacks   `EarlyStopping`, and what a callback is
progress    a bar on a terminal, plain lines elsewhere
interrupt   Ctrl-C waits for the running step
binary      the main job [D0-P1]: preparing, training and scoring a binary classifier
options     its command-line options, shared by `examples/mlp_binary.py` and the CLI
plot        its pictures: loss curves and, for two features, the decision boundary
"""

from .callbacks import EarlyStopping
from .fit import fit
from .history import History
from .scoring import evaluate, predict

__all__ = ["EarlyStopping", "History", "evaluate", "fit", "predict"]
