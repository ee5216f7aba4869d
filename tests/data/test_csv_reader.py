"""What a CSV file says is read exactly, in each of the usual spellings."""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import Dataset, read_csv
from tinygrad_ed.data.reader import parse_csv

Writer = Callable[..., Path]
GOOD = "size,rooms,sold\n50,2,no\n80,3,yes\n120,4,yes\n"


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    def to_file(content: str | bytes, name: str = "houses.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def parse(content: str | bytes, **options: object) -> Dataset:
    data = content if isinstance(content, bytes) else content.encode()
    return parse_csv(io.BytesIO(data), source="f.csv", name="f", **options)  # type: ignore[arg-type]


def same(a: Dataset, b: Dataset) -> bool:
    return (
        np.array_equal(a.X, b.X)
        and np.array_equal(a.y, b.y)
        and (a.feature_names, a.class_names) == (b.feature_names, b.class_names)
    )


def test_header_rows_and_text_labels(write: Writer) -> None:
    data = read_csv(write(GOOD))
    assert data.X.tolist() == [[50, 2], [80, 3], [120, 4]]
    assert data.y.tolist() == [0, 1, 1]
    assert data.feature_names == ("size", "rooms")
    assert data.class_names == ("no", "yes")
    assert data.positive == "yes"
    assert data.name == "houses"


def test_without_a_header_every_row_is_data_and_columns_have_numbers() -> None:
    data = parse("50,2,0\n80,3,1\n")
    assert data.X.tolist() == [[50, 2], [80, 3]]
    assert data.feature_names == ("column 1", "column 2")


def test_text_labels_alone_do_not_make_line_one_a_header() -> None:
    assert len(parse("50,2,no\n80,3,yes\n")) == 2


@pytest.mark.parametrize("label", ["rooms", 1, -2])
def test_the_label_column_is_chosen_by_name_or_index(label: str | int) -> None:
    data = parse("size,rooms,floor\n50,2,7\n80,3,9\n", label=label)
    assert data.X.tolist() == [[50, 7], [80, 9]]
    assert data.feature_names == ("size", "floor")
    assert data.class_names == ("2", "3")


def test_a_label_that_line_one_names_makes_it_a_header_even_with_numbers_in_it() -> None:
    data = parse("0,1,target\n5,6,0\n7,8,1\n", label="target")
    assert data.feature_names == ("0", "1")
    assert len(data) == 2


def test_columns_without_a_header_can_be_named_by_number() -> None:
    assert parse("1,50\n0,80\n", label="column 1").X.tolist() == [[50], [80]]


def test_numeric_classes_are_sorted_by_size_and_text_classes_by_letters() -> None:
    assert parse("1,10\n1,9\n1,-1\n").class_names == ("-1", "9", "10")
    assert parse("1,b\n1,a\n1,B\n").class_names == ("B", "a", "b")


def test_one_number_written_in_several_ways_is_one_class() -> None:
    data = parse("1,0\n1,1\n1,1.0\n1,+1\n1,1e0\n1,-0\n")
    assert data.class_names == ("0", "1")
    assert data.y.tolist() == [0, 1, 1, 1, 1, 0]


def test_classes_that_a_float_cannot_tell_apart_stay_apart() -> None:
    data = parse("1,9007199254740992\n1,9007199254740993\n")
    assert data.class_names == ("9007199254740992", "9007199254740993")


def test_classes_given_by_the_caller_fix_the_codes_and_the_positive_class() -> None:
    data = parse(GOOD, classes=("yes", "no"))
    assert data.y.tolist() == [1, 0, 0]
    assert data.positive == "no"
    assert parse("1,1\n1,1.0\n", classes=("0", "1")).y.tolist() == [1, 1]


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD + "\n\n  \n",
        GOOD.replace("80", "\n80"),
        "\ufeff" + GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace(",", " , "),
        '"size","rooms","sold"\n"50","2","no"\n80, "3","yes"\n120,4,yes\n',
        gzip.compress(GOOD.encode()),
        gzip.compress(("\ufeff" + GOOD).encode()),
    ],
    ids=[
        "crlf",
        "no-last-newline",
        "blank-tail",
        "blank-inside",
        "bom",
        "semicolon",
        "tab",
        "blanks",
        "quoted",
        "gzip",
        "gzip-bom",
    ],
)
def test_other_spellings_of_the_same_table_read_the_same(content: str | bytes) -> None:
    assert same(parse(content), parse(GOOD))


def test_quoted_cells_may_hold_separators_and_line_ends() -> None:
    data = parse('"a, in m","b\nin s",c\n1,2,"x, y"\n3,4,z\n')
    assert data.feature_names == ("a, in m", "b\nin s")
    assert data.class_names == ("x, y", "z")


