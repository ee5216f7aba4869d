"""KaTeX takes every formula that is written in LaTeX: those of all ops, and names of any kind."""

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from derivation.test_math import LOOKS, NETWORK, expressions
from derivation.test_math_registry import lines_of, recorded, textbook_of
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import examples

from tinygrad_ed.derivation import math
from tinygrad_ed.derivation.math import Symbols, latex, substitute
from tinygrad_ed.ops import registry

KATEX = Path(math.__file__).parent / "katex" / "katex.min.js"

# Letters outside KaTeX's fonts are taken from the page's: no mistake of ours.
CHECK = """
const katex = require(process.argv[1]);
const letters = ["unknownSymbol", "unicodeTextInMathMode", "symbolNotInFont"];
const options = {throwOnError: true, displayMode: true,
                 strict: code => letters.includes(code) ? "ignore" : "error"};
const refused = [];
for (const formula of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
    try { katex.renderToString(formula, options); }
    catch (error) { refused.push(formula + "   " + error.message); }
}
console.log(JSON.stringify(refused));
"""


def refused_by_katex(formulas: list[str]) -> list[str]:
    """The formulas that KaTeX does not take, each with what it says."""
    node = shutil.which("node")
    if node is None or not KATEX.exists():
        pytest.skip("node, or the package's own copy of KaTeX, is not there")
    command = [node, "-e", CHECK, str(KATEX)]
    done = subprocess.run(
        command, input=json.dumps(formulas), capture_output=True, text=True, check=True
    )
    refused: list[str] = json.loads(done.stdout)
    return refused


def test_katex_refuses_what_is_no_latex() -> None:
    (message,) = refused_by_katex([r"\frac{1}{2", "x^{2}"][:1])
    assert "expected '}'" in message.lower()


def test_katex_takes_the_forms_of_a_derivation() -> None:
    assert refused_by_katex([tex for _, _, tex in LOOKS]) == []


def formulas_of(name: str) -> list[str]:
    """What is written of one op: each line of its printed program, and all of them together."""
    op = registry[name]
    formulas: list[str] = []

    @examples(2)
    @given(CASES[name].smooth)
    def collect(drawn: tuple[list[object], dict[str, object]]) -> None:
        for form in [op] if op.textbook_form is None else [op, textbook_of(op)]:
            statements, _, symbols = lines_of(recorded(form, *drawn))
            formulas.extend(latex(s, symbols) for s in statements)
            formulas.append(latex(ast.Module(list(statements), []), symbols))

    collect()
    return formulas


def test_katex_takes_every_formula_of_every_op() -> None:
    assert refused_by_katex([formula for name in CASES for formula in formulas_of(name)]) == []


def test_katex_takes_any_expression_and_any_name() -> None:
    formulas: list[str] = []

    @examples(150)
    @given(expressions, st.text(min_size=1, max_size=8), st.floats())
    def collect(code: str, label: str, value: float) -> None:
        node = ast.parse(code)
        formulas.append(latex(node, NETWORK))
        named = Symbols(labels={"X": label}, gradients={"a": "X", "dX": "X"}, full=True)
        formulas.append(latex(node, named))
        formulas.append(latex(ast.parse("dX = a"), named))
        formulas.append(latex(substitute(node, {"X": value, "a": [[value, 1.0]]}), named))
        formulas.append(latex(ast.parse(f"f({label!r}) + (lambda x: {label!r})"), NETWORK))

    collect()
    assert refused_by_katex(formulas) == []
