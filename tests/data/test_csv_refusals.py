"""A CSV file that cannot be used is refused with its line and column; nothing is guessed."""

import gzip
import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import CSVError, Dataset, read_csv
from tinygrad_ed.data.reader import parse_csv

GOOD = "size,rooms,sold\n50,2,no\n80,3,yes\n120,4,yes\n"


def parse(content: str | bytes, **options: object) -> Dataset:
    data = content if isinstance(content, bytes) else content.encode()
    return parse_csv(io.BytesIO(data), source="f.csv", name="f", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\n1,2,0\n3,x,1\n", "line 3, column 2 ('b'): 'x' is text in a feature column"),
        ("1,2,0\n3,x,1\n", "line 2, column 2: 'x' is text in a feature column"),
        ("1,x,0\n3,4,1\n", "line 1, column 2: 'x' is text in a feature column; a header line must"),
        ("a,b,c\n1,1_000,0\n", "line 2, column 2 ('b'): '1_000' is text"),
        ("a,b,c\n1,٣,0\n", "line 2, column 2 ('b'): '٣' is text"),
        ("a,b,c\n1,0x10,0\n", "'0x10' is text"),
        ("a,b,c\n1,2,0\n3,nan,1\n", "line 3, column 2 ('b'): 'nan' is not a finite number"),
        ("a,b,c\n-inf,2,0\n", "line 2, column 1 ('a'): '-inf' is not a finite number"),
        ("a,b,c\n1e999,2,0\n", "line 2, column 1 ('a'): '1e999' is not a finite number"),
        ("a,b,c\n1,2,0\n3,,1\n", "line 3, column 2 ('b') is empty"),
        (",,\n1,2,0\n", "line 1, column 1 is empty"),
        ("a,b,c\n1,2,0\n3,1\n", "line 3 has 2 cells, line 1 has 3"),
        ("a,b,c\n1,2,0\n\n3,1,0,\n", "line 4 has 4 cells, line 1 has 3"),
        ('a,b,c\n1,"2\n",0\n3,x,1\n', "line 4, column 2 ('b'): 'x' is text"),
        ("a,b,c\r\n1,2,0\r\n3,x,1\r\n", "line 3, column 2 ('b'): 'x' is text"),
        (GOOD.replace("\n", "\r"), "line 1 holds a carriage return"),
        ("", "f.csv is empty"),
        ("\n \n", "f.csv is empty"),
        ("a,b,c\n", "a header line but no rows"),
        ("a\n1\n", "line 1 has one column"),
        ("1 2 0\n3 4 1\n", "line 1 has one column"),
        ("a,b\n1,0\n2,0\n", "every row has the label '0'"),
        ("a,b\n1,\n", "line 2, column 2 ('b') is empty: every row needs a label"),
        ("a,b\n1,0\n2,NaN\n", "line 3, column 2 ('b'): the label is 'NaN'"),
        ("a,b\n1,0\n2,0.37\n", "line 3, column 2 ('b'): the label '0.37' is a fraction"),
        (
            "a,b\n1,0\n2,1\n3,no\n",
            "line 4, column 2 ('b'): the label 'no' is text, but '0' in line",
        ),
        ("0,1,y\n1,2,0\n3,4,1\n", "line 2, column 3: the label '0' is a number, but 'y' in line 1"),
        ('a,b\n1,0\n2,"1\n', "line 3: unexpected end of data; is a quote left open"),
        ('a,b\n1,0\n"2"3,1\n', "line 3:"),
        ("a,b\n1,0\n2,1\n3,\0\n", "line 4"),
        ("9,2,no,yes\n1,2,0\n3,4,1\n", "line 1 promises 9 rows of 2 features: there are 2 of 2"),
        ("2,5,no,yes\n1,2,0\n3,4,1\n", "line 1 promises 2 rows of 5 features: there are 2 of 2"),
        ("2,2,no,yes\n", "line 1 promises 2 rows: there are none"),
        ("2,2,no,yes\n1,2,0\n3,4,2\n", "line 3, column 3: the label '2' is"),
    ],
)
def test_a_bad_file_is_refused_with_file_line_and_column(content: str, message: str) -> None:
    with pytest.raises(CSVError) as caught:
        parse(content)
    assert message in str(caught.value)
    assert str(caught.value).startswith("f.csv")
    assert "\n" not in str(caught.value)


