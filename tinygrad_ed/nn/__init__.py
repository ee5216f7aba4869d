"""Networks: layers that own parameters, and what may be asked of a whole network.

    parameter    `Parameter`: a tensor that is trained
    module       `Module`: parameters by name, modes, saving, devices
    init         what weights start from: zeros, normal, Glorot, He, and two libraries' defaults
    layers       `Linear`, `Dropout`, `Flatten`, `Sequential`
    activations  `ReLU`, `Sigmoid`, `Tanh` and their kin as layers
    summary      a network as a table

A layer is `Z = X W + b` with rows as samples, so **`W` is (in, out)** [D1-F1]; PyTorch stores its
transpose. `Linear.from_torch_layout` and `Linear.to_torch_layout` convert.
"""

from . import init
from .activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .layers import Dropout, Flatten, Linear, Sequential
from .module import Module, evaluation
from .parameter import Parameter

__all__ = [
    "GELU",
    "Dropout",
    "Flatten",
    "LeakyReLU",
    "Linear",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "evaluation",
    "init",
]
