"""Readings of the tape: none changes it, and none has a formula of its own.

unroll   the tape as a flat NumPy program, forward and backward
inline   from an op's own source to lines of such a program
emit     names, constants and copied functions of a program
tidy     lines as one would write them by hand
program  the text, and how to run and save it
"""

from .program import Program
from .unroll import unroll

__all__ = ["Program", "unroll"]
