"""The data sets in the package are whole, small, and coded as their documentation says."""

import hashlib
from collections.abc import Callable
from importlib.resources import files

import numpy as np
import pytest

from tinygrad_ed.data import Dataset, breast_cancer, digits, iris

FILES = files("tinygrad_ed.data").joinpath("files")
NAMES = ("breast_cancer", "digits", "iris")
# Of X (float64) then y (int64), little-endian: whatever packs the files, these bytes come out.
DIGESTS = {
    "breast_cancer": "25e2eb7b7a8745b1bde5ba18bc4969983d2e2f403291ecd5bde4a29ef30c3859",
    "digits": "f6d9e39f37dc45d327f6db33428ee58970ccceabb2535a5c179de35886b70443",
    "iris": "aa06b8008ceba42efc654be0f83fdafc786239c9e8f13146044d078f5aab8f23",
}


def test_breast_cancer_codes_benign_as_the_positive_class() -> None:
    data = breast_cancer()
    assert data.X.shape == (569, 30)
    assert data.class_names == ("malignant", "benign")
    assert data.positive == "benign"
    assert data.class_counts == {"malignant": 212, "benign": 357}
    # The first patient of the set: a large malignant tumour.
    assert data.y[0] == 0
    assert dict(zip(data.feature_names, data.X[0], strict=True))["mean radius"] == 17.99


def test_malignant_tumours_have_the_larger_nuclei() -> None:
    data = breast_cancer()
    radius = data.X[:, data.feature_names.index("mean radius")]
    assert radius[data.y == 0].mean() > radius[data.y == 1].mean()


def test_digits_are_images_of_8_by_8_counts_up_to_16() -> None:
    data = digits()
    assert data.X.shape == (1797, 64)
    assert data.class_names == tuple("0123456789")
    assert data.positive is None
    assert data.X.min() == 0
    assert data.X.max() == 16
    assert np.array_equal(data.X, np.rint(data.X))
    assert list(data.class_counts.values()) == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_a_zero_is_hollow_and_a_one_is_not() -> None:
    data = digits()
    middle = data.X.reshape(-1, 8, 8)[:, 3:5, 3:5].mean(axis=(1, 2))
    assert middle[data.y == 0].mean() < 2 < 10 < middle[data.y == 1].mean()


def test_iris_has_fifty_flowers_of_each_species() -> None:
    data = iris()
    assert data.X.shape == (150, 4)
    assert data.class_counts == {"setosa": 50, "versicolor": 50, "virginica": 50}


def test_iris_has_the_two_rows_of_fishers_paper() -> None:
    # The repository's copy has 4.9,3.1,1.5,0.1 and 4.9,3.1,1.5,0.1 in rows 35 and 38.
    assert iris().X[[34, 37]].tolist() == [[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]]


@pytest.mark.parametrize("load", [breast_cancer, digits, iris])
def test_every_embedded_value_is_the_one_recorded(load: Callable[[], Dataset]) -> None:
    data = load()
    content = data.X.astype("<f8").tobytes() + data.y.astype("<i8").tobytes()
    assert hashlib.sha256(content).hexdigest() == DIGESTS[data.name]


@pytest.mark.parametrize("load", [breast_cancer, digits, iris])
def test_each_call_gives_arrays_of_its_own(load: Callable[[], Dataset]) -> None:
    data = load()
    data.X[:] = -1.0
    assert not np.array_equal(load().X, data.X)


def test_the_files_take_at_most_200_kb() -> None:
    sizes = {name: len(FILES.joinpath(f"{name}.csv.gz").read_bytes()) for name in NAMES}
    assert sum(sizes.values()) <= 200_000, sizes


@pytest.mark.parametrize("name", NAMES)
def test_the_gzip_header_holds_neither_time_nor_file_name(name: str) -> None:
    header = FILES.joinpath(f"{name}.csv.gz").read_bytes()[:10]
    assert header == bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255])
