"""What travels between grader and answer: every value comes back, and nothing is run by loading."""

import io
import json
from typing import Any

import numpy as np
import pytest

from tinygrad_ed.exercises.wire import WireError, packed, receive, send, unpacked

VALUES: list[Any] = [
    None, True, -3, 0.1, float("inf"), "σ", ..., slice(None, None, -1), (1, (2.0, None)), [1, [2]],
    {"axis": (0, -1), "index": (slice(0, 2), 1)}, {},
]  # fmt: skip
ARRAYS = [
    np.arange(6.0).reshape(2, 3).T,
    np.zeros((0, 3), np.float32),
    np.array(3, np.int64),
    np.array([True, False]),
    np.array([np.nan, -0.0, np.inf]),
    np.arange(8)[::-2],
]


def there_and_back(value: Any) -> Any:
    stream = io.BytesIO()
    send(stream, {"value": value})
    stream.seek(0)
    found = receive(stream)
    assert found is not None and receive(stream) is None
    return found["value"]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_comes_back(value: Any) -> None:
    found = there_and_back(value)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype} {a.shape}")
def test_an_array_comes_back_to_the_bit_and_can_be_written(array: Any) -> None:
    found = there_and_back(array)
    assert found.dtype == array.dtype and found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    found[...] = 0


def test_numpy_scalars_come_back_as_arrays_without_axes() -> None:
    found = there_and_back(np.float32(0.5))
    assert found.shape == () and found.dtype == np.float32 and found == 0.5


@pytest.mark.parametrize(
    "value",
    [object(), np.array([None]), np.array([1j]), np.array(["a"]), {1, 2}, b"x"],
    ids=["object", "None", "complex", "text", "set", "bytes"],  # the same in every process
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="is no answer"):
        packed(value)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 8 + b"{}",
        b"short",
        (2).to_bytes(8, "big") + b"[]",
        (5).to_bytes(8, "big") + b"null!",
        b"".join([(44).to_bytes(8, "big"), b'{"dict": {"a": {"array": ["O", [1], "AAAA"]}}}'[:44]]),
    ],
)
def test_noise_is_an_error(raw: bytes) -> None:
    with pytest.raises(WireError):
        receive(io.BytesIO(raw))


@pytest.mark.parametrize(
    "forged",
    [
        {"dict": {"a": {"array": ["<f8", [10**9], ""]}}},
        {"dict": {"a": {"array": ["|O", [1], "AAAAAAAAAAA="]}}},
        {"dict": {"a": {"pickle": ""}}},
        {"dict": {"a": {"array": [], "tuple": []}}},
        {"dict": 3},
    ],
    ids=str,
)
def test_forged_values_are_an_error(forged: Any) -> None:
    raw = json.dumps(forged).encode()
    with pytest.raises(WireError):
        receive(io.BytesIO(len(raw).to_bytes(8, "big") + raw))


def test_a_stream_that_breaks_off_is_an_end() -> None:
    assert receive(io.BytesIO((100).to_bytes(8, "big") + b"{}")) is None
    assert unpacked(packed((1, None))) == (1, None)
