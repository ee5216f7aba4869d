"""What travels between the grader and the learner's process: numbers, as length and JSON.

JSON and not pickle: what comes back was made by a program that nobody has read, and loading it must
not run anything.
"""

import base64
import json
from typing import Any, BinaryIO

import numpy as np

LARGEST = 64 * 2**20  # bytes of one frame
PLAIN = (bool, int, float, str)
KINDS = "biuf"


class WireError(ValueError):
    """What came over the wire is no frame of ours."""


def packed(value: Any) -> Any:
    """A value as JSON takes it.

    Raises:
        TypeError: It is none of: numbers, texts, None, arrays of numbers, tuples, lists, dicts,
            slices, the ellipsis.
    """
    if value is None or type(value) in PLAIN:
        return value
    if value is ...:
        return {"ellipsis": True}
    if isinstance(value, slice):
        return {"slice": [packed(v) for v in (value.start, value.stop, value.step)]}
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind not in KINDS:
            raise TypeError(f"an array of {array.dtype} is no answer: numbers are wanted")
        raw = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return {"array": [array.dtype.str, list(array.shape), raw]}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [packed(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": {str(k): packed(v) for k, v in value.items()}}
    raise TypeError(f"a {type(value).__name__} is no answer: arrays of numbers are wanted")


def unpacked(value: Any) -> Any:
    """The value that was packed.

    Raises:
        WireError: It was not packed by us.
    """
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise WireError("unknown value")
    kind, inside = next(iter(value.items()))
    if kind == "array":
        dtype = np.dtype(inside[0])
        if dtype.kind not in KINDS:
            raise WireError(f"an array of {dtype}")
        shape = tuple(int(n) for n in inside[1])
        return np.frombuffer(base64.b64decode(inside[2]), dtype).reshape(shape).copy()
    if kind == "ellipsis":
        return ...
    if kind == "slice":
        return slice(*(unpacked(v) for v in inside))
    if kind in ("tuple", "list"):
        found = [unpacked(v) for v in inside]
        return tuple(found) if kind == "tuple" else found
    if kind == "dict":
        return {k: unpacked(v) for k, v in inside.items()}
    raise WireError(f"unknown value {kind!r}")


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Writes one frame."""
    raw = json.dumps(packed(message)).encode()
    stream.write(len(raw).to_bytes(8, "big") + raw)
    stream.flush()


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """Reads one frame; None where the stream ends.

    Raises:
        WireError: Something else than a frame.
    """
    head = stream.read(8)
    if not head:
        return None
    size = int.from_bytes(head, "big")
    if len(head) < 8 or size > LARGEST:
        raise WireError("no frame")
    raw = stream.read(size)
    if len(raw) < size:
        return None
    try:
        message = unpacked(json.loads(raw))
    except WireError:
        raise
    except Exception as error:  # whatever a forged frame makes of the decoders
        raise WireError(str(error)) from error
    if not isinstance(message, dict):
        raise WireError("no message")
    return message
