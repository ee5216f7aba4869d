"""The project as a whole: packages, import direction, what an import loads, and house rules."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("tinygrad_ed", "kernels", "examples", "benchmarks", "docs", "tests", "tools", ".ci")
TEXT = {".py", ".md", ".toml", ".json", ".sh", ".cu", ".cuh", ".yml", ".txt", ".cfg", ""}

# Longer than a file should be, with the reason; a file that has shrunk must leave the list.
LONG_FILES: dict[str, str] = {}

CORE = {"errors", "ops", "backends", "recording", "tape", "tensor"}
PARTS = {"nn", "optim", "metrics", "data"}
PLAIN = {"metrics", "data"}
MAY_IMPORT = {
    "errors": set(),
    "ops": {"errors"},
    "kernels": set(),
    "backends": {"ops", "kernels", "errors"},
    "recording": set(),
    "tape": {"ops", "backends", "recording", "errors"},
    "tensor": {"ops", "backends", "recording", "tape", "errors"},
    "documents": set(),
    **{part: CORE for part in PARTS - PLAIN},
    **{part: set() for part in PLAIN},  # they know arrays only
    "machine": {"kernels"},
    "views": CORE | {"documents", "machine"},
    "check": CORE | {"optim"},
    "derivation": CORE | {"views", "optim", "drawing"},
    "drawing": CORE | {"nn", "views"},
    "exercises": CORE | {"check", "optim"},
    "numerics": CORE | {"check"},
    "captured": CORE | {"kernels"},
    "exits": {"errors"},
    "train": CORE | PARTS | {"captured", "exits"},
    "doctor": CORE | {"package"},
    "cli": CORE
    | PARTS
    | {
        "derivation",
        "exercises",
        "drawing",
        "views",
        "check",
        "train",
        "documents",
        "doctor",
        "exits",
        "package",
        "kernels",
        "machine",
    },
}
"""Area -> the areas it may import besides itself; the package's own `__init__` may import all."""

AREA_OF_MODULE = {
    "apply": "tensor",
    "arithmetic": "tensor",
    "creation": "tensor",
    "display": "tensor",
    "gradients": "tensor",
    "protocols": "tensor",
    "storage": "tensor",
    "doctor_cuda": "doctor",
    "doctor_probes": "doctor",
    "cli_asm": "cli",
    "cli_bench": "cli",
    "cli_exercise": "cli",
    "cli_explain": "cli",
    "cli_xray": "cli",
    "cli_xray_operands": "cli",
}


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def text_files() -> Iterator[Path]:
    beside = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for path in [*beside, *(p for f in FOLDERS for p in (ROOT / f).rglob("*"))]:
        if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
            yield path


def module_name(path: Path) -> list[str]:
    """kernels/cpu/linear.py -> tinygrad_ed, kernels, cpu, linear; an `__init__` keeps its name."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ["tinygrad_ed", *parts] if parts[0] == "kernels" else parts


def area(module: list[str]) -> str:
    if len(module) < 2 or module[1] == "__init__":
        return "package"
    return AREA_OF_MODULE.get(module[1], module[1])


def imported_modules(path: Path) -> Iterator[tuple[int, list[str]]]:
    """What a file imports, with the line; `from . import x` counts as `.x` if that is a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            base = module_name(path)[: -node.level] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            for alias in node.names:
                inside = ROOT.joinpath(*base, alias.name)
                is_module = inside.is_dir() or inside.with_suffix(".py").is_file()
                is_module |= [*base, alias.name] == ["tinygrad_ed", "kernels"]
                yield node.lineno, [*base, alias.name] if is_module else base


def test_package_list_equals_the_folders() -> None:
    folders = {
        ".".join(module_name(path)[:-1])
        for path in python_files("tinygrad_ed", "kernels")
        if path.name == "__init__.py"
    }
    assert sorted(folders) == PROJECT["tool"]["setuptools"]["packages"]


def test_every_package_file_is_in_a_listed_package() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    stray = [
        str(path.relative_to(ROOT))
        for path in python_files("tinygrad_ed", "kernels")
        if ".".join(module_name(path)[:-1]) not in listed
    ]
    assert stray == []


@pytest.mark.parametrize("module", sorted(MAY_IMPORT))
def test_imports_point_one_way(module: str) -> None:
    wrong = []
    for path in python_files("tinygrad_ed", "kernels"):
        if area(module_name(path)) != module:
            continue
        for line, target in imported_modules(path):
            if target[0] == "tinygrad_ed" and area(target) not in MAY_IMPORT[module] | {module}:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {'.'.join(target)}")
    assert wrong == []


def test_every_module_has_its_place_in_the_import_order() -> None:
    areas = {area(module_name(path)) for path in python_files("tinygrad_ed", "kernels")}
    assert areas - {"package"} <= set(MAY_IMPORT)


def test_nobody_imports_the_kernels_folder_by_its_bare_name() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files("tinygrad_ed", "kernels", "examples", "tests", "tools")
        for line, target in imported_modules(path)
        if target[:1] == ["kernels"]
    ]
    assert wrong == [], "`import kernels` would be a second copy of tinygrad_ed.kernels"


def test_heavy_packages_are_imported_inside_the_function_that_needs_them() -> None:
    at_home = {"kernels": {"numba", "llvmlite"}, "check/strategies.py": {"hypothesis"}}
    wrong = []
    for path in python_files("tinygrad_ed", "kernels"):
        name = path.relative_to(ROOT).as_posix().removeprefix("tinygrad_ed/")
        allowed = {"numpy", "tinygrad_ed"} | set(sys.stdlib_module_names)
        for place, packages in at_home.items():
            allowed |= packages if name.startswith(place) else set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = {(node.module or "").split(".")[0]}
            else:
                continue
            wrong += [f"{name}:{node.lineno} {heavy}" for heavy in sorted(names - allowed)]
    assert wrong == []


def test_the_peers_are_never_imported_by_the_package() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files("tinygrad_ed", "kernels")
        for line, target in imported_modules(path)
        if target[:1] in (["torch"], ["sklearn"], ["pytest"])
    ]
    assert wrong == []


def test_importing_the_package_loads_numpy_and_nothing_else_and_prints_nothing() -> None:
    program = """
import sys, numpy
before = set(sys.modules)
import tinygrad_ed
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
foreign = loaded - set(sys.stdlib_module_names) - {"tinygrad_ed", "numpy"}
sys.exit(f"loaded {sorted(foreign)}" if foreign else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_file_is_longer_than_300_lines() -> None:
    long = {}
    for path in python_files("tinygrad_ed", "kernels", "examples", "tests", "tools"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > 300:
            long[path.relative_to(ROOT).as_posix()] = lines
    assert long.keys() == LONG_FILES.keys(), long


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    home = re.compile(r"(?<![\w./-])/(?:" + "|".join(["work", "root", "home", "Users"]) + r")/\w")
    wrong = []
    for path in text_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        wrong += [
            f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}"
            for number, line in enumerate(lines, 1)
            if home.search(line)
        ]
    assert wrong == []


def test_version_is_the_same_in_the_package_and_in_its_metadata() -> None:
    import tinygrad_ed

    assert PROJECT["project"]["version"] == tinygrad_ed.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{tinygrad_ed.__version__}]" in changes
