"""What a program or a derivation calls the tensors of a tape."""

from collections import Counter

from ..errors import TapeError
from ..tape import Node, recorded_nodes
from ..tensor import Tensor
from .emit import Emitter


class Names:
    """Leaves by their own names or the op's, results by name, symbol or op, and numbered.

    Args:
        root: The recorded tensor that all leads to.
        reader: Who wants to read it, for messages.
        emitter: Where names are taken; a new one if None.
        short: Whether results with neither name nor symbol are called u1, u2 … and not by their op.

    Attributes:
        nodes: The recorded results, in the order in which they were computed.
        inputs: The leaves by name, in the order in which they are first used.
        ranks: How many axes each named array has.
    """

    def __init__(
        self, root: Tensor, reader: str, emitter: Emitter | None = None, short: bool = False
    ) -> None:
        """Names all that leads to `root`.

        Raises:
            TapeError: It was not recorded; `reader` says who wanted to read it.
        """
        if not isinstance(root, Tensor) or root.op is None:
            raise TapeError(
                f"{reader} needs a recorded result: a tensor computed from one that requires "
                f"a gradient, outside tg.no_grad()"
            )
        self.emitter, self.short = emitter or Emitter(), short
        self.nodes = recorded_nodes(root)[::-1]
        self.inputs: dict[str, Tensor] = {}
        self.ranks: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._name_everything()

    def of(self, node: Node) -> str:
        """The name of a leaf or a result."""
        return self._names[id(node)]

    def _name_everything(self) -> None:
        kinds = Counter(self._kind(node) for node in self.nodes if not node.name)
        layers = sum(node._op.starts_layer for node in self.nodes if node._op)
        layer, numbers = 0, Counter[str]()
        for node in self.nodes:
            op, kind = node._op, self._kind(node)
            assert op is not None
            for k, source in enumerate(node._sources):
                if isinstance(source, Tensor) and id(source) not in self._names:
                    default = op.operand_names[0 if op.variadic else k]
                    self._name(source, source.name or default)
                    self.inputs[self.of(source)] = source
            layer += op.starts_layer
            numbers[kind] += not node.name
            if kind in ("Z", "A"):  # numbered by layers: Z1, A1, Z2 …
                number = str(layer) if layers > 1 and layer else ""
            else:
                number = "" if kind[:1].isupper() and kinds[kind] == 1 else str(numbers[kind])
            self._name(node, node.name or kind + number)

    def _kind(self, node: Node) -> str:
        """What results of its op with its parameters are called: the symbol, else the op's name."""
        assert node._op is not None
        return node._op.symbol_for(node._params) or ("u" if self.short else node._op.name)

    def _name(self, node: Node, wanted: str) -> None:
        self._names[id(node)] = self.emitter.fresh(wanted)
        self.ranks[self.of(node)] = node._array.ndim
