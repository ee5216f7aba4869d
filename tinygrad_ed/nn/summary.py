"""A network as a table of plain text: each layer, the shape it gives, the numbers it holds."""

from typing import Any

import numpy as np

from ..creation import tensor
from ..tensor import Tensor
from .module import Module, device_of, dtype_of, evaluation


def summary(network: Module, input_shape: tuple[int, ...] | None = None) -> str:
    """See `Module.summary`."""
    shapes = {} if input_shape is None else output_shapes(network, input_shape)
    rows = [["layer", "what it is", "output", "numbers", "parameters"]]
    counted: set[int] = set()
    for path, module in network.named_modules():
        members = list(module._members())
        if any(isinstance(m, Module) for _, m in members) and all(
            isinstance(m, Module) for _, m in members
        ):
            continue  # it only holds other layers, which have rows of their own
        own = {id(m): m for _, m in members if isinstance(m, Tensor) and id(m) not in counted}
        counted |= set(own)
        rows.append(
            [
                path or "-",
                module._title(),
                shapes.get(id(module), ""),
                f"{sum(p.size for p in own.values()):,}",
                ", ".join(f"{p.name} {p.shape}" for p in own.values()),
            ]
        )
    if input_shape is None:
        rows = [[*row[:2], *row[3:]] for row in rows]
    return "\n".join([*_aligned(rows), *_totals(network, input_shape)])


def output_shapes(network: Module, input_shape: tuple[int, ...]) -> dict[int, str]:
    """The shape that each layer gives at its first call, by the layer's id."""
    shapes: dict[int, str] = {}

    def watched(module: Module) -> Any:
        def forward(*inputs: Any, **options: Any) -> Any:
            output = type(module).forward(module, *inputs, **options)
            shapes.setdefault(id(module), str(tuple(getattr(output, "shape", ()))))
            return output

        return forward

    layers = [module for _, module in network.named_modules()]
    try:
        for module in layers:
            # An instance attribute stands before the class's method: no hook is needed.
            vars(module)["forward"] = watched(module)
        with evaluation(network):
            network(tensor(np.zeros(input_shape, dtype_of(network)), device=device_of(network)))
    finally:
        for module in layers:
            vars(module).pop("forward", None)
    return shapes


def _aligned(rows: list[list[str]]) -> list[str]:
    """Columns of equal width; the numbers, last but one, to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    right = len(rows[0]) - 2
    return [
        "  ".join(
            cell.rjust(width) if k == right else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _totals(network: Module, input_shape: tuple[int, ...] | None) -> list[str]:
    parameters = network.parameters()
    frozen = sum(p.size for p in parameters if not p.requires_grad)
    total = f"{sum(p.size for p in parameters):,} numbers to train"
    if frozen:
        total = f"{sum(p.size for p in parameters):,} numbers, {frozen:,} of them frozen"
    shape = "" if input_shape is None else f"; input {tuple(input_shape)}"
    return [f"{total}; {dtype_of(network)} on {device_of(network)!r}{shape}"]
