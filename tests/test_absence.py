"""Optional packages may be missing: the core works, and each use of one names the fix in a line.

Each test runs a program in which the packages cannot be imported, as on a machine without them.
"""

import subprocess
import sys

import pytest

OPTIONAL = ("numba", "llvmlite", "cupy", "rich", "matplotlib", "hypothesis")

BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def without(packages: tuple[str, ...], program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCK.format(packages=packages) + program],
        capture_output=True,
        text=True,
    )


def refusal(packages: tuple[str, ...], use: str) -> str:
    """The message with which `use` fails; an error of another kind is an error of the test."""
    done = without(
        packages,
        f"""
import tinygrad_ed as tg
try:
    {use}
except (ImportError, tg.DeviceError) as error:
    print(error)
else:
    sys.exit("it worked")
""",
    )
    assert done.returncode == 0, done.stderr
    message = done.stdout.strip()
    assert "\n" not in message
    return message


def test_the_core_needs_numpy_alone() -> None:
    done = without(
        OPTIONAL,
        """
import tinygrad_ed as tg
W = tg.tensor([[1.0], [2.0]], requires_grad=True)
loss = tg.mse(tg.tensor([[3.0, 4.0]]) @ W, [[10.0]])
loss.backward()
print(loss.item(), W.grad.numpy().ravel().tolist())
""",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1.0 [6.0, 8.0]\n"


@pytest.mark.parametrize(
    "module", ["nn", "optim", "data", "metrics", "views", "check", "train", "documents", "cli"]
)
def test_every_part_imports_with_numpy_alone(module: str) -> None:
    done = without(OPTIONAL, f"import tinygrad_ed.{module}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_device_cpu_without_numba_names_the_fix() -> None:
    message = refusal(("numba", "llvmlite"), "tg.tensor([1.0], device='cpu')")
    assert "Numba" in message
    assert "pip install" in message
    assert "numba" in message


def test_device_cuda_without_cupy_names_the_fix() -> None:
    message = refusal(("cupy",), "tg.tensor([1.0], device='cuda')")
    assert "CuPy is not installed" in message
    assert "pip install" in message
    assert "cuda12" in message


def test_hypothesis_strategies_without_hypothesis_name_the_fix() -> None:
    message = refusal(("hypothesis",), "import tinygrad_ed.check.strategies")
    assert "hypothesis" in message
    assert "pip install 'tinygrad_ed[test]'" in message


def test_doctor_without_any_of_them_still_answers() -> None:
    done = without(OPTIONAL, "from tinygrad_ed import cli; sys.exit(cli.main(['doctor']))")
    assert (done.returncode, done.stderr) == (0, "")
    for package in ("Numba", "CuPy", "rich", "matplotlib", "hypothesis"):
        row = next(line for line in done.stdout.splitlines() if line.startswith(f"{package} "))
        assert "missing (optional)" in row


def test_training_without_any_of_them_works_on_device_numpy() -> None:
    done = without(
        OPTIONAL,
        "from tinygrad_ed import cli\n"
        "sys.exit(cli.main(['train', '--device', 'numpy', '--epochs', '1']))",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_plot_without_matplotlib_names_the_fix() -> None:
    done = without(
        ("matplotlib",),
        "from tinygrad_ed import cli\n"
        "sys.exit(cli.main(['train', '--device', 'numpy', '--epochs', '1', '--plot', 'x.png']))",
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "matplotlib" in done.stderr
    assert "pip install 'tinygrad_ed[viz]'" in done.stderr
