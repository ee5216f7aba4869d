"""Index formulas in a derivation: where one entry comes from, forward and backward.

of_step   the index formula of a step, in the network's names
vjp       the gradient's index formula, derived from the op's own by symbols
calculus  the rules of differentiation
sum, terms, tidy, names   sums with brackets taken out, terms collected, indices named
entry     one entry written out with its numbers
addends, values, meets    its addends, their values, and which row meets which column
styles, writing           as text and as LaTeX
"""
