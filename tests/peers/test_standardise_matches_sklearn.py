"""Standardise and scikit-learn's StandardScaler agree, on real data and with constant columns."""

from collections.abc import Callable

import numpy as np
import pytest

from tinygrad_ed.data import Dataset, Standardise, breast_cancer, digits, stratified_split

preprocessing = pytest.importorskip("sklearn.preprocessing")


@pytest.mark.parametrize("load", [breast_cancer, digits])  # digits has constant columns
def test_standardise_equals_standard_scaler(load: Callable[[], Dataset]) -> None:
    data = load()
    X_train, X_test, _, _ = stratified_split(data.X, data.y, seed=1)
    ours = Standardise.fit(X_train)
    theirs = preprocessing.StandardScaler().fit(X_train)
    np.testing.assert_allclose(ours.mean_, theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-12)
    np.testing.assert_allclose(
        ours.transform(X_test), theirs.transform(X_test), rtol=1e-12, atol=1e-12
    )
