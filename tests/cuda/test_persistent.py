"""A program's own kernel: many steps in one launch, with the bits of one launch after the other."""

import re
from typing import Any

import numpy as np
import pytest
from cuda.gpu_machine import simulator_only
from cuda.on_sim import DTYPES, LIBRARY, Array, drawn, layouts, needs_compiler, orders, sizes
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import Cell, Launch
from tinygrad_ed.kernels.cuda.persistent import Persistent, Piece, barriers, extent

pytestmark = needs_compiler


class Network:
    """A layer and its gradient, a counter, and a label's check: a program written by hand."""

    def __init__(self, dtype: str, N: int = 40, D: int = 35, H: int = 70) -> None:
        self.X, self.W = drawn((N, D), dtype, 1), drawn((D, H), dtype, 2)
        self.b = drawn((H,), dtype, 3)
        self.Y, self.dZ = np.zeros((N, H), dtype), np.zeros((N, H), dtype)
        self.dW, self.db = np.zeros((D, H), dtype), np.zeros(H, dtype)
        self.loss, self.labels = np.zeros((), dtype), np.arange(N) % H
        self.one, self.t = np.ones((), dtype), np.zeros(1, np.int64)
        at = Cell(self.t.ctypes.data)
        self.launches: list[tuple[str, list[Any]]] = [
            ("product", [self.X, self.W, self.Y, self.b, 3, None, 0]),
            (
                "cross_entropy_labels",
                [self.Y, self.labels, self.loss, self.dZ, self.one, H, 1],
            ),
            ("slope", [self.dZ, self.dZ.copy(), self.Y, 3]),
            ("product", [self.X.T, self.dZ, self.dW, None, 0, None, 0]),
            ("sum_rows", [self.dZ, self.db, 0]),
            ("dropout", [self.dW, self.W, 0.25, 7, at]),
            ("advance", [self.t, 1]),
        ]
        self.launches[2][1][1] = self.dZ
        self.dtype = dtype

    def kernel(self, name: str) -> Any:
        return LIBRARY.get(name, self.dtype)

    def prepared(self) -> list[Launch]:
        return [self.kernel(name).prepared(args) for name, args in self.launches]

    def in_turn(self, steps: int) -> None:
        for _ in range(steps):
            for name, args in self.launches:
                assert self.kernel(name).launch(*args)

    def results(self) -> list[bytes]:
        arrays = self.W, self.Y, self.dZ, self.dW, self.db, self.loss, self.t
        return [a.tobytes() for a in arrays]


@pytest.mark.parametrize("order", sim.ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("blocks", [1, 4])
def test_it_has_the_bits_of_one_launch_after_the_other(blocks: int, dtype: str, order: str) -> None:
    apart, together = Network(dtype), Network(dtype)
    apart.in_turn(3)
    with sim.simulation(order, seed=1):
        assert Persistent(LIBRARY, together.prepared(), blocks).run(3) == 3
    assert together.results() == apart.results()
    assert together.t[0] == 3


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=20, deadline=None)
@given(sizes, sizes, sizes, layouts, layouts, st.booleans(), st.integers(0, 3), orders)
def test_its_product_has_the_bits_of_the_ladder(
    dtype: str, M: int, K: int, N: int, one: str, other: str, biased: bool, code: int, order: str
) -> None:
    A, B = drawn((M, K), dtype, 1, one), drawn((K, N), dtype, 2, other)
    b, gate = drawn((N,), dtype, 3) if biased else None, np.tanh(drawn((M, N), dtype, 4))
    found = []
    for name in ("product_any_grid", "product_naive"):
        C = np.full((M, N), 7, dtype)
        with sim.simulation(order, seed=2):
            finish = (b, code, None, 0) if biased else (None, 0, gate, code)
            assert LIBRARY.get(name, dtype).launch(A, B, C, *finish)
        found.append(C)
    np.testing.assert_array_equal(*found)


def test_a_refusal_ends_it_before_anything_else_is_written() -> None:
    network = Network("float32")
    network.labels[3] = 70
    before = network.W.tobytes(), network.dW.tobytes(), network.t.tobytes()
    for blocks in (1, 4):
        assert Persistent(LIBRARY, network.prepared(), blocks).run(2) == 0
        assert (network.W.tobytes(), network.dW.tobytes(), network.t.tobytes()) == before
        LIBRARY.scratch()[:1] = 0


@pytest.mark.parametrize("order", sim.ORDERS)
@pytest.mark.parametrize("blocks", [1, 4])
def test_of_two_pieces_that_may_refuse_the_second_one_does(blocks: int, order: str) -> None:
    """No block may take the second one's mark for the first one's, and leave the others waiting."""
    network, scratch = Network("float32"), LIBRARY.new_scratch()
    (_, args), wrong = network.launches[1], network.labels.copy()
    wrong[7] = 70
    kernel, two = network.kernel("cross_entropy_labels"), list(args)
    two[1:4] = wrong, np.zeros((), "float32"), np.zeros_like(network.dZ)
    launches = [kernel.prepared(operands, scratch) for operands in (args, two)]
    launches.append(network.kernel("advance").prepared([network.t, 1], scratch))
    with sim.simulation(order, seed=3):
        assert Persistent(LIBRARY, launches, blocks).run(3) == 0
    assert network.t[0] == 0


def test_barriers_stand_where_a_piece_needs_another_one_and_nowhere_else() -> None:
    a, b, c = (0, 8), (8, 16), (16, 24)

    def piece(reads: Any, writes: Any) -> Piece:
        return Piece(None, None, reads, writes, [])  # type: ignore[arg-type]

    chain = [piece([a], [b]), piece([b], [c]), piece([a], [b])]
    assert barriers(chain) == [True, True, True]  # the last one writes what the second reads
    assert barriers([piece([a], [b]), piece([a], [c]), piece([b, c], [a])]) == [True, False, True]
    assert barriers([piece([a], [b]), piece([b], [c]), piece([], [])]) == [True, True, False]
    assert barriers([piece([a], []), piece([], [b])]) == [False, True]  # b, once in each step


@simulator_only
def test_every_barrier_between_pieces_is_missed() -> None:
    network = Network("float32")
    program = Persistent(LIBRARY, network.prepared(), 4)
    text = program.text
    places = [found.start() for found in re.finditer(r"^    WAIT\(\);", text, re.MULTILINE)]
    assert len(places) > 3
    for place in places:
        broken = text[:place] + re.sub(r"WAIT\(\);", "", text[place:], count=1)
        program.kernel = program.machine.kernel(broken, ("program",), "program")
        with pytest.raises(sim.SimulationError, match="race"), sim.simulation(watched=True):
            program.run(2)


def test_the_memory_of_views() -> None:
    whole: Array = np.zeros((4, 6), np.float32)
    start = whole.ctypes.data
    assert extent(whole, start) == (start, start + 96)
    turned = whole[::-1, 1:3]
    assert extent(turned, turned.ctypes.data) == (start + 4, start + 72 + 12)
    assert extent(whole[:0], start) == (start, start + 24)
