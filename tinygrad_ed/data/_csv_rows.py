"""From bytes to numbered rows of cells: what can go wrong with a file before any number is read."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import IO, cast

GZIP_MAGIC = b"\x1f\x8b"


class CSVError(ValueError):
    """A CSV file that cannot be used as it is: the message says where, what and what to do."""


def numbered_rows(stream: IO[bytes], source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) for each row that is not blank.

    gzip is known by its first two bytes; a byte-order mark, CRLF and quoted cells are understood;
    blanks around a cell are dropped. The separator is a comma, a semicolon or a tab that occurs in
    line 1 outside quotes: one that gives line 2 as many cells, and among those the most frequent.
    A line number is that of the row's first line, counted from 1.

    Args:
        stream: the file's bytes.
        source: its name, for messages.

    Raises:
        CSVError: damaged gzip data, bytes that are not UTF-8, or broken quotes.
    """
    if stream.seekable():  # a pipe is not: it is read as plain text
        magic = stream.read(2)
        stream.seek(0)
        if magic == GZIP_MAGIC:
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=stream, mode="rb"))
    try:
        yield from _rows(_lines(stream, source), source)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CSVError(f"{source} is damaged gzip data ({error}): copy the file again") from None


def _lines(stream: IO[bytes], source: str) -> Iterator[str]:
    # Line by line, because a decoder that works on blocks cannot say which line is at fault.
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise CSVError(
                f"{source}, line {number}: byte 0x{byte:02x} is not UTF-8; "
                "save the file as UTF-8 text"
            ) from None
        if "\r" in text.removesuffix("\n").removesuffix("\r"):
            raise CSVError(
                f"{source}, line {number} holds a carriage return; "
                "save the file with LF or CRLF at the end of each line"
            )
        yield text


def _until_text(lines: Iterator[str]) -> Iterator[str]:
    """The blank lines, and the first that is not."""
    for line in lines:
        yield line
        if line.strip():
            return


def _separator(head: list[str]) -> str:
    """The mark between cells, by the first two lines that are not blank; a comma if there is none.

    Counting cells and not marks leaves out the marks inside quotes.
    """

    def fits(mark: str) -> tuple[bool, bool, int]:
        rows = csv.reader(head, delimiter=mark, skipinitialspace=True)
        try:
            widths = [len(cells) for cells in rows if any(cells) or len(cells) > 1]
        except csv.Error:  # a cell without end: the reader proper says in which line
            return False, False, 0
        first = widths[0] if widths else 0
        return first > 1, widths[1:2] == [first], first

    return max(",;\t", key=fits)  # the first of equals


def _rows(lines: Iterator[str], source: str) -> Iterator[tuple[int, list[str]]]:
    head = [*_until_text(lines), *_until_text(lines)]
    # strict: a quote left open is an error, not one cell that swallows the rest of the file.
    reader = csv.reader(
        chain(head, lines), delimiter=_separator(head), skipinitialspace=True, strict=True
    )
    while True:
        number = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise CSVError(
                f"{source}, line {number}: {error}; is a quote left open or doubled?"
            ) from None
        if any(cells) or len(cells) > 1:
            yield number, cells
