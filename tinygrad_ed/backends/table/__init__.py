"""Devices with kernels: which kernel serves which op, whatever the kernels are written in.

backend      the device: its table, and what happens to gradients between two ops
environment  where kernels come from, and how they are run: at once, or noted down as well
products     linear, matmul; rungs: on which rung of a ladder
losses       cross-entropy, binary cross-entropy, squared error
sums         sums and means
softmax      softmax and its logarithm
dropout      dropout
elementwise  any elementwise op, from its own source; plan: what a call comes down to
updates      optimisers, from their rules' own source
generated    kernels made from source
"""
