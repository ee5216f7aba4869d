"""Numbers that Python and the `.cu` files both need are the same in both."""

import re

import pytest
from tinygrad_ed.kernels.cuda import any_grid, launches, library
from tinygrad_ed.kernels.cuda.sources import HERE


def constant(file: str, name: str) -> int:
    """What a file says `constexpr … name = number` is."""
    text = (HERE / file).read_text(encoding="utf-8")
    found = re.search(rf"constexpr [^;]*\b{name} = (\d+)", text)
    assert found, f"{file} has no {name}"
    return int(found[1])


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("reduce.cuh", "WARP"),
        ("reduce.cuh", "SEATS"),
        ("reduce.cuh", "PART"),
        ("rows.cuh", "SHORT"),
    ],
)
def test_how_sums_are_divided(file: str, name: str) -> None:
    assert getattr(launches, name) == constant(file, name)


def test_the_tile_of_the_product_for_any_grid() -> None:
    assert (constant("any_grid.cu", "DOWN"), constant("any_grid.cu", "ACROSS")) == any_grid.TILE


def test_the_length_of_scratch_memory() -> None:
    text = (HERE / "operands.cuh").read_text(encoding="utf-8")
    struct = text[text.index("struct Scratch") : text.index("typedef Scratch* Work;")]
    numbers = re.findall(r"^  (?:long long|double) \w+(?:\[(\d+)\])?;", struct, re.MULTILINE)
    assert sum(int(length or 1) for length in numbers) == library.SCRATCH
    assert max(int(length or 1) for length in numbers) == launches.ROOM
