"""A data set keeps numbers and names together, and refuses those that do not fit."""

import dataclasses

import numpy as np
import pytest

from tinygrad_ed.data import Dataset, spirals

X = np.arange(6.0).reshape(3, 2)


def dataset(**changes: object) -> Dataset:
    arguments: dict[str, object] = {
        "X": X,
        "y": [0, 1, 1],
        "feature_names": ("a", "b"),
        "class_names": ("no", "yes"),
        "name": "three rows",
    }
    return Dataset(**(arguments | changes))  # type: ignore[arg-type]


def test_positive_is_the_name_of_the_class_coded_one() -> None:
    assert dataset().positive == "yes"
    assert dataset(class_names=("no", "yes", "maybe")).positive is None


def test_class_counts_add_up_to_the_rows_and_name_absent_classes() -> None:
    data = dataset(class_names=("no", "yes", "maybe"))
    assert data.class_counts == {"no": 1, "yes": 2, "maybe": 0}
    assert sum(data.class_counts.values()) == len(data) == 3


def test_x_becomes_float64_and_y_becomes_int64() -> None:
    data = dataset(X=X.astype(np.float32), y=np.array([0, 1, 1], dtype=np.uint8))
    assert data.X.dtype == np.float64
    assert data.y.dtype == np.int64


def test_its_fields_cannot_be_rebound() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset().X = X  # type: ignore[misc]


def test_repr_is_one_line_with_shape_counts_and_positive_class() -> None:
    assert repr(dataset()) == "<Dataset three rows: X (3, 2), y no: 1, yes: 2; positive: yes>"


def test_repr_stays_short_with_a_hundred_classes() -> None:
    text = repr(spirals(200, n_classes=100))
    assert len(text) < 120
    assert "arm 99: 2" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros(3)}, r"X has shape \(3,\)"),
        ({"y": [0, 1]}, r"y has shape \(2,\), X has shape \(3, 2\)"),
        ({"y": [[0], [1], [1]]}, r"y has shape \(3, 1\)"),
        ({"y": [0.0, 1.0, 1.0]}, "y has dtype float64"),
        ({"y": [0, 1, 2]}, "y runs from 0 to 2, but 2 class names allow the codes 0 to 1"),
        ({"y": [-1, 1, 1]}, "y runs from -1 to 1"),
        ({"feature_names": ("a",)}, "1 feature names for 2 columns"),
        ({"class_names": ("yes", "yes")}, "at least two different names"),
        ({"class_names": ("yes",), "y": [0, 0, 0]}, "at least two different names"),
    ],
)
def test_what_does_not_fit_is_refused_with_shapes_and_values(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        dataset(**changes)
