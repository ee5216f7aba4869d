"""Program lines as one would write them by hand."""

import ast


class Tidy(ast.NodeTransformer):
    """Writes a line as one would by hand: `W.T`, `x[1:]`, no arguments that are defaults."""

    def __init__(self, ranks: dict[str, int]) -> None:
        self.ranks = ranks

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = ast.unparse(node.func)
        if name in ("np.sum", "np.mean", "np.max", "np.min", "np.prod"):
            node.keywords = [k for k in node.keywords if ast.unparse(k) not in _DEFAULTS]
        arguments = [ast.unparse(a) for a in node.args]
        whole = name == "np.transpose" and arguments[1:] in ([], ["None"])
        matrix = name == "np.swapaxes" and arguments[1:] in (["0", "1"], ["-1", "-2"])
        if whole or (matrix and self.ranks.get(arguments[0]) == 2):
            return ast.Attribute(node.args[0], "T", ast.Load())
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        shown = [_as_slice(part) for part in parts]
        node.slice = ast.Tuple(shown, ast.Load()) if isinstance(node.slice, ast.Tuple) else shown[0]
        return node


_DEFAULTS = ("axis=None", "keepdims=False")


def _as_slice(part: ast.expr) -> ast.expr:
    if isinstance(part, ast.Call) and ast.unparse(part.func) == "slice":
        bounds = [None if ast.unparse(a) == "None" else a for a in part.args]
        return ast.Slice(*bounds)
    return part
