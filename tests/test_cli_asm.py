"""`tinygrad-ed asm`: a kernel's inner loop, its counts, and messages that list what there is."""

import pytest
from tinygrad_ed.kernels.cpu import assembly
from tinygrad_ed.kernels.cpu.assembly import Counts, Loop
from tinygrad_ed.kernels.cpu.loaded import FILES

from tinygrad_ed import cli
from tinygrad_ed.cli_asm import chosen, facts, headline

LOOP = Loop(
    (".L1:", "\tvfmadd231ps\t(%rax), %zmm1, %zmm2", "\tjne\t.L1"),
    Counts(24, 0, 64, 38, 14, 12, 0, 3, 2, 29),
)


def test_the_rungs_that_it_lists_are_those_that_there_are() -> None:
    from tinygrad_ed.kernels.cpu.products import RUNGS

    with pytest.raises(ValueError, match="no rung 'x'") as refused:
        chosen("matmul", "x")
    assert str(refused.value).endswith("its rungs are " + ", ".join(RUNGS))
    for rung in RUNGS:
        assert chosen("matmul", rung) == ("matmul", rung)
    assert chosen("matmul", None) == ("matmul", "tiled")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["asm", "matmul", "--rung", "fast"], ["'fast'", "naive", "loop_order", "tiled"]),
        (["asm", "relux"], ["'relux'", "matmul", *FILES]),
        (["asm", "slope", "--rung", "tiled"], ["--rung belongs to matmul"]),
        (["asm", "matmul", "--dtype", "float16"], ["float32", "float64"]),
        (["asm"], ["NAME"]),
    ],
    ids=lambda value: " ".join(value) if value[0] == "asm" else "",
)
def test_what_is_not_there_exits_2_and_what_there_is_is_listed(
    arguments: list[str], told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert all(word in printed.err for word in told)


def test_a_kernel_is_compiled_and_its_loop_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["asm", "count_from", "--dtype", "float64"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("count_from (float64) on ")
    assert printed.err == ""


def test_the_lowest_rung_works_on_single_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["asm", "matmul", "--rung", "naive"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("matmul, rung naive (float32) on ")
    assert "no inner loop has vector multiply-adds" in printed


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled: the loop is there already."""
    monkeypatch.setattr(assembly, "assembly_of_rung", lambda rung, dtype: "text")
    monkeypatch.setattr(assembly, "main_loop", lambda text: LOOP)


def test_loop_and_counts_are_printed(ready: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["asm", "matmul"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("the inner loop with the most vector multiply-adds")
    assert lines[1:4] == list(LOOP.lines)
    told = [" ".join(line.split()) for line in lines[5:]]
    assert told == [
        "vector multiply-adds 24, each on 16 numbers (512 bits)",
        "single multiply-adds 0",
        "on vector registers 38 instructions",
        "loads 14, 12 of them one number into all lanes",
        "stores 0",
        "spills 3 stores to the stack, 2 loads from it",
        "vector registers 29 in use",
    ]


def test_the_loop_alone(ready: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["asm", "matmul", "--loop"]) == 0
    assert capsys.readouterr().out.splitlines() == list(LOOP.lines)


def test_without_a_loop_or_counts_it_says_so() -> None:
    assert headline(None) == "no loop"
    elsewhere = Loop((".L1:", "\tb\t.L1"), None)
    assert "x86-64 only" in facts(elsewhere, "float32")
