"""A captured program: a table of rows, run by one loop.

Each row is one call of a kernel (`operands.py` says how it lies), so running a program is nothing
but going through the table. What changes from step to step is data in the rows: the address of the
batch, the learning rate, the number of the step. `step` checks the arrays that it is given, puts
their addresses into the rows and runs the table; `epoch` gathers one batch after the other into the
arrays that the rows already point to. The team shares the rows that say so.
"""

from typing import Any

from ..operands import FIRST, ROW, SHARED
from .launching import (
    ALIGNED,
    BYTE_ORDER,
    DATA,
    DTYPE,
    FLAGS,
    IMMORTAL,
    IN_ORDER,
    NATIVE,
    NDIM,
    NOT_APPLICABLE,
    SHAPE,
    TYPE,
    TYPE_NUMBER,
)

# The words of a program's head.
(
    TABLE, ROWS, WORK, INPUTS, RECORDS, TRUE, FALSE, NONE, ARRAY, SAVE, RESTORE, GATHERS,
    GATHER_ROWS, REFUSED, TEAM, HEAD,
) = range(16)  # fmt: skip
"""TEAM is 0 if no row is to be divided."""
# The words of an input's record; its sizes fill the rest.
NUMBER, AXES, PATCHES, PATCH_LIST, SIZES = range(5)
RECORD = 16
START = FIRST + 6
"""The word of a `gather` row that says where in the order the batch begins."""


def runners() -> tuple[Any, Any]:
    """`step` and `epoch` as they are compiled; defined inside, since only compiling needs Numba."""
    from numba import njit

    from .memory import (
        byte,
        call_for_word,
        call_kernel,
        flush_denormals,
        half_word,
        put_real,
        put_word,
        real_word,
        restore,
        single_word,
        word,
    )
    from .team import regions

    rouse, run_under_way, divided = regions()

    @njit(inline="always")
    def run(table, rows, work, team):  # type: ignore[no-untyped-def]
        """The number of the row whose kernel objected, else -1."""
        for q in range(rows):
            row = table + 8 * ROW * q
            if word(row + 8 * SHARED) != 0:
                status = divided(team, word(row), row, work)
            else:
                status = call_kernel(word(row), row, 0, 1, work)
            if status != 0:
                return q
        return -1

    @njit(inline="always")
    def fits(head, args, count):  # type: ignore[no-untyped-def]
        if count != word(head + 8 * INPUTS):
            return False
        for k in range(count):
            given = word(args + 8 * k)
            record = word(head + 8 * RECORDS) + 8 * RECORD * k
            if word(given + TYPE) != word(head + 8 * ARRAY):
                return False
            dtype = word(given + DTYPE)
            order = byte(dtype + BYTE_ORDER)
            wanted = ALIGNED | IN_ORDER
            if (
                half_word(dtype + TYPE_NUMBER) != word(record + 8 * NUMBER)
                or (order != NATIVE and order != NOT_APPLICABLE)
                or half_word(given + FLAGS) & wanted != wanted
                or half_word(given + NDIM) != word(record + 8 * AXES)
            ):
                return False
            for axis in range(word(record + 8 * AXES)):
                size = word(word(given + SHAPE) + 8 * axis)
                if size != word(record + 8 * (SIZES + axis)):
                    return False
        return True

    def step(self, args, count):  # type: ignore[no-untyped-def]
        """True; False if the arrays are not what was captured; None if a kernel objected."""
        head = word(self + DATA)
        answer = word(head + 8 * FALSE)
        team = word(head + 8 * TEAM)
        if team != 0 and not rouse(team):
            return 0
        if fits(head, args, count):
            answer = word(head + 8 * TRUE)
            for k in range(count):
                address = word(word(args + 8 * k) + DATA)
                record = word(head + 8 * RECORDS) + 8 * RECORD * k
                for p in range(word(record + 8 * PATCHES)):
                    patch = word(record + 8 * PATCH_LIST) + 16 * p
                    put_word(word(patch), address + word(patch + 8))
            save = word(head + 8 * SAVE)
            thread = 0
            if save != 0:
                thread = call_for_word(save, 0, 0, 0, 0)
            before = flush_denormals()
            if team != 0:
                run_under_way(team, 1)
            work = word(head + 8 * WORK)
            refused = run(word(head + 8 * TABLE), word(head + 8 * ROWS), work, team)
            if team != 0:
                run_under_way(team, -1)
            restore(before)
            put_word(head + 8 * REFUSED, refused)
            if refused >= 0:
                answer = word(head + 8 * NONE)
            if save != 0:
                call_for_word(word(head + 8 * RESTORE), thread, 0, 0, 0)
        if not IMMORTAL:
            put_word(answer, word(answer) + 1)
        return answer

    def epoch(head, start, batches, rows, loss, width, losses):  # type: ignore[no-untyped-def]
        """So many batches of so many rows from a place in the order on; how many it could do."""
        before = flush_denormals()
        team, work = word(head + 8 * TEAM), word(head + 8 * WORK)
        if team != 0:
            run_under_way(team, 1)
        done = 0
        while done < batches:
            gathers = word(head + 8 * GATHERS)
            for k in range(word(head + 8 * GATHER_ROWS)):
                put_word(gathers + 8 * (ROW * k + START), start + done * rows)
            run(gathers, word(head + 8 * GATHER_ROWS), work, team)
            refused = run(word(head + 8 * TABLE), word(head + 8 * ROWS), work, team)
            put_word(head + 8 * REFUSED, refused)
            if refused >= 0:
                break
            value = real_word(loss) if width == 8 else single_word(loss)
            put_real(losses + 8 * done, value)
            done += 1
        if team != 0:
            run_under_way(team, -1)
        restore(before)
        return done

    return step, epoch
