"""How kernels are compiled, kept, found again and called."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tinygrad_ed.kernels.cpu import cache, launching, loaded, loading

KERNELS = Path(loaded.__file__).parent


def gather_arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.zeros((3, 4), np.float32),
        np.arange(40, dtype=np.float32).reshape(10, 4),
        np.array([9, 0, 5]),
    )


def test_a_kernel_runs_on_arrays_and_numbers() -> None:
    batch, data, order = gather_arrays()
    assert loaded.get("gather", "float32").launch(batch, data, order, 0, 3) is True
    np.testing.assert_array_equal(batch, data[order])


class Subclass(np.ndarray):
    pass


REFUSED = {
    "too few operands": lambda b, d, o: (b, d, o, 0),
    "too many": lambda b, d, o: (b, d, o, 0, 3, 0),
    "another number type": lambda b, d, o: (b.astype("float64"), d, o, 0, 3),
    "labels that are not int64": lambda b, d, o: (b, d, o.astype("int32"), 0, 3),
    "not in C order": lambda b, d, o: (b, np.asfortranarray(d), o, 0, 3),
    "every other row": lambda b, d, o: (b, d[::2], o, 0, 3),
    "the other byte order": lambda b, d, o: (b.astype(">f4"), d, o, 0, 3),
    "a subclass": lambda b, d, o: (b.view(Subclass), d, o, 0, 3),
    "a list": lambda b, d, o: (b.tolist(), d, o, 0, 3),
    "not aligned": lambda b, d, o: (np.zeros(49, "u1")[1:].view("f4").reshape(3, 4), d, o, 0, 3),
}


@pytest.mark.parametrize("operands", REFUSED.values(), ids=REFUSED)
def test_what_a_kernel_is_not_made_for_is_refused_and_left_alone(operands: object) -> None:
    given = operands(*gather_arrays())  # type: ignore[operator]
    before = [np.array(g) for g in given]
    assert loaded.get("gather", "float32").launch(*given) is False
    for array, was in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, was)


@pytest.mark.parametrize("number, error", [("3", TypeError), (2.5, TypeError), (-1, None)])
def test_an_operand_that_is_no_number_is_an_error(number: object, error: type | None) -> None:
    batch, data, order = gather_arrays()
    kernel = loaded.get("gather", "float32").launch
    if error is None:
        assert kernel(batch, data[:0], order[:0], number, 0) is True  # -1 is also how C says it
        return
    with pytest.raises(error):
        kernel(batch, data, order, number, 3)
    assert not batch.any()
    with pytest.raises(TypeError):
        loaded.get("dropout", "float32").launch(data, data, "half", 1, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_views_of_any_strides_are_copied_in_order(dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((37, 41)).astype(dtype)
    views = [x.T, x[::-2, ::3], x[:, ::-1], x[:0], x[:, :1], x[5:6].T]
    views += [np.broadcast_to(x[0], (9, 41)), np.broadcast_to(x[:, :1], (37, 50))]
    for view in views:
        copy = np.full(view.shape, 77, dtype)
        assert loaded.get("ordered", dtype).launch(copy, view)
        np.testing.assert_array_equal(copy, view)


def test_shapes_that_do_not_fit_are_refused() -> None:
    product = loaded.get("product", "float32").launch
    A, B, C, b = (np.ones(s, np.float32) for s in ((2, 3), (3, 4), (2, 4), 4))
    assert product(A, B, C, b, 0, None, 0)
    assert product(A, B, C, None, 0, None, 0)
    assert not product(A, B.T, C, b, 0, None, 0)
    assert not product(A, B, C.T, b, 0, None, 0)
    assert not product(A, B, C, b[:3], 0, None, 0)
    assert not product(A, B, C, np.ones((1, 4), np.float32), 0, None, 0), "a bias has one axis"


def test_calls_neither_keep_nor_lose_references() -> None:
    batch, data, order = gather_arrays()
    launch = loaded.get("gather", "float32").launch
    objects = (batch, data, order, True, False, None)
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(5000):
        launch(batch, data, order, 0, 3)
        launch(batch, data, order)
    after = [sys.getrefcount(o) for o in objects]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 100


def test_arrays_are_laid_out_as_the_launcher_expects() -> None:
    launching.check_layout()


def test_a_layout_that_is_not_known_is_an_error_that_names_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launching, "NDIM", launching.NDIM + 8)
    with pytest.raises(ImportError, match="use device 'numpy'"):
        launching.check_layout()


def in_a_process(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TINYGRAD_ED_CACHE": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


GATHER = """
    import sys
    import numpy as np
    from tinygrad_ed.kernels.cpu import loaded
    batch, data = np.zeros((3, 4), np.float32), np.arange(40, dtype=np.float32).reshape(10, 4)
    order = np.array([9, 0, 5])
    assert loaded.get("gather", "float32").launch(batch, data, order, 0, 3)
    assert (batch == data[order]).all()
    print("compiled" if "numba" in sys.modules else "loaded")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits_until_another_thread_has_made_its_kernel() -> None:
    held, half_way = threading.Event(), []

    def make() -> None:
        with loaded._lock, loading._lock:
            half_way.append(True)
            held.set()
            time.sleep(0.3)
            half_way.clear()

    thread = threading.Thread(target=make)
    thread.start()
    assert held.wait(60)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        with loaded._lock, loading._lock:
            os._exit(len(half_way))
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with loaded._lock, loading._lock:
        pass


