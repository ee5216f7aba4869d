"""Reading the handwritten digits of MNIST from their IDX files."""

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from worker import SkipCase


def folder() -> Path:
    """`mnist` in the folder that TINYGRAD_ED_DATA names, or in shared/data beside the checkout."""
    named = os.environ.get("TINYGRAD_ED_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return (Path(named) if named else beside) / "mnist"


def read(path: Path, axes: int) -> NDArray[np.uint8]:
    """An array of an IDX file: two zeros, type 8 (bytes), number of axes, sizes, big-endian.

    Raises:
        ValueError: Another format.
    """
    with gzip.open(path) as file:
        content = file.read()
    if content[:4] != bytes([0, 0, 8, axes]):
        raise ValueError(f"{path.name} is no IDX file of bytes with {axes} axes")
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape.tolist())


@dataclass(frozen=True)
class Digits:
    """Images and their labels; mean and std of the pixels are the ones everybody writes down.

    Shapes: images (N, 28, 28) uint8, labels (N,) int64.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    mean: float = 0.1307
    std: float = 0.3081

    @classmethod
    def load(cls, part: str) -> "Digits":
        """Part "train" or "t10k".

        Raises:
            SkipCase: The files are not there.
        """
        try:
            images = read(folder() / f"{part}-images-idx3-ubyte.gz", 3)
            labels = read(folder() / f"{part}-labels-idx1-ubyte.gz", 1)
        except FileNotFoundError as error:
            name = Path(error.filename).name
            raise SkipCase(f"no {name}: name the data's folder in TINYGRAD_ED_DATA") from None
        return cls(images.copy(), labels.astype(np.int64))

    def pixels(self) -> NDArray[np.float32]:
        """Every image as a row, normalised.

        Shapes: (N, 784).
        """
        flat = self.images.reshape(len(self.images), -1).astype(np.float32)
        return (flat / np.float32(255) - np.float32(self.mean)) / np.float32(self.std)
