"""The tape line by line: what each op does, forward and backward, in the names of the network.

Every line is taken from the source of the op that ran; `walk_back` gives the order and the sums.
`unroll` makes a program of the lines, `explain` a derivation.
"""

import ast
import re
from collections import Counter
from collections.abc import Set
from typing import Any

import numpy as np

from ..gradients import ArrayReading, seed_of
from ..ops.registry import Function
from ..recording import no_grad
from ..tape import Node, check_unchanged, walk_back
from ..tensor import Tensor
from .emit import Variable
from .inline import Inliner, NotStraight, without_unused
from .line import Line, Named, assign, target_of
from .names import Names
from .tidy import Tidy


class Writer:
    """Writes the lines: forward by going through the nodes, backward by walking the tape.

    Args:
        names: What everything is called.
        hands_on: Whether a VJP that hands the upstream gradient on as it is gets a line `da = dy`.
        kept: Functions that stay calls.

    Attributes:
        gradients: After `backward`: what the gradient of each leaf is called.
    """

    def __init__(
        self, names: Names, hands_on: bool = False, kept: Set[Function] = frozenset()
    ) -> None:
        self.names, self.emitter, self.hands_on = names, names.emitter, hands_on
        self.inliner = Inliner(self.emitter, kept)
        self.lines: list[Line] = []
        self.gradients: dict[str, str] = {}
        self.paths = Counter(
            id(s)
            for node in names.nodes
            for s in node._sources
            if isinstance(s, Node) and s.requires_grad
        )
        self.arrived: Counter[int] = Counter()
        self.arrays = ArrayReading()
        self.upstream = ""

    def forward(self) -> list[Line]:
        """The lines that compute every result.

        Raises:
            TapeError: An operand was changed in place since.
            OSError: The source of an op is not to be had (it was typed at a prompt).
        """
        for node in self.names.nodes:
            self._forward(node)
        return self._taken()

    def backward(self, root: Tensor, seed: Any = None) -> list[Line]:
        """The lines that compute the gradients of the leaves; the first is the seed's, if any."""
        name = self.names.of(root)
        start = Named(self.emitter.fresh(f"d{name}"), np.ones_like(root._array))
        if seed is None:
            text = f"{start.name} = np.ones_like({name})"
            self._write(text, "seed", root, root, "the chain rule starts with 1")
        else:
            start = Named(start.name, seed_of(root, seed))
            self.emitter.arrays[start.name] = root._backend.to_numpy(start.array)
        with no_grad(), np.errstate(all="ignore"):
            for leaf, gradient in walk_back(root, start, self):
                if leaf._op is None:
                    self.gradients[self.names.of(leaf)] = gradient.name
        return self._taken()

    def _taken(self) -> list[Line]:
        lines, self.lines = self.lines, []
        return lines

    def _write(
        self,
        code: str | ast.stmt,
        kind: str,
        node: Node,
        source: Node | None = None,
        comment: str = "",
        operand: int = -1,
    ) -> None:
        statement = ast.parse(code).body[0] if isinstance(code, str) else self.tidied(code)
        upstream = "" if operand < 0 else self.upstream
        self.lines.append(Line(statement, kind, node, source, comment, operand, upstream))

    def variable(self, source: Any) -> Any:
        """An operand as the emitter takes it: a variable, or the plain number that it is."""
        if isinstance(source, Node):
            array = source._array
            return Variable(self.names.of(source), tuple(array.shape), array.dtype)
        return source

    # --- forward -------------------------------------------------------------------------------

    def _forward(self, node: Node) -> None:
        op = node._op
        assert op is not None
        check_unchanged(node)
        operands = [self.variable(s) for s in node._sources]
        self._number_like(node)
        statements, result = self._body(op.forward, operands, node._params, op.name)
        last = statements[-1] if statements else None
        named = ast.unparse(result) if isinstance(result, ast.Name) else None
        if isinstance(last, ast.Assign) and ast.unparse(last.targets[0]) == named:
            statements, result = statements[:-1], last.value
        for statement in without_unused(statements, [result]):
            self._write(statement, "local", node)
        if node._array.ndim == 0 and node is not self.names.nodes[-1]:
            # NumPy would go on with a scalar, the tape does not.
            result = ast.Call(ast.parse("np.asarray", mode="eval").body, [result], [])
        source = f" [{op.source}]" if op.source else ""
        comment = f"{op.called}{source} {node._array.shape}"
        self._write(assign(self.names.of(node), result), "result", node, comment=comment)

    def _number_like(self, node: Node) -> None:
        """Local names get the number of the result they belong to: Z1 goes with A1."""
        digits = re.search(r"\d*$", self.names.of(node))
        self.emitter.suffix = digits.group() if digits else ""

    def tidied(self, code: ast.AST) -> Any:
        return ast.fix_missing_locations(Tidy(self.names.ranks).visit(code))

    def _body(self, function: Any, operands: list[Any], params: dict[str, Any], name: str) -> Any:
        """The function's body in line, or a call of its copy where it is no straight line."""
        state = self.emitter.state()
        try:
            try:
                return self.inliner.inline(function, operands, params)
            except NotStraight:
                self.emitter.restore(state)
            copied = ast.Name(self.emitter.helper(function, name), ast.Load())
            positional = [self.emitter.literal(o) for o in operands]
            keywords = [ast.keyword(k, self.emitter.literal(v)) for k, v in params.items()]
        except OSError as error:
            raise OSError(f"{name} cannot be printed: {error}") from error
        return [], ast.Call(copied, positional, keywords)

    # --- backward: the Reading that walk_back asks ----------------------------------------------

    def vjp(self, node: Node, upstream: Named) -> tuple[list[Named | None], bool]:
        """The lines of a node's VJP; what is not wanted is left out."""
        op = node._op
        assert op is not None and op.backward is not None
        self.upstream = upstream.name
        values, _ = self.arrays.vjp(node, upstream.array)
        dy = Variable(upstream.name, tuple(np.shape(upstream.array)), upstream.array.dtype)
        operands = [dy, self.variable(node), *(self.variable(s) for s in node._sources)]
        self._number_like(node)
        statements, result = self._body(op.backward, operands, node._params, f"{op.name}_backward")
        results: list[ast.expr]
        if isinstance(result, ast.Tuple):
            results = result.elts
        elif len(node._sources) == 1 and not op.variadic:
            results = [result]
        else:  # a copied VJP returns its tuple whole
            whole = self.emitter.fresh(f"gradients_of_{op.name}")
            statements = [*statements, assign(whole, result)]
            results = [
                ast.Subscript(ast.Name(whole, ast.Load()), ast.Constant(k), ast.Load())
                for k in range(len(node._sources))
            ]
        wanted = [r for r, need in zip(results, node._wants, strict=True) if need]
        operands_of = self._name_locals(node, [*statements, *results], results, values)
        for statement in without_unused(statements, wanted):
            k = operands_of.get(target_of(statement), -1)
            source = None if k < 0 else node._sources[k]
            self._write(statement, "local" if k < 0 else "gradient", node, source, operand=k)
        found: list[Named | None] = []
        rows = zip(node._sources, results, values, strict=True)
        for k, (source, expression, value) in enumerate(rows):
            if value is None or not (isinstance(source, Node) and source.requires_grad):
                found.append(None)
                continue
            if self._is_line(expression, upstream):
                found.append(self._bind(node, k, expression, value))
            else:
                found.append(Named(ast.unparse(expression), value))
        return found, False

    def _is_line(self, result: ast.expr, upstream: Named) -> bool:
        """Whether a gradient is worth a line: it has none if it only hands a variable on."""
        if not isinstance(result, ast.Name):
            return True
        return self.hands_on and result.id == upstream.name

    def _name_locals(
        self, node: Node, code: list[Any], results: list[ast.expr], values: Any
    ) -> dict[str, int]:
        """A local variable that is returned as a gradient gets the gradient's name at once."""
        names = [n for part in code for n in ast.walk(part) if isinstance(n, ast.Name)]
        assigned = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        rows = zip(node._sources, node._wants, results, values, strict=True)
        operands = {}
        for k, (source, wanted, result, value) in enumerate(rows):
            if not wanted or value is None or not self._fits(value, source):
                continue
            if isinstance(result, ast.Name) and result.id in assigned:
                old, new = result.id, self._gradient_name(source)
                assigned.remove(old)
                for name in names:
                    name.id = new if name.id == old else name.id
                operands[new] = k
        return operands

    @staticmethod
    def _fits(value: Any, source: Node) -> bool:
        """Whether a contribution needs no sum over broadcast axes and no cast."""
        array = source._array
        return bool(np.shape(value) == array.shape and value.dtype == array.dtype)

    def _bind(self, node: Node, k: int, expression: ast.expr, value: Any) -> Named:
        """Gives the contribution of operand k its name."""
        source, op = node._sources[k], node._op
        assert op is not None
        expression = self.tidied(expression)
        if self._fits(value, source):
            name = self._gradient_name(source)
        else:
            name = self.emitter.fresh(f"d{self.names.of(source)}_wide")
        comment = f"{op.called} backward {np.shape(value)}"
        self._write(assign(name, expression), "gradient", node, source, comment, k)
        return Named(name, value)

    def _gradient_name(self, source: Node) -> str:
        """dW, or dW_1, dW_2 … where several paths lead back to W."""
        self.arrived[id(source)] += 1
        name = f"d{self.names.of(source)}"
        several = self.paths[id(source)] > 1
        return self.emitter.fresh(f"{name}_{self.arrived[id(source)]}" if several else name)

    def sum_to(self, gradient: Named, axes: tuple[int, ...], source: Node) -> Named:
        """A line for the sum over the axes that the operand was spread along."""
        value = self.arrays.sum_to(gradient.array, axes, source)
        text = f"np.sum({gradient.name}, axis={axes[0] if len(axes) == 1 else axes})"
        if len(np.shape(gradient.array)) - len(axes) != source._array.ndim:
            text = f"np.reshape({text}, {source._array.shape})"
        done = value.dtype == source._array.dtype
        name = self._gradient_name(source) if done else self.emitter.fresh(f"{gradient.name}_sum")
        comment = f"sum over broadcast axes {np.shape(value)}"
        self._write(f"{name} = {text}", "sum", source, source, comment)
        return Named(name, value)

    def cast(self, gradient: Named, source: Node) -> Named:
        """A line that changes the number type."""
        value = self.arrays.cast(gradient.array, source)
        name = self._gradient_name(source)
        text = f"{name} = {gradient.name}.astype({source._array.dtype.name!r})"
        self._write(text, "cast", source, source)
        return Named(name, value)

    def add(self, first: Named, second: Named, source: Node) -> Named:
        """A line where two paths meet."""
        name = f"d{self.names.of(source)}"
        if name not in (first.name, second.name):
            name = self.emitter.fresh(name)
        text = f"{name} = {first.name} + {second.name}"
        self._write(text, "add", source, source, "the paths add up")
        return Named(name, self.arrays.add(first.array, second.array, source))

    def shape(self, gradient: Named) -> tuple[int, ...]:
        """The shape of its numbers."""
        return tuple(np.shape(gradient.array))

    def dtype(self, gradient: Named) -> Any:
        """Their number type."""
        return gradient.array.dtype
