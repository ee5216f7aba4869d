"""Put KaTeX into the package, from its npm archive: what pages need, and nothing else.

    npm pack katex@VERSION
    python tools/vendor_katex.py katex-VERSION.tgz

One copy, tinygrad_ed/derivation/katex/, serves the book and the pages that the package writes.
Every browser that runs them reads WOFF2, so the two older font formats are left out, and the style
sheet no longer names them: that is the only change. NOTICE cites the version.
"""

import argparse
import json
import re
import shutil
import tarfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tinygrad_ed" / "derivation" / "katex"
OLDER_FONTS = re.compile(r',url\([^)]*\) format\("(?:woff|truetype)"\)')


def vendor(archive: Path, folder: Path = FOLDER) -> str:
    """Replaces the folder by what the archive holds; returns the version."""
    with tarfile.open(archive) as npm:

        def read(name: str) -> bytes:
            member = npm.extractfile(f"package/{name}")
            if member is None:
                raise SystemExit(f"{archive} holds no {name}: is it the npm archive of KaTeX?")
            return member.read()

        css = OLDER_FONTS.sub("", read("dist/katex.min.css").decode())
        fonts = sorted(set(re.findall(r"fonts/[\w-]+\.\w+", css)))
        if not fonts or not all(font.endswith(".woff2") for font in fonts):
            raise SystemExit(f"unexpected fonts in katex.min.css: {fonts}")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "fonts").mkdir(parents=True)
        for font in fonts:
            (folder / font).write_bytes(read(f"dist/{font}"))
        (folder / "katex.min.css").write_text(css, encoding="utf-8")
        (folder / "katex.min.js").write_bytes(read("dist/katex.min.js"))
        (folder / "LICENSE").write_bytes(read("LICENSE"))
        version: str = json.loads(read("package.json"))["version"]
        return version


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    print("KaTeX", vendor(parser.parse_args().archive), "->", FOLDER)
