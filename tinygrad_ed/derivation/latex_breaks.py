"""Displayed formulas of a LaTeX document that fit the line: long ones broken at their signs.

Width is counted in letters, generously; what a break cannot make fit is made smaller by `\\fit`,
which the document's preamble defines.
"""

import re

from .parts import split_outside

LINE = 78
"""Letters that fit into a line."""

INDENT = 4
"""How many of them the later lines of a formula stand further in."""

_SIGNS = (" = ", r" \leftarrow ", " + ", " - ", r" \odot ", r" \cdot ", r"\,", ", ")
"""Where a formula may be broken, the best places first."""

_SHORT = {r"\left": "", r"\right": "", r"\displaystyle": "", r"\text": "", r"\mathrm": ""}
_ROWS = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}", re.DOTALL)


def display(latex: str) -> str:
    """A formula on lines of its own."""
    whole = latex.strip()
    found = _ROWS.fullmatch(whole)
    if found and r"\begin{aligned}" not in found[1]:
        rows = [row.strip() for row in split_outside(found[1], r"\\")]
        before = max(width(row.partition("&")[0]) for row in rows)
        return _aligned([line for row in rows for line in _fitted(row, before)])
    lines = _fitted(whole)
    return f"\\[ {lines[0]} \\]" if len(lines) == 1 else _aligned(lines)


def width(latex: str) -> float:
    """How many letters wide a formula is, roughly; a fraction as wide as its wider part."""
    latex = re.sub(r"\\(?:begin|end)\{\w+\}", "", latex)
    latex = re.sub("[^\\x00-\u024f]", "U+0000", latex)  # what TeX's fonts lack is set by number
    return _width(_fractions(latex))


def _width(latex: str) -> float:
    signs = len(re.findall(r" [-+=] |\\c?o?dot\b", latex))  # with room on both sides
    plain = re.sub(r"\\[A-Za-z]+", lambda m: _SHORT.get(m.group(), _letters(m.group())), latex)
    plain = re.sub(r"\\[,;:! ]", "", plain)
    raised = sum(len(m) for m in re.findall(r"[_^]\{([^{}]*)\}", plain))
    return len(re.sub(r"[{}^_&\s]", "", plain)) - 0.3 * raised + signs


def _letters(command: str) -> str:
    """Signs are one letter wide, functions such as \\exp as wide as their names."""
    return command[1:] if command in (r"\exp", r"\max", r"\min", r"\tanh", r"\ln") else "x"


def _fractions(latex: str) -> str:
    """With every innermost fraction replaced by its wider part, until there is none."""
    pattern = re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}")
    flat = re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", latex)
    flat = re.sub(r"\\(?:mathrm|text|texttt|operatorname)\{([^{}]*)\}", r"\1", flat)
    while pattern.search(flat):
        flat = pattern.sub(lambda m: max(m[1], m[2], key=_width), flat)
        flat = re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", flat)
    return flat


def _aligned(lines: list[str]) -> str:
    return "\\[ \\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned} \\]"


def _fitted(row: str, before: float = 0.0) -> list[str]:
    """A row as lines that fit, the later ones indented; each with its place of alignment, if the
    row has one or is broken.

    Args:
        row: Of an `aligned`, or a whole formula.
        before: How wide the left sides of such an `aligned` are.
    """
    left, aligned, right = row.partition("&")
    if max(before, width(left)) + width(right) <= LINE:
        return [row]
    if not aligned:
        left, right = _sides(row)
    lines = _broken(right, LINE - min(max(before, width(left)), LINE / 2) - INDENT, 0)
    return [f"{left}&{lines[0]}", *(f"&\\qquad {line}" for line in lines[1:])]


def _sides(row: str) -> tuple[str, str]:
    """What stands before the first sign of equality, and the rest with that sign."""
    for sign in _SIGNS[:2]:
        left, *rest = split_outside(row, sign)
        if rest:
            return left + " ", sign.lstrip() + sign.join(rest)
    return "", row


def _broken(formula: str, room: float, depth: int) -> list[str]:
    """A formula in pieces that fit; brackets around long parts are made breakable."""
    if width(formula) <= room:
        return [formula]
    for sign in _SIGNS:
        first, *others = split_outside(formula, sign)
        if others:
            pieces = _broken(first, room, depth) if first else []
            for other in others:
                start, *rest = _broken(other, room - 2, depth)
                pieces += [_sign(sign) + start, *rest]
            return _gathered(pieces, room)
    opened = _opened(formula)
    if depth < 8 and opened != formula:
        return _broken(opened, room, depth + 1)
    return [rf"\fit{{{formula}}}"]


def _sign(sign: str) -> str:
    """The sign at the beginning of a line, spaced as between its sides."""
    if sign == ", ":
        return r"{},\, "
    return "{} " + (r"\cdot " if sign == r"\," else sign.lstrip())


def _gathered(pieces: list[str], room: float) -> list[str]:
    """Neighbouring pieces on one line as far as it goes."""
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if width(lines[-1]) + width(piece) <= room and r"\fit" not in lines[-1] + piece:
            lines[-1] += " " + piece
        else:
            lines.append(piece)
    return lines


def _opened(formula: str) -> str:
    """The outermost growing brackets as ones of a fixed size, between which a line may end."""
    depth, parts, k = 0, [], 0
    for match in re.finditer(r"\\(left|right)\b\s*(\\[{}|]|\\[lr]floor|[()\[\]|.])", formula):
        side, sign = match.groups()
        depth += 1 if side == "left" else 0
        outermost = depth == 1 and not _inside_braces(formula, match.start())
        size = ("\\bigl" if side == "left" else "\\bigr") + sign if outermost else match.group()
        parts += [formula[k : match.start()], size]
        depth -= 1 if side == "right" else 0
        k = match.end()
    return "".join([*parts, formula[k:]])


def _inside_braces(formula: str, place: int) -> bool:
    before = re.sub(r"\\[{}\\]", "", formula[:place])
    return before.count("{") > before.count("}")
