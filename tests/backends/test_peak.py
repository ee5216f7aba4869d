"""The machine's ceilings: the loops do what they are timed for. No time is tested."""

import ctypes

import numpy as np
import pytest
from tinygrad_ed.kernels.cpu.peak import (
    STREAMS,
    bandwidth,
    bandwidths,
    cache_sizes,
    fma_peak,
    fma_text,
    machine_code,
    read_loop,
    widest,
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_peak_is_that_of_multiply_adds_which_are_done(dtype: str) -> None:
    text, flops = fma_text(dtype)
    engine, address = machine_code(text, "run")
    number = {"float32": ctypes.c_float, "float64": ctypes.c_double}[dtype]
    loop = ctypes.CFUNCTYPE(number, ctypes.c_int64, number, number)(address)
    chains = flops // 2 // (widest() // np.dtype(dtype).itemsize)
    a = 2.0 * np.arange(2, chains + 2)  # each chain starts from its own multiple of c = 2
    for _ in range(3):
        a = 0.5 * a + 2
    assert loop(3, 0.5, 2.0) == pytest.approx(0.5 + a.sum(), rel=1e-6)
    assert fma_peak(dtype, threads=2, seconds=0.0) > 0
    del engine


def test_the_bandwidth_is_that_of_bytes_which_are_read() -> None:
    call, _ = read_loop()
    lanes, rounds = widest() // 8, 5
    words = np.random.default_rng(0).integers(1, 2**62, (rounds * STREAMS + 8) * lanes)
    skip = -(words.ctypes.data // 8) % 8
    used = words[skip : skip + rounds * STREAMS * lanes]
    expected = np.bitwise_xor.reduce(used.reshape(-1, lanes)[:, 0])
    assert call(used.ctypes.data, rounds, 1) == expected
    assert call(used.ctypes.data, rounds, 2) == 0  # each word twice
    assert bandwidth(4096, threads=2, seconds=0.0) > 0


def test_every_cache_and_the_memory_have_a_bandwidth() -> None:
    rates = bandwidths(seconds=0.0)
    assert list(rates) == [*cache_sizes(), "memory"]
    assert all(np.isfinite(rate) and rate > 0 for rate in rates.values())
