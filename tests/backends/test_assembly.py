"""Assembly is read right; and the top rung's tile is what its header promises, in every build."""

import json
import os
import platform
import subprocess
import sys

import pytest
from tinygrad_ed.kernels.cpu import assembly
from tinygrad_ed.kernels.cpu.assembly import inner_loops, main_loop
from tinygrad_ed.kernels.cpu.loading import processor

X86 = platform.machine().lower() in ("x86_64", "amd64")
TILES = {"avx512": (24, 64, 12), "avx2": (12, 32, 6)}
"""Vectors -> multiply-adds, bytes of each, and numbers of A put into all lanes, for each k."""

LISTING = """
entry:
	pushq	%rbp
	movl	$0, %ecx
.LBB0_1:
	movq	8(%rsp), %rax
.LBB0_2:                                # the inner loop
	#APP
	#NO_APP
	vbroadcastss	(%rax,%rbp), %zmm27
	vfmadd231ps	-64(%rdi), %zmm27, %zmm21
	vfmadd231ps	(%rdi){1to16}, %zmm27, %zmm5
	vfmadd231ss	4(%rdi), %xmm3, %xmm4
	vmovups	%zmm5, 64(%rsp)         # 64-byte Spill
	vmovups	128(%rsp), %ymm6        # 32-byte Reload
	vmovups	%zmm5, (%rdx) {%k1}
	addq	%rax, (%rdx)
	cmpq	%rax, (%rdx)
	leaq	(%rdi,%r8), %rdi
	prefetcht0	512(%rdi)
	.p2align	4
	jne	.LBB0_2
	decq	%rcx
	jne	.LBB0_1
	jmp	.LBB0_3
.LBB0_3:
	retq
"""


def test_an_inner_loop_is_counted() -> None:
    (loop,) = inner_loops(LISTING)
    assert loop.lines[0] == ".LBB0_2:"
    assert loop.lines[-1] == "\tjne\t.LBB0_2"
    c = loop.counts
    assert c is not None
    assert (c.multiply_adds, c.single_multiply_adds, c.width) == (2, 1, 64)
    assert (c.loads, c.broadcasts) == (7, 2)  # one each but for the two stores, lea and prefetch
    assert c.stores == 3
    assert (c.spills, c.reloads) == (1, 1)
    assert c.registers == len({27, 21, 5, 3, 4, 6})
    assert c.vectors == 7


def test_with_a_frame_pointer_that_is_the_stack_too() -> None:
    framed = LISTING.replace("pushq\t%rbp", "movq\t%rsp, %rbp").replace("128(%rsp)", "-8(%rbp)")
    (loop,) = inner_loops(framed)
    assert loop.counts is not None
    assert (loop.counts.spills, loop.counts.reloads) == (1, 1)


@pytest.mark.parametrize("dot", [".L", "L"], ids=["ELF", "Mach-O"])
def test_another_processor_has_loops_without_counts(dot: str) -> None:
    text = f"""
_entry:
{dot}BB0_1:
	ldr	q0, [x0], #16
	str	q0, [x1], #16
	subs	x2, x2, #1
	b.ne	{dot}BB0_1
{dot}BB0_2:
	fmla	v0.4s, v1.4s, v2.s[0]   // one
	cbnz	x3, {dot}BB0_2
	ret
"""
    loop = main_loop(text)
    assert loop is not None
    assert loop.counts is None
    assert loop.lines[:2] == (f"{dot}BB0_2:", "\tfmla\tv0.4s, v1.4s, v2.s[0]")
    first = inner_loops(text)[0]
    assert first.lines[3] == "\tsubs\tx2, x2, #1"
    assert len(inner_loops(text)) == 2


def test_without_a_loop_there_is_none() -> None:
    assert main_loop("entry:\n\tretq\n") is None


@pytest.mark.skipif(not X86, reason="counted on x86-64")
@pytest.mark.parametrize("vectors", TILES)
def test_the_tile_of_the_top_rung(vectors: str) -> None:
    """Of the kernel as the engine runs it, for both number types; in a process for each width."""
    needed = {"avx512": {"+avx512f"}, "avx2": {"+avx2", "+fma"}}[vectors]
    if not needed <= set(processor()[1].split(",")):
        pytest.skip(f"this processor has no {vectors}")
    program = """
import json
from dataclasses import asdict
from tinygrad_ed.kernels.cpu.assembly import assembly_of, inner_loops
for dtype in ("float32", "float64"):
    print(json.dumps([asdict(loop.counts) for loop in inner_loops(assembly_of("product", dtype))]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "TINYGRAD_ED_VECTOR": vectors},
    )
    assert done.returncode == 0, done.stderr
    multiply_adds, width, broadcasts = TILES[vectors]
    for line in done.stdout.splitlines():
        loops = json.loads(line)
        tiles = [c for c in loops if c["broadcasts"] == broadcasts]
        assert tiles, "no loop puts so many numbers of A into all lanes"
        for c in tiles:
            assert (c["multiply_adds"], c["width"]) == (multiply_adds, width)
            assert (c["spills"], c["reloads"], c["stores"]) == (0, 0, 0)
            assert c["loads"] == broadcasts + 2  # and two vectors of B
            assert c["registers"] <= (32 if width == 64 else 16)
        assert max(c["width"] for c in loops) == width, "wider vectors than were asked for"


@pytest.mark.skipif(not X86, reason="counted on x86-64")
def test_the_loop_of_the_rung_alone_is_the_tile() -> None:
    from tinygrad_ed.kernels.cpu.loading import vector_bytes

    expected = {width: fused for fused, width, _ in TILES.values()}
    if vector_bytes() not in expected:
        pytest.skip("narrow vectors have no tile of their own")
    loop = main_loop(assembly.assembly_of_rung("tiled", "float32"))
    assert loop is not None and loop.counts is not None
    assert loop.counts.multiply_adds == expected[vector_bytes()]
    assert (loop.counts.spills, loop.counts.reloads) == (0, 0)
