"""Exercises: an op's body is cut out of the real source, the learner writes it, a grader looks.

    catalogue   what there is to write: every op, every optimiser's rule, a training step by hand
    cut         the work file: signature, docstring, a blank, hints at the end
    wire        what travels between the grader and the learner's process
    child       the learner's process: runs their functions, answers with numbers
    answer      its other end: calls, time limit, memory limit
    engine      an op used by the tape
    same        whether two results are one
    checks_op   the checks of an op's two functions
    checks_step the checks of a rule or of a training step
    grade       all of it: checks, known mistakes, points
    report      as text and as JSON

The learner's process never learns what is right and never says that it passed: it is asked for
numbers on inputs drawn anew, and this side judges them. So nothing that it prints, and no way of
ending, can pass for an answer. It is no sandbox: grade only files that you would run yourself.
"""

from .catalogue import Exercise, Part, exercises
from .cut import cut, work_file
from .grade import grade
from .report import Report

__all__ = ["Exercise", "Part", "Report", "cut", "exercises", "grade", "work_file"]
