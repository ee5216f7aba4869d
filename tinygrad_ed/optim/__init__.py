"""Optimisers: how parameters follow their gradients.

To be read in this order:

- ``rules``: the update rules as plain functions: ``sgd``, ``adagrad``, ``rmsprop``, ``adam``,
  ``adamw``.
- ``flat``: parameters end to end in one buffer, so that one call of a rule updates them all.
- ``homes``: their gradients end to end too, written there by ``backward``.
- ``hyper``, ``parameters``, ``group``: what a user may pass, checked; parameters in groups.
- ``state``: an optimiser's memory as plain data, saved and brought back.
- ``optimizer``: the base class, ``step`` and ``zero_grad``.
- ``algorithms``: ``SGD``, ``AdaGrad``, ``RMSProp``, ``Adam``, ``AdamW``.

The names of hyper-parameters, their defaults and the rules are PyTorch's.
"""

from . import rules
from .algorithms import SGD, AdaGrad, Adam, AdamW, RMSProp
from .group import ParameterGroup
from .optimizer import Optimizer

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Optimizer", "ParameterGroup", "RMSProp", "rules"]
