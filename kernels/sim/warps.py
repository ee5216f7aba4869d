"""From what single threads do to accesses of warps: how many sectors, how many passes.

- Global memory comes in sectors of 32 bytes.
- Shared memory has 32 banks, each with every 32nd word of 4 bytes, and a bank gives one word in a
  pass. Lanes that want the same word share it; different words of one bank are a conflict, and
  wait. Lanes with 8 bytes go in halves of a warp, with 16 bytes in quarters.

Source: CUDA C++ Best Practices Guide, "Coalesced Access to Global Memory" and "Shared Memory and
Memory Banks".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

WARP, SECTOR, BANKS = 32, 32, 32


def warp_accesses(accesses: Array) -> tuple[Array, Array]:
    """Which access of a warp each access of a thread belongs to; and the first of each such access.

    The accesses of a thread are in the order of time, and of one kind.
    """
    keys = [accesses[name].astype(np.int64) for name in ("phase", "place", "thread")]
    order = np.lexsort(keys[::-1])
    turn = np.empty(order.size, np.int64)
    starts = _changes([key[order] for key in keys])
    begin = np.flatnonzero(starts)
    turn[order] = np.arange(order.size) - begin[np.cumsum(starts) - 1]
    phase, place, thread = keys
    return _numbered([phase, place, thread // WARP, turn])


def sectors(group: Array, address: Array, size: Array, groups: int) -> Array:
    """Sectors that each group touches, and those that its bytes would fill. Shape: (groups, 2)."""
    _, touched = _numbered([group, address // SECTOR])
    _, different = _numbered([group, address])
    filled = np.bincount(group[different], size[different], groups).astype(np.int64)
    return np.stack([np.bincount(group[touched], minlength=groups), -(-filled // SECTOR)], 1)


def bank_passes(group: Array, address: Array, size: Array, lane: Array, groups: int) -> Array:
    """Passes of each group through the banks, without conflicts, the worst. Shape: (groups, 3)."""
    lanes = np.minimum(WARP, 4 * BANKS // np.maximum(size, 4))  # that go in one pass
    wide = np.maximum(1, size // 4)
    each = np.repeat(np.arange(group.size), wide)
    within = np.arange(each.size) - np.repeat(np.cumsum(wide) - wide, wide)
    word = address[each] // 4 + within
    part = (lane // lanes)[each]
    _, different = _numbered([group[each], part, word])
    group, part, word = group[each][different], part[different], word[different]
    bank, first = _numbered([group, part, word % BANKS])
    words = np.bincount(bank)  # different ones in each bank
    passing, start = _numbered([group[first], part[first]])
    most = np.zeros(start.size, np.int64)
    np.maximum.at(most, passing, words)
    of = group[first][start]
    worst = np.zeros(groups, np.int64)
    np.maximum.at(worst, of, most)
    total = np.bincount(of, most, groups).astype(np.int64)
    return np.stack([total, np.bincount(of, minlength=groups), worst], 1)


def _changes(keys: Sequence[Array]) -> Array:
    """Where a row of sorted keys differs from the one before."""
    changed = np.ones(keys[0].size, bool)
    changed[1:] = np.any([key[1:] != key[:-1] for key in keys], 0)
    return changed


def _numbered(keys: Sequence[Array]) -> tuple[Array, Array]:
    """Numbers the different rows of keys from 0 on: each row's number; a row for each number."""
    order = np.lexsort(keys[::-1])
    starts = _changes([key[order] for key in keys])
    number = np.empty(order.size, np.int64)
    number[order] = np.cumsum(starts) - 1
    return number, order[starts]
