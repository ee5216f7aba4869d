"""Which results belong to which layer: as modules were called, or as a derivation counts layers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..nn.module import Module
from ..nn.parameter import Parameter
from ..recording import changes
from ..tape import Node, _ticket
from ..tensor import Tensor
from ..views.names import Names


@dataclass(frozen=True)
class Group:
    """Results, and the parameters that only they use, that can be drawn as one box.

    Attributes:
        label: What the box is called.
        results: The recorded results, in order.
    """

    label: str
    results: tuple[Node, ...]


@dataclass(frozen=True)
class Call:
    """A module's call while a network ran: what was recorded between two tickets is its own."""

    path: str
    title: str
    depth: int
    start: int
    end: int


def watched(network: Module, inputs: tuple[Any, ...]) -> tuple[Tensor, list[Call]]:
    """Runs a network in evaluation mode, recording, and notes when which layer ran.

    The modes of the layers are afterwards what they were.
    """
    calls: list[Call] = []
    running: list[Module] = []
    layers = list(network.named_modules())
    before = [(layer, layer.training, vars(layer).get("forward")) for _, layer in layers]

    def watching(path: str, module: Module) -> Any:
        own = module.forward

        def forward(*given: Any, **options: Any) -> Any:
            running.append(module)
            start = _ticket()
            try:
                output = own(*given, **options)
            finally:
                running.pop()
            calls.append(Call(path, module._title(), len(running), start, _ticket()))
            return output

        return forward

    try:
        network.eval()
        for path, module in layers:
            # An instance attribute stands before the class's method: no hook is needed.
            vars(module)["forward"] = watching(path, module)
        output = network(*inputs)
    finally:
        for module, mode, own in before:
            module.training = mode
            vars(module).pop("forward", None)
            if own is not None:
                vars(module)["forward"] = own
        changes.note()
    return output, [call for call in calls if call.depth]


def module_groups(names: Names, calls: Iterable[Call], depth: int) -> list[Group]:
    """The calls of the layers that lie so deep in the network, or less deep and hold no others."""
    calls = sorted(calls, key=lambda call: call.start)
    groups, met = [], dict[str, int]()
    for k, call in enumerate(calls):
        holds = k + 1 < len(calls) and calls[k + 1].start < call.end
        if call.depth > depth or (call.depth < depth and holds):
            continue
        met[call.path] = met.get(call.path, 0) + 1
        inside = tuple(n for n in names.nodes if call.start < n._order < call.end)
        again = f", call {met[call.path]}" if met[call.path] > 1 else ""
        groups.append(Group(f"{call.path} {call.title}{again}", inside))
    return [group for group in groups if group.results]


def derivation_groups(names: Names) -> list[Group]:
    """Layers as a derivation counts them: a product with parameters, its bias, its activation."""
    users: dict[Node, list[Node]] = {}
    for node in names.nodes:
        for source in node._sources:
            if isinstance(source, Node):
                users.setdefault(source, []).append(node)
    groups, number = [], 0
    for node in names.nodes:
        op = node._op
        assert op is not None
        number += op.starts_layer
        if not op.starts_layer or not any(is_parameter(s) for s in node._sources):
            continue
        inside = [node]
        while len(users.get(inside[-1], ())) == 1:
            user = users[inside[-1]][0]
            if not (_adds_bias(user, inside[-1]) or _activates(user)):
                break
            inside.append(user)
            if _activates(user):
                break
        groups.append(Group(f"layer {number}", tuple(inside)))
    return groups


def data_of(product: Node) -> Any:
    """The operand that flows through a layer, where both could be its parameters."""
    factors = product._sources[:2]
    if product._op is None or not product._op.starts_layer or not all(map(is_parameter, factors)):
        return None
    return next((factor for factor in factors if not isinstance(factor, Parameter)), None)


def _adds_bias(node: Node, product: Node) -> bool:
    others = [s for s in node._sources if s is not product]
    return node._op is not None and node._op.name == "add" and all(map(is_parameter, others))


def _activates(node: Node) -> bool:
    op = node._op
    return op is not None and op.elementwise and op.symbol_for(node._params) == "A"


def is_parameter(source: Any) -> bool:
    """Whether it is trained: a `Parameter`, or a leaf that requires a gradient."""
    return isinstance(source, Parameter) or (
        isinstance(source, Node) and source._op is None and source.requires_grad
    )
