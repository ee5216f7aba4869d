"""`tg.explain`: the derivation of your own network with your own numbers.

A reading of the tape: it takes every formula from the source of what ran, runs it, and shows both.

explain      the public function
replay       the tape once more, with fused nodes taken apart
reader       from its lines to steps, each run as it is read
steps        what a derivation consists of
index_forms  the index formula of a step, the gradient's derived from it, one entry written out
entries      one entry with its numbers
convention   samples as columns
chain        the chain rule from the loss to one weight
update       an optimiser's step; update_rule: its rule as straight lines
wanted       what is asked for: which tensor, which entry, starting with what
expressions  small rewritings of formulas
math         formulas in LaTeX and in Unicode
wording      names and formulas as they are written
derivation   the object that is given; as_text, as_json, as_html, as_latex: ways to look at it
show         as text, in colours on a terminal
parts        each step's formulas in Unicode and LaTeX; page*: the HTML; latex_*: the document
"""

from .derivation import Derivation
from .explain import explain
from .steps import Entry, Formula, Step

__all__ = ["Derivation", "Entry", "Formula", "Step", "explain"]
