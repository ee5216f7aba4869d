// Blocks that wait for each other: a cooperative launch. All its blocks are there at once, with their
// fibers; one runs until it waits for the others, and what it has in shared memory is put aside then.
#pragma once
#include "simulator.h"
#include "watched.h"

namespace sim {

// --- what a kernel calls -----------------------------------------------------------------------------

// The counter is what the barrier on a GPU needs (kernels/cuda/grid.cuh); here it is held to the rules.
void grid_barrier(unsigned* counter, Site site) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  if (!s->launch->cooperative)
    fail("thread " SIM_THREAD " meets the grid barrier at %s:%d in a launch that is not cooperative: "
         "its blocks need not run at the same time", SIM_XYZ(f.thread), site.file, site.line);
  watch_atomic_at(counter, sizeof *counter, SIM_PLACE);
  if (!s->failed && *counter & 0x7fffffffu)
    fail("the counter of the grid barrier at %s:%d holds %u: it must be 0 before it is first used, and "
         "written to by nobody else", site.file, site.line, *counter);
  f.state = State::at_grid, f.site = site, f.counter = counter;
  to_scheduler();
}

// --- blocks in turns ----------------------------------------------------------------------------------

constexpr int MOST_TOGETHER = 1024;

struct Waiting { Block block; Outcome outcome; bool began; };

static size_t kept_bytes() { return me->local_bytes + me->launch->shared; }

static void put_aside(char* to) {
  Simulator* s = me;
  memcpy(to, s->local, s->local_bytes);
  if (s->launch->shared) memcpy(to + s->local_bytes, s->shared, s->launch->shared);
}

static void put_back(const char* from) {
  Simulator* s = me;
  memcpy(s->local, from, s->local_bytes);  // `me` as well, which is the same for all blocks
  if (s->launch->shared) memcpy(s->shared, from + s->local_bytes, s->launch->shared);
  asm volatile("" ::: "memory");
}

static void release_block(Block& b) {
  Simulator* s = me;
  for (int t = 0; b.fibers && t < s->threads; t++) free(b.fibers[t].copies);
  free(b.fibers);
  free(b.kept);
  free(b.words);
  if (b.stacks) munmap(b.stacks, s->threads * STACK);
}

static bool make_block(Block& b, uint64_t number) {
  Simulator* s = me;
  b.number = number;
  b.block_index = index_of(number, s->grid);
  b.fibers = static_cast<Fiber*>(calloc(s->threads, sizeof(Fiber)));
  b.kept = static_cast<char*>(malloc(kept_bytes() + 1));
  b.stacks = new_stacks(s->threads);
  return b.fibers && b.kept && b.stacks && watch_block(b);
}

static void take_turn(Waiting& w) {
  Simulator* s = me;
  static_cast<Block&>(*s) = w.block;
  if (w.began) {
    put_back(w.block.kept);
    go_on_from_barrier();
  } else {
    begin_block();
  }
  w.began = true;
  w.outcome = run_block();
  if (w.outcome != Outcome::failed) watch_block_ends();
  w.block = *s;
  put_aside(w.block.kept);
}

// All blocks have come to a stop: may they go on?
static bool all_have_met(Waiting* blocks, int count) {
  Simulator* s = me;
  const Waiting *waits = nullptr, *ended = nullptr;
  int n_waits = 0, n_ended = 0;
  for (int b = 0; b < count; b++) {
    bool here = blocks[b].outcome == Outcome::at_grid;
    if (here && !n_waits++) waits = blocks + b;
    if (!here && !n_ended++) ended = blocks + b;
  }
  if (!n_waits) return false;
  static_cast<Block&>(*s) = waits->block;
  Fiber& f = s->fibers[0];
  if (n_ended) {
    fail("divergent grid barrier: this block and %d more wait at %s:%d, but block " SIM_THREAD
         " and %d more have ended; every block must reach each grid barrier", n_waits - 1, f.site.file,
         f.site.line, SIM_XYZ(ended->block.block_index), n_ended - 1);
    return false;
  }
  for (int b = 0; b < count; b++) {
    if (blocks[b].block.fibers[0].counter == f.counter) continue;
    fail("the grid barrier at %s:%d has another counter in block " SIM_THREAD, f.site.file, f.site.line,
         SIM_XYZ(blocks[b].block.block_index));
    return false;
  }
  *f.counter ^= 0x80000000u;
  watch_grid_barrier();
  return true;
}

static const char* run_together(int count) {
  Simulator* s = me;
  Block own = *s;
  Waiting* blocks = static_cast<Waiting*>(calloc(count, sizeof(Waiting)));
  int* sequence = static_cast<int*>(malloc(count * sizeof(int)));
  bool there = blocks && sequence;
  for (int b = 0; there && b < count; b++) there = make_block(blocks[b].block, b);
  while (there && !s->failed) {
    put_in_order(sequence, count);
    for (int i = 0; i < count && !s->failed; i++) take_turn(blocks[sequence[i]]);
    if (!s->failed && !all_have_met(blocks, count)) break;
  }
  for (int b = 0; blocks && b < count; b++) release_block(blocks[b].block);
  free(blocks);
  free(sequence);
  static_cast<Block&>(*s) = own;
  return there ? nullptr : "no memory for so many blocks at once";
}

}  // namespace sim
