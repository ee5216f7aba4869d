"""Scores and curves: how good is a model, in numbers that can be counted by hand.

    classification.py   predicted classes against true ones: confusion_matrix, accuracy,
                        precision, recall, f1_score
    ranking.py          scores against true classes, over all thresholds: roc_curve, auc, roc_auc,
                        precision_recall_curve, average_precision
    regression.py       predicted numbers against true ones: mse, mae, r2
    _counts.py          the counting and averaging behind classification.py
    _inputs.py          what is asked of inputs, and the messages when it is not given

Each is a plain function of arrays: anything `np.asarray` takes, tensors included. They run after
training, in NumPy, and record nothing; what a model is trained on is a loss, not a metric.
Arguments come in scikit-learn's order, truth first, under its names (y_true, y_pred, y_score), with
one exception: the positive class is `positive`, not `pos_label`. Where scikit-learn warns and
returns NaN, because the number does not exist, these raise and say why.
"""

from tinygrad_ed.metrics.classification import (
    accuracy,
    confusion_matrix,
    f1_score,
    precision,
    recall,
)
from tinygrad_ed.metrics.ranking import (
    auc,
    average_precision,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from tinygrad_ed.metrics.regression import mae, mse, r2

__all__ = [
    "accuracy",
    "auc",
    "average_precision",
    "confusion_matrix",
    "f1_score",
    "mae",
    "mse",
    "precision",
    "precision_recall_curve",
    "r2",
    "recall",
    "roc_auc",
    "roc_curve",
]
