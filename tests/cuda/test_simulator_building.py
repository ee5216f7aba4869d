"""From a source to a library: what is missing, rejected, damaged, or cannot be written."""

import mmap
import threading
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


@pytest.mark.parametrize("ending", [".so", ".o"])
@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_what_was_damaged_is_built_again(
    damage: str, ending: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYGRAD_ED_CACHE", str(tmp_path))
    text = f"{PRELUDE}__global__ void damaged(int* x) {{ x[0] = 12; }}"
    library = building.build(text, ["damaged"])
    assert library.parent == tmp_path / "cuda-sim"
    (place,) = library.parent.glob(f"*{ending}")
    whole = place.read_bytes()
    bad = {
        "cut": whole[:-100],
        "changed": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "empty": b"",
    }[damage]
    place.write_bytes(bad)
    if ending == ".o":  # which nobody looks at before another library is linked
        library.unlink()
    x = np.zeros(1, np.int32)
    run(sim.SimulatedKernel(text, ["damaged"], "damaged"), 1, 1, x)
    assert x[0] == 12
    assert {path.suffix: building._sound(path) for path in library.parent.iterdir()} == {
        ".so": True,
        ".o": True,
    }


def test_the_runtime_is_compiled_once_for_each_way_to_watch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYGRAD_ED_CACHE", str(tmp_path))
    for watched, made in ((False, 1), (True, 2)):
        for k in range(2):
            text = f"{PRELUDE}__global__ void other(int* x) {{ x[0] = {k}; }}"
            building.build(text, ["other"], watched=watched)
        assert len(list((tmp_path / "cuda-sim").glob("*.o"))) == made


def test_a_whole_library_is_not_built_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYGRAD_ED_CACHE", str(tmp_path))
    text = f"{PRELUDE}__global__ void whole(int* x) {{}}"
    before = building.build(text, ["whole"]).stat()
    monkeypatch.setattr(building, "_compile", None)
    assert building.build(text, ["whole"]).stat() == before


def test_shared_memory_of_a_library_is_its_own() -> None:
    """The kernels take turns on the same fibers; each finds what nobody has written yet."""
    text = "__shared__ float s[{n}];\nx[threadIdx.x] = s[threadIdx.x];\ns[threadIdx.x] = 1;"
    simulated = [kernel(text.format(n=n), "float* x") for n in (32, 999)]
    for k in (0, 1, 1, 0):
        x = np.zeros(32, np.float32)
        run(simulated[k], 1, 32, x)
        assert np.all(np.isnan(x))


def test_a_thread_that_has_ended_keeps_no_memory() -> None:
    simulated = kernel("x[0] = 13;", "int* x")

    def reserved() -> int:
        """How many pages this process has addresses for."""
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])

    def launch() -> None:
        run(simulated, 1, 1, np.zeros(1, np.int32))

    launch()
    before = reserved()
    for _ in range(32):
        thread = threading.Thread(target=launch)
        thread.start()
        thread.join()
    stacks = 1024 * (64 << 10) // mmap.PAGESIZE  # of one thread's fibers
    assert reserved() - before < 8 * stacks  # the rest is what C's library keeps for a next thread


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
