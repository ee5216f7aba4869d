"""The main job beside scikit-learn: the same network, splits and budget, not a point worse."""

import warnings

import numpy as np
import pytest

from tinygrad_ed.data import breast_cancer
from tinygrad_ed.train.binary import train_binary

pytest.importorskip("sklearn")

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_median_test_accuracy_is_not_a_point_under_mlpclassifier(device: str) -> None:
    ours, theirs = [], []
    for seed in range(10):
        report = train_binary(breast_cancer(), device=device, seed=seed, progress=False)
        data = report.data
        with warnings.catch_warnings():
            # Ten epochs are the budget of [D0-P1]; it says that it would like more.
            warnings.simplefilter("ignore", ConvergenceWarning)
            peer = MLPClassifier((64, 64), max_iter=10, batch_size=32, random_state=seed)
            peer.fit(data.X_train, data.y_train.ravel())
        ours.append(report.test["accuracy"])
        theirs.append(peer.score(data.X_test, data.y_test.ravel()))
    assert np.median(ours) >= np.median(theirs) - 0.01
