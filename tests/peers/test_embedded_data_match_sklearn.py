"""The embedded files hold exactly what scikit-learn holds, and the script rebuilds them."""

import gzip
import importlib.util
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tinygrad_ed.data import Dataset, breast_cancer, digits, iris

datasets = pytest.importorskip("sklearn.datasets")

ROOT = Path(__file__).resolve().parents[2]
LOADERS = [breast_cancer, digits, iris]


@pytest.fixture(scope="module")
def embed_data() -> ModuleType:
    spec = importlib.util.spec_from_file_location("embed_data", ROOT / "tools" / "embed_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("load", LOADERS)
def test_embedded_data_equal_sklearns_bit_for_bit(load: Callable[[], Dataset]) -> None:
    ours = load()
    theirs = getattr(datasets, f"load_{ours.name}")()
    assert np.array_equal(ours.X, theirs.data)
    assert np.array_equal(ours.y, theirs.target)
    assert list(ours.feature_names) == [str(name) for name in theirs.feature_names]
    assert list(ours.class_names) == [str(name) for name in theirs.target_names]


@pytest.mark.parametrize("load", LOADERS)
def test_the_script_rebuilds_each_file(load: Callable[[], Dataset], embed_data: ModuleType) -> None:
    name = load().name
    text = embed_data.csv_text(name)
    committed = (embed_data.FILES / f"{name}.csv.gz").read_bytes()
    rebuilt = embed_data.packed(text)
    assert gzip.decompress(committed).decode() == text
    assert gzip.decompress(rebuilt).decode() == text
    # zlib-ng packs the same text into other bytes.
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:
        assert rebuilt == committed