def test_columns_are_counted_in_the_file_also_right_of_the_label() -> None:
    with pytest.raises(CSVError, match=r"line 2, column 3 \('c'\): 'x' is text"):
        parse("a,b,c\n1,0,x\n", label="b")
    with pytest.raises(CSVError, match=r"line 2, column 1 \('a'\): 'x' is text"):
        parse("a,b,c\nx,0,1\n", label="b")


def test_bytes_that_are_not_utf_8_are_refused_with_their_line() -> None:
    with pytest.raises(CSVError, match=r"f\.csv, line 3: byte 0xe9 is not UTF-8"):
        parse(b"a,b\n1,ok\n2," + "né".encode("latin-1") + b"\n")
    with pytest.raises(CSVError, match="line 1: byte 0xff is not UTF-8"):
        parse(GOOD.encode("utf-16"))


def test_damaged_gzip_data_are_refused() -> None:
    packed = gzip.compress(GOOD.encode())
    for damaged in (packed[:-12], packed[:-8] + bytes(8), packed[:10] + b"\xff" * 20):
        with pytest.raises(CSVError, match=r"f\.csv is damaged gzip data"):
            parse(damaged)


@pytest.mark.parametrize("label", ["price", 3, -4])
def test_an_unknown_label_column_lists_the_columns(label: str | int) -> None:
    with pytest.raises(CSVError, match=r"no column .*'size', 'rooms', 'sold'"):
        parse(GOOD, label=label)


def test_a_label_name_without_a_header_says_that_line_one_holds_numbers() -> None:
    with pytest.raises(CSVError, match=r"no column named 'sold'.*line 1 is no header"):
        parse("50,2,0\n80,3,1\n", label="sold")


def test_a_label_name_that_two_columns_share_is_refused() -> None:
    with pytest.raises(CSVError, match="more than one column named 'a'"):
        parse("a,a,b\n1,2,3\n", label="a")


def test_a_label_outside_the_given_classes_is_refused_with_its_line() -> None:
    with pytest.raises(CSVError, match=r"line 3, column 3 \('sold'\): the label 'yes' is none of"):
        parse(GOOD, classes=("no", "maybe"))
    with pytest.raises(ValueError, match="at least two different classes"):
        parse(GOOD, classes=("no", "no"))


def test_a_long_cell_is_shortened_in_the_message() -> None:
    with pytest.raises(CSVError) as caught:
        parse(f"a,b\n{'x' * 100_000},0\n")
    assert len(str(caught.value)) < 200


def test_a_missing_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_csv(tmp_path / "none.csv")
    assert str(caught.value) == f"no such file: {tmp_path / 'none.csv'}"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_csv(tmp_path)


def test_no_memory_is_taken_for_rows_that_a_header_only_promises() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CSVError, match="promises 999999999999 rows"):
            parse("999999999999,999999999,no,yes\n1,0\n2,1\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


characters = st.text(',;\t\n\r"0123456789.-+einfa_ \x00é\ufeff\u2028\ud7ff', max_size=60)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=60), characters.map(str.encode)))
@example(b"1," + b"0" * 5000 + b"\n1,1\n")
@example(b"1," + b"1" * 5000 + b"\n1,1\n")
@example(b"9" * 5000 + b",1,no,yes\n1,0\n")
@example(b"\x1f\x8b")
@example(b"1,\x80")
@example(gzip.compress(b"a,b\n1,0\n2,1")[:20])
def test_any_bytes_give_a_data_set_or_a_csv_error(content: bytes) -> None:
    try:
        data = parse(content)
    except CSVError as error:
        assert "f.csv" in str(error)
    else:
        assert np.isfinite(data.X).all()
        assert len(data) >= 2 or len(set(data.y.tolist())) == len(data)
