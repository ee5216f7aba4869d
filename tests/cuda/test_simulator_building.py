"""From a source to a library: what is missing, rejected, damaged, or cannot be written."""

from pathlib import Path

import numpy as np
import pytest
from cuda.on_sim import PRELUDE, kernel, needs_compiler, run
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.sim import building, places

pytestmark = needs_compiler


def test_a_missing_compiler_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(sim.BuildError, match=r"no C\+\+ compiler 'no-such-compiler'.*apt-get"):
        run(kernel("", "int* x"), 1, 1, np.zeros(1, np.int32))


def test_a_kernel_that_is_no_cuda_quotes_the_compiler() -> None:
    with pytest.raises(sim.BuildError, match=r"test.cu:1.*nonsense"):
        run(kernel("nonsense;", "int* x"), 1, 1, np.zeros(1, np.int32))


def test_a_folder_that_cannot_be_written_costs_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYGRAD_ED_CACHE", f"{__file__}/no-folder")
    x = np.zeros(1, np.int32)
    run(kernel("x[0] = 11;", "int* x"), 1, 1, x)
    assert x[0] == 11


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_library_is_built_again(
    damage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYGRAD_ED_CACHE", str(tmp_path))
    text = f"{PRELUDE}__global__ void damaged(int* x) {{ x[0] = 12; }}"
    place = building.build(text, ["damaged"])
    assert place.parent == tmp_path / "cuda-sim"
    whole = place.read_bytes()
    bad = {
        "cut": whole[:-100],
        "changed": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "empty": b"",
    }[damage]
    place.write_bytes(bad)
    x = np.zeros(1, np.int32)
    run(sim.SimulatedKernel(text, ["damaged"], "damaged"), 1, 1, x)
    assert x[0] == 12
    assert building._sound(place)
    assert list(place.parent.iterdir()) == [place]


def test_a_whole_library_is_not_built_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYGRAD_ED_CACHE", str(tmp_path))
    text = f"{PRELUDE}__global__ void whole(int* x) {{}}"
    before = building.build(text, ["whole"]).stat()
    monkeypatch.setattr(building, "_compile", None)
    assert building.build(text, ["whole"]).stat() == before


WRONG = "v[0]\n= 1;\nif (n) v[8] = 2;"


def test_a_report_names_the_line() -> None:
    words = r"array 0 of the launch, which has 32 bytes, at test.cu:3$"
    with pytest.raises(sim.SimulationError, match=words), sim.simulation(watched=True):
        run(kernel(WRONG, "float* v, int n"), 1, 1, np.zeros(8, np.float32), np.int32(1))


def test_a_report_does_without_a_line_if_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_tool", lambda: None)
    monkeypatch.setattr(places, "_known", {})
    words = r"array 0 of the launch, which has 32 bytes$"
    with pytest.raises(sim.SimulationError, match=words), sim.simulation(watched=True):
        run(kernel(WRONG, "float* v, int n"), 1, 1, np.zeros(8, np.float32), np.int32(1))