@pytest.mark.parametrize(
    ("content", "features"),
    [
        ('"a,b";c;y\n1;2;0\n3;4;1', ("a,b", "c")),  # a comma in quotes separates nothing
        ("a;b,c;y\n1;2;0\n3;4;1", ("a", "b,c")),  # line 2 has no comma
        ("a,b;c,y\n1,2,0\n3,4,1", ("a", "b;c")),
        ('"a ""x"", in m"\tb;c\ty\n1\t2\t0\n3\t4\t1', ('a "x", in m', "b;c")),
        ("\n \na;b,c;y\n\n1;2;0\n3;4;1", ("a", "b,c")),
        ('"a, in m";"b\nin s";y\n1;2;0\n3;4;1', ("a, in m", "b\nin s")),
    ],
)
def test_the_separator_is_the_mark_that_makes_a_table(
    content: str, features: tuple[str, ...]
) -> None:
    data = parse(content)
    assert data.feature_names == features
    assert data.X.tolist() == [[1, 2], [3, 4]]
    assert data.y.tolist() == [0, 1]


def test_a_gzip_file_is_known_by_content_not_by_name(write: Writer) -> None:
    packed = gzip.compress(GOOD.encode())
    assert same(read_csv(write(packed, "a.csv.gz")), read_csv(write(packed, "b.csv")))
    assert same(read_csv(write(GOOD, "c.csv.gz")), parse(GOOD))
    assert read_csv(write(packed, "a.csv.gz")).name == "a"


def test_sklearns_own_files_state_counts_and_classes_in_line_one() -> None:
    data = parse("3,2,malignant,benign\n1,2,0\n3,4,1\n5,6,1\n")
    assert data.class_names == ("malignant", "benign")
    assert data.y.tolist() == [0, 1, 1]
    assert data.feature_names == ("column 1", "column 2")
    flipped = parse("2,1,malignant,benign\n1,0\n3,1\n", classes=("benign", "malignant"))
    assert flipped.y.tolist() == [1, 0]


names = st.text("abcdefgh _-éλ", min_size=1, max_size=8).filter(lambda s: s.strip() == s)


@settings(deadline=None)
@given(st.data())
def test_reading_back_a_written_table_is_exact(draw: st.DataObject) -> None:
    n, d = draw.draw(st.integers(2, 6)), draw.draw(st.integers(1, 4))
    number = st.floats(allow_nan=False, allow_infinity=False)
    X = draw.draw(st.lists(st.lists(number, min_size=d, max_size=d), min_size=n, max_size=n))
    classes = draw.draw(st.lists(names, min_size=2, max_size=n, unique=True))
    rest = draw.draw(st.lists(st.sampled_from(classes), min_size=n, max_size=n))
    labels = (classes + rest)[:n]
    columns = draw.draw(st.lists(names, min_size=d + 1, max_size=d + 1, unique=True))
    at = draw.draw(st.integers(0, d))
    lines = [columns] + [
        [*map(repr, row[:at]), label, *map(repr, row[at:])]
        for row, label in zip(X, labels, strict=True)
    ]
    data = parse("\n".join(",".join(line) for line in lines), label=columns[at])
    assert data.X.tobytes() == np.array(X).tobytes()  # bits, so that -0.0 counts
    assert data.class_names == tuple(sorted(classes))
    assert [data.class_names[code] for code in data.y] == labels
    assert data.feature_names == tuple(columns[:at] + columns[at + 1 :])


def test_a_pipe_is_read_though_it_cannot_be_rewound() -> None:
    reading, writing = os.pipe()
    os.write(writing, GOOD.encode())
    os.close(writing)
    with open(reading, "rb") as stream:
        assert same(parse_csv(stream, source="pipe", name="pipe"), parse(GOOD))


@pytest.mark.parametrize(
    ("file", "shape", "counts"),
    [
        ("data_banknote_authentication.txt", (1372, 4), {"0": 762, "1": 610}),
        ("pima-indians-diabetes.data.csv", (768, 8), {"0": 500, "1": 268}),
        ("breast_cancer.csv", (569, 30), {"malignant": 212, "benign": 357}),
        ("iris.csv", (150, 4), {"setosa": 50, "versicolor": 50, "virginica": 50}),
    ],
)
def test_real_files_read_with_their_published_counts(
    shared_data: Callable[[str], Path],
    file: str,
    shape: tuple[int, int],
    counts: dict[str, int],
) -> None:
    data = read_csv(shared_data(f"tabular/{file}"))
    assert data.X.shape == shape
    assert data.class_counts == counts
