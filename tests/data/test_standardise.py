"""Standardised columns have mean 0 and deviation 1, by the training part's own statistics."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinygrad_ed.data import Standardise, breast_cancer, stratified_split

shapes = st.tuples(st.integers(1, 12), st.integers(1, 4))
matrices = arrays(np.float64, shapes, elements=st.floats(-1e6, 1e6).map(lambda x: round(x, 3)))


@settings(deadline=None)
@given(matrices)
def test_columns_get_mean_zero_and_deviation_one_or_are_constant(X: np.ndarray) -> None:
    Z = Standardise.fit(X).transform(X)
    constant = X.min(axis=0) == X.max(axis=0)
    assert (Z[:, constant] == 0).all()
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(Z.std(axis=0)[~constant], 1, rtol=1e-6)


@settings(deadline=None)
@given(matrices)
def test_inverse_undoes_transform(X: np.ndarray) -> None:
    scaler = Standardise.fit(X)
    # Entries pass through the scale of the whole column, so that is the scale of the error.
    atol = 4e-16 * max(1.0, float(np.abs(X).max()))
    np.testing.assert_allclose(scaler.inverse(scaler.transform(X)), X, rtol=1e-15, atol=atol)


def test_the_test_part_is_scaled_by_the_training_part() -> None:
    data = breast_cancer()
    X_train, X_test, _, _ = stratified_split(data.X, data.y)
    scaler = Standardise.fit(X_train)
    Z_test = scaler.transform(X_test)
    expected = (X_test - X_train.mean(axis=0)) / X_train.std(axis=0)
    np.testing.assert_allclose(Z_test, expected, rtol=1e-12, atol=1e-12)
    assert np.abs(Z_test.mean(axis=0)).max() > 0.01  # its own mean is not 0: that would be a leak


def test_a_constant_column_has_scale_one_and_becomes_exactly_zero() -> None:
    # The mean of 10 copies of 0.1 is computed as 0.09999999999999999: their deviation is not 0.
    # Ten copies of 1e308 add up to infinity.
    X = np.column_stack([np.full(10, 0.1), np.full(10, 1e308), np.arange(10.0)])
    scaler = Standardise.fit(X)
    assert scaler.mean_[:2].tolist() == [0.1, 1e308]
    assert scaler.scale_[:2].tolist() == [1.0, 1.0]
    assert (scaler.transform(X)[:, :2] == 0).all()


def test_deviation_divides_by_n() -> None:
    scaler = Standardise.fit([[0.0], [2.0]])
    assert scaler.mean_.tolist() == [1.0]
    assert scaler.scale_.tolist() == [1.0]


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_tiny_and_huge_values_neither_vanish_nor_overflow(size: float) -> None:
    unit = np.array([[1.0], [2.0], [4.0]])
    scaler = Standardise.fit(unit * size)
    np.testing.assert_allclose(scaler.scale_, unit.std() * size, rtol=1e-14)
    np.testing.assert_allclose(
        scaler.transform(unit * size), Standardise.fit(unit).transform(unit), rtol=1e-14
    )


def test_a_large_offset_does_not_swallow_the_spread() -> None:
    noise = np.random.default_rng(0).standard_normal((100_000, 2))
    scaler = Standardise.fit(noise + 2.0**40)
    left = noise + 2.0**40 - 2.0**40  # what is left of the noise, exactly
    one_step = 2.0**-12  # between doubles near 2**40; a plain sum is some steps off
    np.testing.assert_allclose(scaler.mean_ - 2.0**40, left.mean(axis=0), atol=one_step)
    np.testing.assert_allclose(scaler.scale_, left.std(axis=0), rtol=1e-6)


def test_float32_stays_float32_and_integers_become_float64() -> None:
    X = np.arange(12).reshape(4, 3)
    scaler = Standardise.fit(X)
    assert scaler.transform(X).dtype == np.float64
    assert scaler.transform(X.astype(np.float32)).dtype == np.float32
    assert scaler.inverse(scaler.transform(X.astype(np.float32))).dtype == np.float32
    assert Standardise.fit(X.astype(np.float32)).mean_.dtype == np.float64


def test_data_are_not_changed_and_statistics_cannot_be_rebound() -> None:
    X = np.arange(6.0).reshape(3, 2)
    X.setflags(write=False)
    scaler = Standardise.fit(X)
    scaler.inverse(scaler.transform(X))
    with pytest.raises(dataclasses.FrozenInstanceError):
        scaler.mean_ = X[0]  # type: ignore[misc]


def test_nan_in_new_data_stays_nan_where_it_was() -> None:
    Z = Standardise.fit([[0.0, 1.0], [2.0, 5.0]]).transform([[np.nan, 3.0]])
    assert np.isnan(Z).tolist() == [[True, False]]


def test_bad_input_is_refused_with_shape_and_place() -> None:
    with pytest.raises(ValueError, match=r"X\[1, 0\] is nan \(2 such entries\)"):
        Standardise.fit([[0.0, 1.0], [np.nan, np.inf]])
    with pytest.raises(ValueError, match=r"X has shape \(0, 3\): no rows"):
        Standardise.fit(np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"X has shape \(3,\) and dtype float64"):
        Standardise.fit([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"shape \(1, 1\) and dtype complex128"):
        Standardise.fit([[1j]])
    with pytest.raises(ValueError, match=r"column 1 runs from 1e\+308 to 1\.5e\+308"):
        Standardise.fit([[0.0, 1e308], [1.0, 1.5e308]])
    with pytest.raises(ValueError, match=r"X has shape \(2, 3\).* fitted on 2 columns"):
        Standardise.fit(np.eye(2)).transform(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"X has shape \(1, 2\).* fitted on 3 columns"):
        Standardise.fit(np.eye(3)).inverse(np.zeros((1, 2)))
