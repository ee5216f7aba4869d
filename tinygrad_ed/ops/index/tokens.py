"""The words of index formulas: functions, signs, and cutting a text into tokens."""

import re

FUNCTIONS = (
    "exp", "log", "sqrt", "tanh", "sigmoid", "relu", "softplus", "abs", "sign", "sin", "cos",
)  # fmt: skip
"""Functions of one number that a formula may use."""

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
REDUCTIONS = ("Σ", "Π", "max", "min")

_TOKEN = re.compile(
    r"\s*(?P<token>(?:Σ|Π|max|min)_[a-z](?!\w)|[^\W\d]\w*|\d+\.?\d*(?:e[-+]?\d+)?"
    r"|\*\*|==|!=|<=|>=|[-+*/()\[\],:<>])"
)


class IndexFormulaError(ValueError):
    """A formula that cannot be read, or that does not fit the operands it is given."""


def tokens_of(whole: str, part: str) -> list[str]:
    """The tokens of a part of a formula.

    Raises:
        IndexFormulaError: A character that no formula has.
    """
    tokens, place = [], 0
    part = part.rstrip()
    while place < len(part):
        found = _TOKEN.match(part, place)
        if found is None:
            raise IndexFormulaError(
                f"cannot read the index formula {whole!r}: unknown character "
                f"{part[place:].strip()[0]!r}. It may use operands, indices (one small letter), "
                f"numbers, + - * / **, Σ_i, Π_i, max_i, min_i, [i == j] and functions"
            )
        tokens.append(found["token"])
        place = found.end()
    return tokens
