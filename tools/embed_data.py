"""Rebuild the embedded data sets from scikit-learn: ``python tools/embed_data.py [--check]``.

Writes ``tinygrad_ed/data/files/*.csv.gz``: a header line, each number in its shortest exact form,
the class of each row by name. The same scikit-learn gives the same bytes, as the gzip header holds
neither time nor name (another build of zlib may pack the same text differently).
"""

import argparse
import csv
import gzip
import io
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

FILES = Path(__file__).resolve().parent.parent / "tinygrad_ed" / "data" / "files"
LABEL_COLUMN = {"breast_cancer": "diagnosis", "digits": "digit", "iris": "species"}


def csv_text(name: str) -> str:
    """Return data set ``name`` of scikit-learn as CSV text."""
    bunch = getattr(import_module("sklearn.datasets"), f"load_{name}")()
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([*bunch.feature_names, LABEL_COLUMN[name]])
    for row, code in zip(bunch.data, bunch.target, strict=True):
        writer.writerow([*_shortest(row), bunch.target_names[code]])
    return lines.getvalue()


def packed(text: str) -> bytes:
    """Return ``text`` under gzip, with no time and no file name in its header."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(text.encode())
    return buffer.getvalue()


def _shortest(row: Iterable[Any]) -> list[str]:
    # repr is the shortest text that reads back as the same double; 16.0 needs no ".0".
    return [repr(float(value)).removesuffix(".0") for value in row]


def main() -> int:
    """Write the files, or with ``--check`` say whether they hold what scikit-learn holds."""
    parser = argparse.ArgumentParser(description="rebuild tinygrad_ed/data/files")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if they differ")
    check = parser.parse_args().check
    differing = 0
    for name in LABEL_COLUMN:
        path, text = FILES / f"{name}.csv.gz", csv_text(name)
        if not check:
            path.write_bytes(packed(text))
            print(f"{path.name}: {path.stat().st_size} bytes")
        elif not path.exists() or gzip.decompress(path.read_bytes()).decode() != text:
            print(f"{path.name} differs from scikit-learn's data", file=sys.stderr)
            differing += 1
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
