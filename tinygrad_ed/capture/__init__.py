"""`tg.capture`: a training step as one program.

step          the public function: traces, checks, runs
trace         the back end that notes down what a step computes
compare       whether two traces are the same program
gradients     what becomes of the leaves' gradients
settings      hyper-parameters, looked up again at each run
instructions  launches and formulas
fusions       launches joined, never another bit
program       tables and formulas in turn
table         rows of words for the machine
epoch         batches gathered and steps taken in one call
listing       a program as text
"""

from .step import CapturedStep, capture

__all__ = ["CapturedStep", "capture"]
