"""Kernels by name, ready to run: from the cache on disk if they are there, else compiled.

Numba is imported only to compile. `get("relu", "float32")` finds the file that the kernel stands in
by the table below, which is also the list of what there is.
"""

import hashlib
import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import operands
from ..operands import Signature, signature_of
from . import cache
from .launching import builtin, check_layout, launcher, spec_of
from .loading import load, lock_across_forks

FILES: dict[str, str] = {
    "gather": "gather",
    "ordered": "gather",
    "product": "product",
    "product_packed": "product",
    "product_blocked": "product",
    "product_loop_order": "product",
    "product_naive": "product",
    "slope": "slopes",
    "slope_of_dropped": "slopes",
    "advance": "slopes",
    "count_from": "slopes",
    "bce_with_logits": "losses",
    "mse": "losses",
    "cross_entropy_labels": "cross_entropy",
    "softmax_rows": "softmax",
    "softmax_rows_vjp": "softmax",
    "log_softmax_rows": "softmax",
    "log_softmax_rows_vjp": "softmax",
    "sum_all": "sums",
    "sum_columns": "sums",
    "sum_rows": "sums",
    "spread": "sums",
    "dropout": "philox",
}
"""Kernel -> the file that it stands in."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel for one number type.

    Attributes:
        name: What it is called.
        signature: What it takes.
        entry: Address of its machine code.
        launch: Runs it on arrays and numbers; False if they are not what it is made for.
        spec: The words that `launch` reads; see `launching`.
    """

    name: str
    signature: Signature
    entry: int
    launch: Callable[..., bool]
    spec: np.ndarray[Any, Any]


_made: dict[tuple[str, str], Kernel] = {}
_lock = lock_across_forks()


def get(name: str, dtype: str) -> Kernel:
    """The kernel of this name for this number type ("float32" or "float64")."""
    found = _made.get((name, dtype))
    if found is None:
        with _lock:
            found = _made.get((name, dtype)) or _make(name, dtype, name, _by_name)
    return found


def generated(
    name: str,
    dtype: str,
    text: str,
    annotations: Mapping[str, str],
    split: Sequence[str],
    work: Sequence[str],
) -> Kernel:
    """A kernel from its text.

    Args:
        name: The function that the text defines.
        dtype: Its number type.
        text: A module in Numba's dialect.
        annotations: What the function takes: argument -> name of a kind in `operands`.
        split: The arguments of which each thread gets a stretch.
        work: The arguments whose sizes say how much there is to do.
    """
    about = json.dumps([text, dict(annotations), list(split), list(work)])
    key = f"{name}-{hashlib.sha256(about.encode()).hexdigest()[:16]}"
    found = _made.get((key, dtype))
    if found is None:

        def function(key: str) -> Any:
            from .compiling import kernel

            namespace: dict[str, Any] = {"__name__": f"{__package__}.generated"}
            exec(compile(text, f"<kernel {name}>", "exec"), namespace)
            made = namespace[name]
            made.__annotations__ = {n: getattr(operands, kind) for n, kind in annotations.items()}
            return kernel(made, split=tuple(split), work=tuple(work), exact=True)

        with _lock:
            found = _made.get((key, dtype)) or _make(key, dtype, name, function)
    return found


def _by_name(name: str) -> Any:
    return getattr(importlib.import_module(f".{FILES[name]}", __package__), name)


def _make(key: str, dtype: str, name: str, function: Callable[[str], Any]) -> Kernel:
    stored = cache.read(f"{key}-{dtype}")
    if stored is None:
        stored = _compile(f"{key}-{dtype}", function(key), name, dtype)
    description, code = stored
    signature = Signature(**{k: _tuples(v) for k, v in description["signature"].items()})
    entry = load(code, description["symbol"])
    spec = spec_of(entry, signature)
    made = Kernel(name, signature, entry, builtin(_launch(), name, spec), spec)
    _made[key, dtype] = made
    return made


def _tuples(value: Any) -> Any:
    """JSON has lists where a signature has tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _compile(file: str, function: Any, name: str, dtype: str) -> tuple[dict[str, Any], bytes]:
    from .compiling import intermediate, machine_code

    _say(f"{name} ({dtype})")
    signature = signature_of(function, dtype)
    code, symbol = machine_code(*intermediate(function, signature))
    description = {"symbol": symbol, "signature": asdict(signature)}
    cache.write(file, description, code)
    return description, code


_native: dict[str, int] = {}


def native(name: str, function: Callable[[], Any], words: int) -> int:
    """The address of a C function of ours from words to a word, compiled like the kernels."""
    with _lock:
        if name not in _native:
            stored = cache.read(name)
            if stored is None:
                from .compiling import c_function, machine_code

                _say(name)
                code, symbol = machine_code(*c_function(function(), words))
                stored = {"symbol": symbol}, code
                cache.write(name, *stored)
            _native[name] = load(stored[1], stored[0]["symbol"])
        return _native[name]


def _launch() -> int:
    """The address of `launch`."""
    if "launch" not in _native:
        check_layout()
    return native("launch", launcher, 3)


_compiled = Counter[str]()


def _say(what: str) -> None:
    """A line of progress on a terminal: the first use on a machine takes seconds."""
    _compiled["all"] += 1
    if sys.stderr.isatty():
        print(
            f"\r\x1b[Kcompiling kernels for this machine, once: {_compiled['all']}, {what}",
            end="",
            file=sys.stderr,
            flush=True,
        )
