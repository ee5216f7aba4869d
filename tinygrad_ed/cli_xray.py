"""`tinygrad-ed xray`: what each line of a CUDA kernel asks of memory, on the network just trained."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DeviceError
from .train.options import at_least

if TYPE_CHECKING:
    from .kernels.cuda.xray import Xray
    from .kernels.sim import Row

Array = np.ndarray[Any, Any]
Operands = tuple[Any, ...]

BATCH = 32
"""Rows of the network's step."""
SIDE = 64
"""What a size is that was not given beside others that were."""
MOST = 1 << 24
"""Multiply-adds, or entries, that are simulated in a time that one waits for."""

DRAWN: dict[str, Callable[[Array], Operands]] = {
    "slope": lambda x: (0 * x, x, x, 1),
    "slope_of_dropped": lambda x: (0 * x, x, x, 0.5),
    "advance": lambda x: (np.zeros(1, np.int64), 1),
    "dropout": lambda x: (x, 0 * x, 0.5, 0, 0),
    "gather": lambda x: (0 * x, x, np.arange(len(x))[::-1].copy(), 0, len(x)),
    "ordered": lambda x: (0 * x, x.T),
    "sum_all": lambda x: (x, x[0, :1].copy(), 0),
    "sum_columns": lambda x: (x, x[:, 0].copy(), x.shape[1], 0),
    "sum_rows": lambda x: (x, x[0].copy(), 0),
    "spread": lambda x: (0 * x, x[0].copy(), x.shape[1], 0),
    "softmax_rows": lambda x: (x, 0 * x, x.shape[1]),
    "softmax_rows_vjp": lambda x: (0 * x, x, x, x.shape[1]),
    "log_softmax_rows": lambda x: (x, 0 * x, x.shape[1]),
    "log_softmax_rows_vjp": lambda x: (0 * x, x, x, x.shape[1]),
    "bce_with_logits": lambda x: (x, (x > 0).astype(x.dtype), x[0, :1].copy(), 0 * x, *_ONE(x), 1.0, 1),
    "mse": lambda x: (x, 0 * x, x[0, :1].copy(), 0 * x, *_ONE(x), 1),
    "cross_entropy_labels": lambda x: (
        *(x, np.arange(len(x)) % x.shape[1], x[0, :1].copy(), 0 * x, *_ONE(x), x.shape[1], 1),
    ),
}
"""Kernel -> its operands, made from a matrix (M, N)."""


def _ONE(x: Array) -> tuple[Array]:
    return (np.ones(1, x.dtype),)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add = parser.add_argument
    add("kernel", metavar="NAME", help="matmul, another kernel, or list for all there are")
    add("--rung", metavar="R", help="of matmul: which rung (default: the one that the engine uses)")
    add("--product", metavar="P", help="of the network: Z1 (default), Z2, Z3, dW1, dW2, dW3, dZ1, dZ2")
    for name, of in (("M", "rows of A and C"), ("K", "columns of A, rows of B"), ("N", "columns")):
        add(f"--{name}", type=at_least(1), metavar=name, help=f"{of}, in place of the network's")
    add("--dtype", choices=("float32", "float64"), default="float32", help="default: float32")
    add("--line", type=at_least(1), metavar="L", help="only this line of the kernel's file")


def run(arguments: argparse.Namespace) -> int:
    """Launches the kernel on the simulator and prints what was counted."""
    from .kernels import sim
    from .kernels.cuda.xray import xray

    if arguments.kernel == "list":
        print("\n".join(listed()))
        return 0
    name, rung = chosen(arguments.kernel, arguments.rung)
    check_options(arguments, bool(rung))
    cause = sim.why_unusable()
    if cause is not None:
        raise DeviceError(f"CUDA kernels are simulated by a C++ program: {cause}")
    what, operands = (product_of if rung else matrix_of)(arguments)
    title = f"matmul, rung {rung}" if rung else name
    shown = sys.stderr is not None and sys.stderr.isatty()
    if shown:
        print(f"compiling and simulating {title} …", end="", file=sys.stderr, flush=True)
    try:
        found = xray(name, arguments.dtype, operands)
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    print(f"{title} ({arguments.dtype}): {what}")
    print("\n".join(report(found, rung, operands, arguments.line)))
    return 0


# --- which kernel ---------------------------------------------------------------------------------


def listed() -> list[str]:
    """Every kernel with its formula; the rungs of matmul."""
    from .kernels.cuda.declared import KERNELS
    from .kernels.cuda.ladder import RUNGS
    from .kernels.cuda.xray import header

    lines = [f"{'matmul':<21} C = f(A B + b), on the rungs"]
    for rung in RUNGS.values():
        lines.append(f"  --rung {rung.rung:<15}{header(rung.file)[''].partition(': ')[2]}")
    for name in DRAWN:
        lines.append(f"{name:<21} {(KERNELS[name].head.__doc__ or '').splitlines()[0]}")
    return lines


