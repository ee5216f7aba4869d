"""Index formulas: `Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]`, what one entry of a result is made of.

tree     a formula as a tree
text     a tree written out
tokens   a text cut into signs and names
parse    from text to tree
formula  a naive interpreter, the oracle of the structured ops
rules    the formulas of reductions, products and losses for operands of any rank
moves    those of ops that only move entries
"""
