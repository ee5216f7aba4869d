"""`tg.capture`: a training step as one program.

options       what it was told
step          the public function: traces, checks, runs
arguments     what the step's signature says
trace         what one run of a step computed, and what it took for granted
traced        the back ends that note it down
stepping      an optimizer's step in a trace
gradients     what becomes of the leaves' gradients
attributes    what a program takes for granted of a layer
settings      hyper-parameters, looked up again when something changed
recent        programs and traces by the shape of the batch
compare       whether two traces are the same program
instructions  launches and formulas
graph         who reads and who writes which memory
constants     computed once
copies        left out, or made by a kernel
fusions       launches joined, never another bit
memory        the program's own memory
result        what a step returns, made anew each time
program       tables and formulas in turn
arrays        where arrays lie, on the host or on a GPU
table         rows of words for the machine, which a compiled loop runs
launch_list   launches of CUDA kernels, recorded as one graph
counters      what the host counts, as such a graph counts it
batches       an epoch of such graphs
epoch         batches gathered and steps taken in one call
listing       a program as text
"""

from .step import CapturedStep, capture

__all__ = ["CapturedStep", "capture"]
