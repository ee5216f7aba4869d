"""Three real data sets that travel inside the package: no download, no account, cited in NOTICE.

The files are CSV under gzip, with a header line and the class of each row by name, so that any
spreadsheet reads them. ``tools/embed_data.py`` rebuilds them from scikit-learn.
"""

from importlib.resources import files

from tinygrad_ed.data.dataset import Dataset
from tinygrad_ed.data.reader import parse_csv


def breast_cancer() -> Dataset:
    """Breast Cancer Wisconsin (Diagnostic): is a tumour benign, from 30 measures of cell nuclei.

    Ten measures (radius, texture, …) of the nuclei in one image, each as mean, standard error and
    "worst" (mean of the three largest).

    The positive class is **benign**: 0 is malignant (212 rows), 1 is benign (357 rows), the
    coding of scikit-learn. So recall here is the share of *benign* tumours that were found; to
    score the finding of cancers, take class 0 as the positive one.

    Shapes:
        X (569, 30), y (569,).

    Source:
        Wolberg, Mangasarian, Street, Street (1995), doi 10.24432/C5DW2B, CC BY 4.0.
    """
    return _load("breast_cancer", ("malignant", "benign"))


def digits() -> Dataset:
    """Handwritten digits as images of 8x8 pixels, each the count 0..16 of ink dots in a 4x4 block.

    ``X[i].reshape(8, 8)`` is image i. This is the test part (other writers) of the original set.

    Shapes:
        X (1797, 64), y (1797,) with ten classes.

    Source:
        Alpaydin, Kaynak (1998), doi 10.24432/C50P49, CC BY 4.0.
    """
    return _load("digits", tuple("0123456789"))


def iris() -> Dataset:
    """Fisher's irises: the species from four lengths in cm, 50 flowers of each of three species.

    Shapes:
        X (150, 4), y (150,) with three classes.

    Source:
        Fisher (1936), doi 10.24432/C56C76, CC BY 4.0; the two rows that differ between Fisher's
        paper and the repository's copy are as in the paper.
    """
    return _load("iris", ("setosa", "versicolor", "virginica"))


def _load(name: str, classes: tuple[str, ...]) -> Dataset:
    # `classes` gives the codes: sorted by name, benign would come before malignant.
    resource = files("tinygrad_ed.data").joinpath("files", f"{name}.csv.gz")
    with resource.open("rb") as stream:
        return parse_csv(stream, source=f"{name}.csv.gz", name=name, classes=classes)
