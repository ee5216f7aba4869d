"""Which rung of the ladder computes products: the top one, unless `use_kernel` says otherwise.

with tg.use_kernel("matmul", "naive"):
    loss = tg.mse(model(X), t)  # every product in here by three plain loops; the same bits
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Self

RUNGS: dict[str, dict[str, dict[str, str]]] = {
    "cpu": {
        "matmul": {
            "tiled": "product",
            "packed": "product_packed",
            "blocked": "product_blocked",
            "loop_order": "product_loop_order",
            "naive": "product_naive",
        }
    },
    "cuda": {
        "matmul": {
            "pipelined": "product",
            "warp_tile": "product_warp_tile",
            "vectorised": "product_vectorised",
            "thread_tile_2d": "product_thread_tile_2d",
            "thread_tile_1d": "product_thread_tile_1d",
            "shared_tile": "product_shared_tile",
            "coalesced": "product_coalesced",
            "naive": "product_naive",
            "tf32x3": "product_tf32x3",
            "tf32": "product_tf32",
            "bf16": "product_bf16",
        }
    },
}
"""What can be switched: kind of device -> name -> rung -> kernel; the top rung comes first."""


def known(name: str) -> list[str]:
    """The rungs of this name on all devices."""
    return list(dict.fromkeys(rung for of in RUNGS.values() for rung in of.get(name, ())))


class _Chosen(threading.local):
    """The choice of a thread, by what it switches; empty where nothing is chosen."""

    def __init__(self) -> None:
        self.rungs: dict[str, str] = {}


_chosen = _Chosen()
_lock = threading.Lock()

active = 0
"""How many contexts are open, in all threads: while there are none, nobody has to ask `chosen`."""

_listeners: list[Callable[[], None]] = []


def chosen(name: str = "matmul") -> str:
    """The rung that this thread chose, or ""; part of what a captured program depends on."""
    return _chosen.rungs.get(name, "")


def on_change(listener: Callable[[], None]) -> None:
    """Has a function called whenever a choice begins or ends."""
    _listeners.append(listener)


class use_kernel(contextlib.ContextDecorator):  # noqa: N801 (used like a function)
    """Inside, products are computed on a chosen rung of a device's ladder, in this thread.

    It holds for `linear` and `matmul`, forward and backward, eager and captured. A device that has
    no such rung goes on as it is. The rungs of a device give the same bits and differ in speed, but
    for those on tensor cores, which have to be asked for: "tf32" and "bf16" round the operands to
    11 and 8 bits, and "tf32x3" has the accuracy of float32 with other bits.
    Contexts can be nested, and the innermost counts; also usable as a decorator.

    Args:
        name: What to switch: "matmul".
        rung: On device "cpu" "tiled" (the top rung, as without a context), "packed", "blocked",
            "loop_order" or "naive"; `kernels/cpu/products/` explains each. On "cuda" and
            "cuda-sim" the files of `kernels/cuda/`: "pipelined" (the top rung) … "naive", and
            "tf32x3", "tf32", "bf16".

    Raises:
        ValueError: There is no such thing to switch, or no such rung.
    """

    def __init__(self, name: str, rung: str) -> None:
        names = list(RUNGS["cpu"])
        for what, value, found in (("kernel", name, names), ("rung", rung, known(name))):
            if value not in found:
                of = f" of {name!r}" if what == "rung" else ""
                raise ValueError(
                    f"use_kernel: there is no {what} {value!r}{of}; there is {', '.join(found)}"
                )
        self.name, self.rung = name, rung
        self.before: list[dict[str, str]] = []

    def _recreate_cm(self) -> Self:
        return type(self)(self.name, self.rung)  # a decorated function may run in several threads

    def __enter__(self) -> None:
        self.before.append(_chosen.rungs)
        _chosen.rungs = {**_chosen.rungs, self.name: self.rung}
        _count(1)

    def __exit__(self, *error: object) -> None:
        _chosen.rungs = self.before.pop()
        _count(-1)


def _count(by: int) -> None:
    global active
    with _lock:
        active += by
    for listener in _listeners:
        listener()
