"""Readings of the tape: none changes it, and none has a formula of its own.

names    what the tensors of a tape are called
line     one line of a reading: a statement, and whose it is
lines    the tape line by line, forward and backward
unroll   those lines as a flat NumPy program
inline   from an op's own source to lines of such a program
ahead    what shapes and parameters decide before there are numbers
effects  what changes in place, and must not be moved or dropped
copied   a function copied whole, where it is no straight line
emit     names, constants and helpers of a program
tidy     lines as one would write them by hand
program  the text, and how to run and save it

cost        what each node computes and moves, and how long that takes
cost_rules  counting arithmetic and memory traffic
cost_table  the numbers as a table
"""

from .cost import cost
from .cost_table import Cost
from .program import Program
from .unroll import unroll

__all__ = ["Cost", "Program", "cost", "unroll"]
