"""Data: real sets in the package, points from a formula, and what lies between them and a loss.

In reading order:

- ``dataset``     ``Dataset``: X, y and the names that give the numbers a meaning.
- ``embedded``    ``breast_cancer``, ``digits``, ``iris``: real, cited in NOTICE, no download.
- ``reader``      ``read_csv``: your own table; every refusal names the line and the column.
- ``generators``  ``xor``, ``moons``, ``circles``, ``spirals``: points in the plane, to be drawn.
- ``split``       ``stratified_split``: train and test with the same share of each class.
- ``scaling``     ``Standardise``: mean 0, deviation 1, measured on the training part alone.
- ``loader``      ``batches``: mini-batches in an order that the seed fixes.

Nothing here knows of tensors: arrays come in and arrays go out.
"""

from tinygrad_ed.data.dataset import Dataset
from tinygrad_ed.data.embedded import breast_cancer, digits, iris
from tinygrad_ed.data.generators import circles, moons, spirals, xor
from tinygrad_ed.data.loader import Batches, batches
from tinygrad_ed.data.reader import CSVError, read_csv
from tinygrad_ed.data.scaling import Standardise
from tinygrad_ed.data.split import stratified_split

__all__ = [
    "Batches",
    "CSVError",
    "Dataset",
    "Standardise",
    "batches",
    "breast_cancer",
    "circles",
    "digits",
    "iris",
    "moons",
    "read_csv",
    "spirals",
    "stratified_split",
    "xor",
]
