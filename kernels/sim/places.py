"""From an address in a compiled library to the line of the kernel that it belongs to."""

import functools
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

FRAME = re.compile(r"(.*):(\d+)")
MARKED = re.compile(r"(,? at| and) @([0-9a-f]+)@")
WRAPPERS = {"ptx.cuh", "functions.h"}
"""Files of one-line functions, which have the interest of an instruction: their callers count."""


class Place(NamedTuple):
    """A line of a source; `caller` is the line of another file that it was inlined into, if any."""

    file: str
    line: int
    caller: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f" (from {self.caller})" if self.caller else "")


UNKNOWN = Place("?", 0)


def places(library: Path, offsets: Iterable[int]) -> dict[int, Place]:
    """The line of each offset; of what was inlined, the innermost one that is no wrapper.

    They are asked of `addr2line`, which comes with the linker that g++ needs; without it, or where
    it knows nothing, the place is `UNKNOWN`.
    """
    return {offset: _place(library, offset) for offset in _looked_up(library, set(offsets))}


def named(message: str, library: Path) -> str:
    """A message with lines in place of offsets; without what nobody can name."""
    found = places(library, [int(digits, 16) for _, digits in MARKED.findall(message)])

    def name(match: re.Match[str]) -> str:
        place = found[int(match[2], 16)]
        return "" if place == UNKNOWN else f"{match[1]} {place}"

    return MARKED.sub(name, message)


_known: dict[tuple[Path, int], Place] = {}


def _place(library: Path, offset: int) -> Place:
    return _known.get((library, offset), UNKNOWN)


def _looked_up(library: Path, offsets: set[int]) -> set[int]:
    missing = sorted(offset for offset in offsets if (library, offset) not in _known)
    tool = _tool()
    if missing and tool:
        text = "\n".join(f"{offset:x}" for offset in missing)
        command = [tool, "-a", "-i", "-e", str(library)]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        answers = re.split(r"^0x.*\n", done.stdout, flags=re.M)[1:]
        for offset, frames in zip(missing, answers, strict=False):  # none if it fails
            _known[library, offset] = _innermost(frames.splitlines())
    return offsets


def _innermost(frames: list[str]) -> Place:
    found = [match for match in map(FRAME.match, frames) if match]
    lines = [Place(Path(match[1]).name, int(match[2])) for match in found]
    lines = [place for place in lines if place.file not in WRAPPERS] or [UNKNOWN]
    callers = (str(place) for place in lines if place.file != lines[0].file)
    return lines[0]._replace(caller=next(callers, ""))


@functools.cache
def _tool() -> str | None:
    return shutil.which("addr2line")
