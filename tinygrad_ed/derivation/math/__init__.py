"""Formulas as mathematics: the lines of a printed program in LaTeX or Unicode.

    symbols = Symbols(shapes={"A0": 2, "dZ1": 2, "W1": 2}, gradients={"dW1": "W1", "dZ1": "Z1"})
    text(ast.parse("dW1 = A0.T @ dZ1"), symbols)      # dW₁ = A₀ᵀ dZ₁
    latex(ast.parse("dW1 = A0.T @ dZ1"), symbols)     # \\mathrm{d}W_{1} = A_{0}^{\\top} \\, …

What is written means what the program computes, brackets included; only rounding may differ where
NumPy has a function that is more exact than its definition (`np.log1p(x)` is written ln(1 + x)).
"""

import ast

from .names import Form, Symbols, form_of
from .numbers import substitute
from .pieces import Alphabet
from .shapes import shape_of
from .tex import Latex
from .unicode import Text
from .walk import Walk

__all__ = ["Form", "Symbols", "form_of", "latex", "learned", "substitute", "text"]


def latex(code: ast.AST, symbols: Symbols) -> str:
    """An expression or statements in LaTeX math, for KaTeX and for LaTeX with amsmath.

    Several statements become one `aligned` block. What has no mathematical form (a lambda, a loop)
    is shown as `\\texttt{}`.
    """
    return _rendered(code, symbols, Latex())


def text(code: ast.AST, symbols: Symbols) -> str:
    """An expression or statements in Unicode, for a terminal; one line for each statement.

    What has no mathematical form is shown as program text between backquotes.
    """
    return _rendered(code, symbols, Text())


def learned(code: ast.AST, symbols: Symbols) -> Symbols:
    """The symbols and the local variables that these statements assign, with their shapes."""
    for statement in _statements(code):
        if isinstance(statement, ast.Assign):
            shape = shape_of(statement.value, symbols.shape)
            for target in statement.targets:
                if isinstance(target, ast.Name) and target.id not in symbols.shapes:
                    symbols = symbols.knowing(target.id, shape)
    return symbols


def _statements(code: ast.AST) -> list[ast.stmt]:
    if isinstance(code, ast.Module):
        return code.body
    return [code] if isinstance(code, ast.stmt) else []


def _rendered(code: ast.AST, symbols: Symbols, alphabet: Alphabet) -> str:
    if isinstance(code, ast.Expression):
        code = code.body
    walk = Walk(alphabet, symbols, code)
    statements = _statements(code)
    if not statements:
        return walk.piece(code).text
    lines = []
    for statement in statements:
        lines.append(_statement(walk, statement))
        if statement is not statements[-1]:
            walk.symbols = learned(statement, walk.symbols)
    if len(lines) == 1:
        return "".join(lines[0])
    return alphabet.lines(lines)


def _statement(walk: Walk, statement: ast.stmt) -> tuple[str, str]:
    """Left side, and sign of equality with the right side; no left side for an expression."""
    signs = walk.alphabet.signs
    if isinstance(statement, ast.Assign):
        left = signs["=="].join(_target(walk, t) for t in statement.targets)
        return left, signs["=="] + walk.inside(statement.value)
    if isinstance(statement, ast.AugAssign):
        target = _target(walk, statement.target)
        old = ast.parse(ast.unparse(statement.target), mode="eval").body
        new = ast.BinOp(old, statement.op, statement.value)
        return target, signs["becomes"] + walk.inside(new)
    if isinstance(statement, ast.Expr | ast.Return) and statement.value is not None:
        return "", _added(walk, statement.value) or walk.piece(statement.value).text
    return "", walk.alphabet.code(ast.unparse(statement))


def _target(walk: Walk, target: ast.expr) -> str:
    if isinstance(target, ast.Tuple):
        return walk.alphabet.signs["comma"].join(_target(walk, t) for t in target.elts)
    if isinstance(target, ast.Name):
        return walk.piece(ast.Name(target.id, ast.Load())).text
    return walk.piece(target).text


def _added(walk: Walk, call: ast.expr) -> str | None:
    """np.add.at(out, places, x): each entry of x is added at its place."""
    if not isinstance(call, ast.Call) or call.keywords or len(call.args) != 3:
        return None
    if ast.unparse(call.func) != "np.add.at":
        return None
    out, places, values = call.args
    target = ast.Subscript(out, places, ast.Load())
    sign = walk.alphabet.signs["gathers"]
    return f"{walk.piece(target).text}{sign}{walk.inside(values)}"
