"""The catalogue as data: every row is there, well formed, read-only, and quotes its document."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tinygrad_ed import documents

IDS = {
    "formula": "D0-F1 D0-F2 D0-M1 D1-F1 D2-F1 D2-F2 D2-F3 D3-B1 D3-B2 D3-F1 D3-U1 "
    "D4-B1 D4-B2 D4-L1 D4-L2 D4-S1",
    "example": "D0-E1 D2-E1 D2-E2 D2-E3 D2-E4 D2-E5 D3-E1 D4-E1",
    "program": "D0-P1 D1-P1 D2-P1 D2-P2 D3-P1 D4-P1",
    "method": "M-1 M-2 M-3 M-4 M-5 M-6 M-7 M-8 M-9 M-10 M-11",
}
COMMON = {"id", "kind", "source", "quote", "statement", "verdict", "erratum"}
REQUIRED = {
    "formula": COMMON | {"latex"},
    "example": COMMON | {"inputs", "inputs_from", "printed", "true", "remarks"},
    "program": COMMON | {"network", "training", "reported", "remarks"},
    "method": COMMON,
}
OPTIONAL = {
    "formula": {"also", "mended", "mended_latex", "inputs", "inputs_from", "true", "remarks"},
    "example": set(),
    "program": {"also", "true"},
    "method": {"also", "remarks"},
}
VERDICTS = {
    "formula": {"true", "true once mended", "wrong"},
    "example": {"true", "true once mended", "wrong"},
    "program": {"true once mended", "not reachable"},
    "method": {"named only"},
}
TEXT = resources.files(documents).joinpath("catalogue.json").read_text(encoding="utf-8")
ROWS: list[dict[str, Any]] = json.loads(TEXT)["entries"]


def by_id(rows: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[row["id"] for row in rows])


class Digits(str):
    """A number of the file as it is written there; a float would forget its last digits."""


def numbers(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        part = part.values()
    elif isinstance(part, int | Digits):
        yield str(part)
        return
    elif part is None or isinstance(part, str):
        return
    for item in part:
        yield from numbers(item)


def printed_by(row: dict[str, Any]) -> list[str]:
    """The numbers that the document of this row prints, as it writes them."""
    inputs = row.get("inputs") if row.get("inputs_from") == "document" else None
    return [*numbers(inputs), *numbers(row.get("printed")), *numbers(row.get("reported"))]


@pytest.mark.parametrize("kind", IDS)
def test_every_row_of_the_catalogue_is_there_once_and_in_order(kind: documents.Kind) -> None:
    assert documents.ids(kind) == IDS[kind].split()
    assert [row.id for row in documents.entries(kind)] == IDS[kind].split()
    assert all(row.kind == kind for row in documents.entries(kind))


def test_the_file_is_sorted_by_id_with_no_id_twice() -> None:
    def natural(identifier: str) -> list[Any]:
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", identifier)]

    found = [row["id"] for row in ROWS]
    assert found == documents.ids() == sorted(set(found), key=natural)
    assert len(found) == 16 + 8 + 6 + 11


@by_id(ROWS)
def test_a_row_has_the_fields_of_its_kind(row: dict[str, Any]) -> None:
    kind = row["kind"]
    assert REQUIRED[kind] <= set(row) <= REQUIRED[kind] | OPTIONAL[kind]
    assert row["verdict"] in VERDICTS[kind]
    places = [row["source"], *row.get("also", [])]
    assert all(re.fullmatch(r"00[0-4]", place["document"]) for place in places)
    assert all(set(place) == {"document", "section"} for place in places)
    assert row["id"].startswith(("M-", "D" + row["source"]["document"][-1]))
    assert 0 < len(row["quote"]) <= 200
    assert row["statement"]


@by_id(ROWS)
def test_what_is_not_true_as_stated_has_an_erratum(row: dict[str, Any]) -> None:
    if row["verdict"] not in ("true", "named only"):
        assert row["erratum"]
    if row["kind"] == "formula":
        assert ("mended" in row) == ("mended_latex" in row) == (row["verdict"] != "true")


@by_id([row for row in ROWS if "inputs" in row])
def test_numbers_name_their_origin_and_every_printed_number_has_its_true_one(
    row: dict[str, Any],
) -> None:
    assert row["inputs_from"] in ("document", "project")
    assert row["inputs"] and row["true"]
    assert set(row.get("printed", {})) <= set(row["true"])
    assert bool(row.get("printed")) == (row["inputs_from"] == "document")


@by_id([row for row in ROWS if row["verdict"] == "wrong" and row["kind"] == "example"])
def test_an_example_is_called_wrong_because_its_numbers_differ(row: dict[str, Any]) -> None:
    assert any(row["true"][name] != value for name, value in row["printed"].items())


def test_a_true_example_prints_its_true_numbers() -> None:
    example = documents.entry("D2-E2")
    assert example.verdict == "true"
    assert all(example.true[name] == value for name, value in example.printed.items())


@by_id([row for row in ROWS if "latex" in row])
def test_latex_is_balanced(row: dict[str, Any]) -> None:
    for source in (row["latex"], row.get("mended_latex", "")):
        depth = 0
        for brace in re.findall(r"(?<!\\)[{}]", source):
            depth += 1 if brace == "{" else -1
            assert depth >= 0
        assert depth == 0
        assert source.count(r"\Bigl") == source.count(r"\Bigr")
        assert source.count(r"\bigl") == source.count(r"\bigr")


def test_every_id_that_the_catalogue_cites_is_in_it() -> None:
    cited = set(re.findall(r"\[(D\d-\w+|M-\d+)", TEXT))
    assert len(cited) > 10
    assert cited <= set(documents.ids())


@by_id(ROWS)
def test_an_entry_says_what_its_row_says(row: dict[str, Any]) -> None:
    def thawed(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {name: thawed(value) for name, value in part.items()}
        return [thawed(value) for value in part] if isinstance(part, tuple) else part

    entry = documents.entry(row["id"])
    for name in set(row) - {"source", "also"}:
        assert thawed(getattr(entry, name)) == row[name]
    for field in {field.name for field in dataclasses.fields(entry)} - set(row):
        assert not getattr(entry, field)
    assert str(entry.source) == f"{row['source']['document']} {row['source']['section']}"
    assert [dataclasses.asdict(place) for place in entry.also] == row.get("also", [])


def test_nobody_can_change_the_shared_catalogue() -> None:
    entry = documents.entry("D0-E1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.quote = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        entry.true["a2"] = 0.6  # type: ignore[index]
    with pytest.raises(TypeError):
        entry.true["repair"]["W1"][0][0] = 9.0
    documents.entries().clear()
    assert documents.entry("D0-E1") is entry
    assert len({entry, documents.entry("D0-E1"), documents.entry("D0-F1")}) == 2


def test_every_formula_and_example_has_a_test_named_by_its_id() -> None:
    def named(files: str) -> set[str]:
        found: set[str] = set()
        for path in Path(__file__).parent.glob(files):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"^def test_(D\d_[A-Z]\d)_", text, re.MULTILINE))
        return {name.replace("_", "-") for name in found}

    assert named("test_formulas*.py") == set(documents.ids("formula"))
    assert named("test_examples.py") == set(documents.ids("example"))


def test_the_file_is_read_on_first_use_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    files = resources.files

    def counted(package: str) -> Any:
        reads.append(package)
        return files(package)

    documents._catalogue.cache_clear()
    monkeypatch.setattr(resources, "files", counted)
    documents.entry("D3-B1"), documents.entries("formula"), documents.ids()
    assert reads == ["tinygrad_ed.documents"]


@pytest.mark.parametrize("wrong", ["D3-B7", "d3-b1", "[D3-B1]", "D3B1"])
def test_an_unknown_id_names_the_ids_nearest_to_it(wrong: str) -> None:
    with pytest.raises(KeyError, match=r"did you mean .*D3-B1") as error:
        documents.entry(wrong)
    assert repr(wrong) in str(error.value)


def test_an_id_near_to_none_says_where_the_list_is() -> None:
    with pytest.raises(KeyError, match=r"documents\.ids\(\)"):
        documents.entry("softmax")


def test_an_unknown_kind_names_the_kinds() -> None:
    with pytest.raises(ValueError, match="'theorem'; choose one of formula, example, program"):
        documents.entries("theorem")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def originals() -> dict[str, str]:
    """The five documents, their white space normalised, by number."""
    folder = os.environ.get("TINYGRAD_ED_DOCUMENTS")
    if not folder:
        pytest.skip("TINYGRAD_ED_DOCUMENTS does not name the folder of the five documents")
    found = {path.name[:3]: path for path in Path(folder).glob("00[0-4]_*.txt")}
    if len(found) != 5:
        pytest.skip(f"TINYGRAD_ED_DOCUMENTS={folder} holds {len(found)} of the five documents")
    return {number: " ".join(path.read_text("utf-8").split()) for number, path in found.items()}


@by_id(ROWS)
def test_a_quote_stands_in_its_document(row: dict[str, Any], originals: dict[str, str]) -> None:
    assert " ".join(row["quote"].split()) in originals[row["source"]["document"]]


@by_id([row for row in json.loads(TEXT, parse_float=Digits)["entries"] if printed_by(row)])
def test_a_printed_number_stands_in_its_document_digit_by_digit(
    row: dict[str, Any], originals: dict[str, str]
) -> None:
    text = originals[row["source"]["document"]]
    assert [number for number in printed_by(row) if number not in text] == []
