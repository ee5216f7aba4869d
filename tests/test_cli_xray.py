"""`tinygrad-ed xray`: the network's own products, counts by line, and messages that teach."""

import re

import numpy as np
import pytest
from cuda.kernel_runs import LIBRARY
from cuda.on_sim import needs_compiler
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import RUNGS, launches
from tinygrad_ed.kernels.cuda.declared import KERNELS

import tinygrad_ed as tg
from tinygrad_ed import cli, nn
from tinygrad_ed import cli_xray_operands as of


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["xray", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_there_are_operands_for_every_kernel() -> None:
    assert of.DRAWN.keys() == {name for name in vars(launches) if name in KERNELS}


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", of.DRAWN)
def test_the_operands_are_what_the_kernel_is_made_for(kernel: str, dtype: str) -> None:
    _, operands = of.matrix_operands(kernel, (3, 5), dtype)
    made_for = dtype if dtype in KERNELS[kernel].dtypes else "uint8"
    assert LIBRARY.get(kernel, made_for).launch(*operands)


def test_the_products_are_those_of_a_training_step() -> None:
    X, t, layers = of._batch_and_layers()
    model = nn.Sequential(*layers)
    model.zero_grad()
    tg.bce_with_logits(model(tg.tensor(X)), tg.tensor(t)).backward()
    found = of.products()
    assert sorted(found) == ["Z1", "Z2", "Z3", "dW1", "dW2", "dW3", "dZ1", "dZ2"]
    for n, layer in enumerate(layers, 1):
        product = found[f"dW{n}"]
        np.testing.assert_allclose(
            product.A @ product.B, layer.W.grad.numpy(), rtol=1e-4, atol=1e-6
        )
        assert found[f"Z{n}"].A.shape == product.A.shape[::-1]


def test_a_transposed_operand_stays_a_view() -> None:
    what, (A, B, C, *_) = of.product_operands("dZ1", (None,) * 3, "float64")
    assert what.startswith("dZ1 = dZ2 W2ᵀ where A1 > 0, (32, 64) @ (64, 64)")
    assert B.strides == (8, 64 * 8)
    assert (A.dtype, B.dtype, C.shape) == ("float64", "float64", (32, 64))


def test_list_names_every_rung_and_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "list").splitlines()
    assert [line.split()[1] for line in lines if line.startswith("  --rung")] == list(RUNGS)
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["matmul", *of.DRAWN]


@needs_compiler
def test_a_layer_of_the_network_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "matmul", "--rung", "naive")
    assert out.startswith("matmul, rung naive (float32): A1 = relu(X W1 + b1), (32, 30) @ (30, 64)")
    assert "8 blocks of 256 threads; shared memory of a block: 0 bytes" in out
    loads = 2 * 32 * 30 * 64
    line = re.search(r"naive.cu:\d+  for .*fma.*\n  global load +(.*)\n +(.*)\n", out)
    assert line
    assert line[1] == f"{loads // 32:,} by warps, {loads:,} by threads, {4 * loads:,} bytes"
    assert line[2].startswith("63,360 sectors of 32 bytes where 9,600 would do, 6.6 times")
    assert "The next bottleneck. The numbering" in out
    assert "The next rung, coalesced. The same loop as naive" in out
    # and the bias: 32 threads of a warp want the same number
    assert "a thread loads 2.03 numbers from global memory" in out


@needs_compiler
def test_one_line_of_given_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--M", "16", "--K", "32", "--N", "16", "--dtype", "float64")
    whole = printed(capsys, "matmul", "--rung", "shared_tile", *sizes)
    number = re.search(r"shared_tile.cu:(\d+)  __sync", whole)
    assert number
    out = printed(capsys, "matmul", "--rung", "shared_tile", *sizes, "--line", number[1])
    assert out.splitlines()[0].endswith("(float64): C = A B, (16, 32) @ (32, 16)")
    assert re.findall(r"^\w+\.cuh?:\d+", out, re.MULTILINE) == [f"shared_tile.cu:{number[1]}"]
    assert "each block waits 2 times" in out
    assert "bottleneck" not in out
    assert cli.main(["xray", "matmul", "--rung", "shared_tile", *sizes, "--line", "1"]) == 2
    assert f"lines with counts: 25, 26, {number[1]}" in capsys.readouterr().err


@needs_compiler
def test_another_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "sum_rows", "--M", "4", "--N", "32")
    assert out.startswith("sum_rows (float32): normal numbers, (4, 32)\n1 block of 1024 threads")
    assert re.search(r"global load +4 by warps, 128 by threads, 512 bytes", out)
    assert "multiply-add" not in out


@needs_compiler
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["matmul", "--rung", "fast"], ["'fast'", *RUNGS]),
        (["matmull"], ["'matmull'", "matmul", *of.DRAWN]),
        (["matmul", "--product", "Z9"], ["'Z9'", "Z1", "dW2", "dZ1"]),
        (["sum_rows", "--rung", "naive"], ["--rung belongs to matmul"]),
        (["sum_rows", "--K", "3"], ["--K and --product belong to matmul", "--M rows of --N"]),
        (["matmul", "--product", "Z1", "--M", "3"], ["--product", "leave out"]),
        (["matmul", "--M", "4096", "--K", "4096"], ["4096 x 4096 take minutes", "take 128"]),
        (["matmul", "--M", "0"], ["'0' is no whole number of at least 1"]),
        ([], ["NAME"]),
    ],
    ids=lambda value: " ".join(value) if value[:1] != ["'"] else "",
)
def test_what_is_not_there_exits_2_and_what_there_is_is_listed(
    arguments: list[str], told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["xray", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert all(word in err for word in told), err


def test_without_a_compiler_the_fix_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert sim.why_unusable() is not None
    assert cli.main(["xray", "matmul"]) == 2
    assert "'no-such-compiler'; install it: apt-get install g++" in capsys.readouterr().err
