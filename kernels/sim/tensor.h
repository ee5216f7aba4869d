// Tensor cores: a warp multiplies two small matrices whose entries are spread over its lanes. Which lane
// holds what is said in kernels/cuda/ptx.cuh. Products of tf32 or bf16 are exact in float32. Here sums are
// rounded one after another; a GPU adds in an order of its own, so only bounds on the error hold on both.
#pragma once
#include "simulator.h"
#include "watched.h"

namespace sim {

// Shows the lanes of a warp each other's fragments: lane l's are (result + l)->fragment[turn]. A lane may
// be one operation ahead of another, which still reads: so there are two places, in turns.
static const Fiber* share_fragments(const unsigned* a, const unsigned* b, unsigned& turn, Site site) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  turn = f.turn ^= 1;
  memcpy(f.fragment[turn], a, 4 * sizeof *a);
  memcpy(f.fragment[turn] + 4, b, 2 * sizeof *b);
  const uint64_t* come = exchange(~0u, 0, site);
  for (int l = 0; l < WARP; l++) {
    if (!come[l]) continue;  // a lane that is not there gives ones
    fail("mma at %s:%d needs all 32 lanes of warp %d, and lane %d has ended", site.file, site.line,
         s->current / WARP, l);
    to_scheduler();
  }
  return s->fibers + s->current / WARP * WARP;
}

static inline float as_float(unsigned word) {
  float made;
  memcpy(&made, &word, sizeof made);
  return made;
}
static inline float tf32(unsigned word) { return as_float(word & ~0x1fffu); }  // lower bits count nothing
static inline float bf16(unsigned word, int half) {
  return as_float(half ? word & 0xffff0000u : word << 16);
}

void mma_tf32(float* d, const unsigned* a, const unsigned* b, Site site) {
  unsigned turn;
  const Fiber* lanes = share_fragments(a, b, turn, site);
  int g = me->current % WARP / 4, t = me->current % 4;
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < 8; k++)
      d[i] = __builtin_fmaf(tf32(lanes[4 * g + k % 4].fragment[turn][i / 2 + k / 4 * 2]),
                  tf32(lanes[4 * (2 * t + i % 2) + k % 4].fragment[turn][4 + k / 4]), d[i]);
}

void mma_bf16(float* d, const unsigned* a, const unsigned* b, Site site) {
  unsigned turn;
  const Fiber* lanes = share_fragments(a, b, turn, site);
  int g = me->current % WARP / 4, t = me->current % 4;
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < 16; k++)
      d[i] = __builtin_fmaf(bf16(lanes[4 * g + k % 8 / 2].fragment[turn][i / 2 + k / 8 * 2], k % 2),
                  bf16(lanes[4 * (2 * t + i % 2) + k % 8 / 2].fragment[turn][4 + k / 8], k % 2), d[i]);
}

// Lane l gives the place of row l % 8 of matrix l / 8: 8 rows of 8 numbers of 16 bits. It gets, of each
// matrix, the numbers 2 t and 2 t + 1 of row g; or of column g, if they are read transposed.
void load_matrices(unsigned* words, const void* row, bool transposed, Site site) {
  Simulator* s = me;
  if (reinterpret_cast<uintptr_t>(row) % 16 || !in_shared(row)) {
    fail("thread " SIM_THREAD " gives ldmatrix at %s:%d an address that is %s",
         SIM_XYZ(s->fibers[s->current].thread), site.file, site.line,
         in_shared(row) ? "no multiple of 16" : "not in shared memory");
    to_scheduler();
  }
  const uint64_t* rows = exchange(~0u, reinterpret_cast<uintptr_t>(row), site);
  watch_row(row, 16);
  int g = s->current % WARP / 4, t = s->current % 4;
  for (int m = 0; m < 4; m++) {
    uint16_t half[2];
    for (int h = 0; h < 2; h++) {
      int down = transposed ? 2 * t + h : g, across = transposed ? g : 2 * t + h;
      if (rows[8 * m + down] == ~uint64_t(0)) {
        fail("ldmatrix at %s:%d needs all 32 lanes of warp %d, and lane %d has ended", site.file,
             site.line, s->current / WARP, 8 * m + down);
        to_scheduler();
      }
      const uint16_t* from = reinterpret_cast<const uint16_t*>(rows[8 * m + down]) + across;
      watch_part_of_row(from, sizeof *from);
      half[h] = *from;
    }
    words[m] = half[0] | unsigned(half[1]) << 16;
  }
}

}  // namespace sim
