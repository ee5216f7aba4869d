"""How a tensor shows itself: value, shape, type, device, and its gradient or "not computed"."""

import html as _html
from typing import TYPE_CHECKING

import numpy as np

from .errors import TapeError
from .recording import state
from .storage import LOOKING

if TYPE_CHECKING:
    from .tensor import Tensor


def facts(t: "Tensor") -> list[tuple[str, str]]:
    """What there is to say beside the values, in order."""
    rows = [("name", repr(t.name))] if t.name else []
    rows += [("shape", str(t.shape)), ("dtype", str(t.dtype)), ("device", repr(t.device))]
    if t.op is not None:
        rows.append(("op", t.op.name))
    if t.requires_grad:
        rows.append(("grad", gradient(t)))
    return rows


def gradient(t: "Tensor") -> str:
    """The gradient's entries, or why there are none."""
    try:
        return "not computed" if t.grad is None else values(t.grad, "")
    except TapeError:
        return "not kept (fused)"


def values(t: "Tensor", indent: str) -> str:
    """The entries, summarised when there are many."""
    if state.trace is not None:
        state.trace.forbids(f"showing {t.label} {LOOKING}")
    return np.array2string(
        t.numpy(), separator=", ", precision=6, threshold=60, edgeitems=3, prefix=indent
    )


def text(t: "Tensor") -> str:
    """The repr."""
    head = "tensor("
    rest = ", ".join(f"{key}={value}" for key, value in facts(t))
    return f"{head}{values(t, head)}, {rest})"


def html(t: "Tensor") -> str:
    """A small table for notebooks."""
    rows = [*facts(t), ("value", values(t, ""))]
    cells = "".join(
        f"<tr><th style='text-align:left'>{_html.escape(key)}</th>"
        f"<td><pre style='margin:0'>{_html.escape(value)}</pre></td></tr>"
        for key, value in rows
    )
    return f"<table>{cells}</table>"