def kernel_file(folder: Path) -> Path:
    return next(folder.glob("*/gather-float32.kernel"))


def test_a_kernel_is_compiled_once_and_then_loaded_without_numba(tmp_path: Path) -> None:
    assert in_a_process(GATHER, tmp_path).stdout == "compiled\n"
    assert in_a_process(GATHER, tmp_path).stdout == "loaded\n"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of compiled kernels, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    in_a_process(GATHER, folder)
    return folder


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "no text"])
def test_a_damaged_file_is_made_again(filled: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    file = kernel_file(tmp_path)
    good = file.read_bytes()
    bad = {
        "empty": b"",
        "cut": good[: len(good) // 2],
        "changed": good[:-20] + b"\0" * 20,
        "no text": os.urandom(len(good)),
    }[damage]
    file.write_bytes(bad)
    done = in_a_process(GATHER, tmp_path)
    assert (done.stdout, done.returncode) == ("compiled\n", 0), done.stderr
    assert in_a_process(GATHER, tmp_path).stdout == "loaded\n"


def test_a_folder_that_cannot_be_written_is_survived(tmp_path: Path) -> None:
    blocked = tmp_path / "a file where the folder should be"
    blocked.write_text("")
    done = in_a_process(GATHER, blocked)
    assert (done.stdout, done.returncode) == ("compiled\n", 0), done.stderr
    read_only = tmp_path / "read-only"
    read_only.mkdir()
    read_only.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        done = in_a_process(GATHER, read_only)
        assert (done.stdout, done.returncode) == ("compiled\n", 0), done.stderr
    finally:
        read_only.chmod(stat.S_IRWXU)


def test_two_processes_share_the_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "TINYGRAD_ED_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", textwrap.dedent(GATHER)]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [p.communicate(timeout=300)[0] for p in both] == ["compiled\n"] * 2
    assert in_a_process(GATHER, tmp_path).stdout == "loaded\n"
    assert [f.name for f in tmp_path.rglob(".*")] == [], "no temporary file is left"


def test_a_killed_process_leaves_nothing_that_is_taken_for_a_kernel(tmp_path: Path) -> None:
    killed = """
        import os
        from tinygrad_ed.kernels.cpu import cache, loaded
        real, os.replace = os.replace, lambda *a: os._exit(9)
        loaded.get("gather", "float32")
    """
    assert in_a_process(killed, tmp_path).returncode == 9
    assert list(tmp_path.glob("*/*.kernel")) == []
    assert in_a_process(GATHER, tmp_path).stdout == "compiled\n"


def test_an_edited_kernel_never_runs_from_the_cache(tmp_path: Path) -> None:
    """Also when the edit is in a file that the kernel's own file only imports."""
    copy = tmp_path / "copied"
    ignored = shutil.ignore_patterns("__pycache__", "cuda", "sim")
    shutil.copytree(KERNELS.parent, copy / "edited", ignore=ignored)
    run = f"""
        import sys
        import numpy as np
        sys.path.insert(0, {str(copy)!r})
        from edited.cpu import loaded
        dz, one = np.zeros(3, np.float32), np.full(3, 0.5, np.float32)
        assert loaded.get("slope", "float32").launch(dz, one, one, 2)
        print(dz[0], "compiled" if "numba" in sys.modules else "loaded")
    """
    folder = tmp_path / "cache"
    assert in_a_process(run, folder).stdout == "0.125 compiled\n"
    assert in_a_process(run, folder).stdout == "0.125 loaded\n"
    file = copy / "edited" / "cpu" / "slopes.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("y[i] * (one - y[i])", "y[i] * (one + y[i])"), encoding="utf-8")
    assert in_a_process(run, folder).stdout == "0.375 compiled\n"
    operands = copy / "edited" / "operands.py"
    operands.write_text(operands.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    assert in_a_process(run, folder).stdout == "0.375 compiled\n"


def test_the_folder_is_named_by_everything_that_the_code_depends_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = cache.digest()
    monkeypatch.setattr(cache, "processor", lambda: ("another", ""))
    assert cache.digest() != here
    monkeypatch.undo()
    monkeypatch.setattr(cache, "_versions", lambda: "other versions")
    assert cache.digest() != here
    monkeypatch.undo()
    monkeypatch.setattr(cache, "vector_bytes", lambda: 8)
    assert cache.digest() != here