def chosen(kernel: str, rung: str | None) -> tuple[str, str]:
    """The kernel's name in the library and the rung; "" for one without rungs.

    Raises:
        ValueError: There is no such kernel or rung; those that there are, are listed.
    """
    from .kernels.cuda.ladder import RUNGS, TOP

    if kernel == "matmul":
        if rung is not None and rung not in RUNGS:
            raise ValueError(f"matmul has no rung {rung!r}; its rungs are {', '.join(RUNGS)}")
        return f"product_{rung or TOP}", rung or TOP
    if kernel not in DRAWN:
        raise ValueError(f"there is no kernel {kernel!r}; one of matmul, {', '.join(DRAWN)}")
    if rung is not None:
        raise ValueError(f"--rung belongs to matmul; {kernel} has no rungs")
    return kernel, ""


def check_options(arguments: argparse.Namespace, is_product: bool) -> None:
    """Options that contradict each other, or a size that takes too long.

    Raises:
        ValueError: They do; the message says what to leave out.
    """
    sizes = [arguments.M, arguments.K, arguments.N]
    if not is_product and (arguments.K or arguments.product):
        raise ValueError(f"--K and --product belong to matmul; {arguments.kernel} takes --M and --N")
    if arguments.product and any(sizes):
        raise ValueError("--product is one of the network's, which has its sizes: leave out the others")
    M, K, N = (size or SIDE for size in sizes)
    if M * N * (K if is_product else 1) > MOST:
        raise ValueError(
            f"{M} x {K} x {N} would take minutes, thread by thread: what is counted repeats from tile "
            f"to tile, so a few tiles tell as much; 128 x 128 x 128, say"
        )


# --- on what --------------------------------------------------------------------------------------


def trained() -> tuple[Array, Array, list[Any]]:
    """A batch, its targets and the layers of the network of `tinygrad-ed train`, after an epoch."""
    from .data import breast_cancer
    from .train.binary import train_binary

    found = train_binary(breast_cancer(), device="numpy", epochs=1, progress=False)
    return found.data.X_train[:BATCH], found.data.y_train[:BATCH], list(found.model)


def products() -> dict[str, tuple[str, Operands]]:
    """The products of one training step: name -> formula, and operands without the result."""
    X, t, layers = trained()
    weights = [layer.W.numpy() for layer in layers]
    biases = [layer.b.numpy() for layer in layers]
    found: dict[str, tuple[str, Operands]] = {}
    inputs = [X]
    for n, (W, b) in enumerate(zip(weights, biases, strict=True), 1):
        hidden = n < len(layers)
        name = f"Z{n} = {_input(n)} W{n} + b{n}"
        found[f"Z{n}"] = (f"A{n} = relu({name})" if hidden else name, (inputs[-1], W, b, int(hidden)))
        Z = inputs[-1] @ W + b
        inputs.append(np.maximum(Z, 0) if hidden else Z)
    dZ = (1 / (1 + np.exp(-inputs.pop())) - t) / np.float32(len(X))
    for n in range(len(layers), 0, -1):
        found[f"dW{n}"] = f"dW{n} = {_input(n)}ᵀ dZ{n}", (inputs[n - 1].T, dZ, None, 0)
        if n > 1:
            name = f"dZ{n - 1} = dZ{n} W{n}ᵀ where A{n - 1} > 0"
            found[f"dZ{n - 1}"] = name, (dZ, weights[n - 1].T, None, 0, inputs[n - 1], 1)
            dZ = (dZ @ weights[n - 1].T) * (inputs[n - 1] > 0)
    return found


def _input(n: int) -> str:
    return "X" if n == 1 else f"A{n - 1}"


def product_of(arguments: argparse.Namespace) -> tuple[str, Operands]:
    """The product that the options name: in words, and its operands."""
    rng = np.random.default_rng(0)
    if arguments.M or arguments.K or arguments.N:
        M, K, N = (size or SIDE for size in (arguments.M, arguments.K, arguments.N))
        what, given = "C = A B of normal numbers", (rng.normal(size=(M, K)), rng.normal(size=(K, N)))
    else:
        all_of_them, name = products(), arguments.product or "Z1"
        if name not in all_of_them:
            raise ValueError(f"the network has no product {name!r}; it has {', '.join(all_of_them)}")
        what, given = all_of_them[name]
        what += ", in the network of `tinygrad-ed train` after an epoch"
    A, B, bias, activation, gate, kind = (*given, *(None, 0, None, 0)[len(given) - 2 :])
    A, B, bias, gate = (_as(x, arguments.dtype) for x in (A, B, bias, gate))
    C = np.empty((A.shape[0], B.shape[1]), arguments.dtype)
    return f"{what}, {A.shape} @ {B.shape}", (A, B, C, bias, activation, gate, kind)


def _as(array: Array | None, dtype: str) -> Array | None:
    """Of this number type; a transposed array stays one."""
    return None if array is None else array.astype(dtype, order="K")


def matrix_of(arguments: argparse.Namespace) -> tuple[str, Operands]:
    """A matrix for the other kernels: in words, and the operands made from it."""
    if arguments.M or arguments.N:
        shape = arguments.M or SIDE, arguments.N or SIDE
        what, x = "on normal numbers", np.random.default_rng(0).normal(size=shape)
    else:
        what, x = "on the first hidden layer of the network of `tinygrad-ed train`", products()["Z2"][1][0]
    dtype = "uint8" if arguments.kernel == "gather" else arguments.dtype
    return f"{what}, {x.shape}", DRAWN[arguments.kernel](x.astype(dtype))
