"""Does a wheel hold what the checkout has, and nothing else: ``python tools/check_wheel.py WHEEL``.

Every source file of the package and of ``kernels/``, the type marker, the embedded data, the
catalogue and what pages are made of must be there byte for byte; tests, tools and examples must
not.
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = {
    *(".py", ".cu", ".cuh", ".h", ".json", ".gz", ".typed"),
    *(".js", ".css", ".html", ".woff2", ""),  # of the pages that explain writes; LICENSE
}


def expected() -> dict[str, bytes]:
    """Return the files that the wheel must hold, by their name in it."""
    files = {}
    for folder, inside in [("tinygrad_ed", "tinygrad_ed"), ("kernels", "tinygrad_ed/kernels")]:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in SHIPPED:
                files[f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"] = path.read_bytes()
    return files


def differences(wheel: Path) -> list[str]:
    """Return one line for each file that is missing, differs or does not belong."""
    wanted = expected()
    with zipfile.ZipFile(wheel) as archive:
        held = {n: archive.read(n) for n in archive.namelist() if ".dist-info/" not in n}
        licences = [n for n in archive.namelist() if ".dist-info/licenses/" in n]
    found = [f"missing: {name}" for name in sorted(wanted.keys() - held.keys())]
    found += [f"does not belong: {name}" for name in sorted(held.keys() - wanted.keys())]
    found += [f"differs: {n}" for n in sorted(wanted.keys() & held.keys()) if wanted[n] != held[n]]
    for name in ("LICENSE", "NOTICE"):
        if not any(licence.endswith(f"/{name}") for licence in licences):
            found.append(f"missing: {name}")
    return found


if __name__ == "__main__":
    problems = differences(Path(sys.argv[1]))
    print("\n".join(problems) or f"{sys.argv[1]}: {len(expected())} files, all as in the checkout")
    sys.exit(1 if problems else 0)
