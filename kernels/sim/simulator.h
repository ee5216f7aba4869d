// A grid on one thread of the operating system: block after block, and in a block one fiber for each
// CUDA thread. A fiber runs until it ends or has to wait for others; the next one in the chosen order
// goes on. So the program decides nothing about who is first: the order does, and a kernel that needs
// a barrier which is not there gives other numbers in another order, or NaN.
#pragma once
#include "common.h"
#include "watched.h"

namespace sim {

// --- waiting -------------------------------------------------------------------------------------

void barrier(Site site) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  f.state = State::at_barrier;
  f.site = site;
  to_scheduler();
}

static bool same(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || !strcmp(a.file, b.file));
}

// Wakes the lanes of a mask if all of them that have not ended wait for each other.
static bool release(int warp, unsigned mask) {
  Simulator* s = me;
  if (mask & ~(s->in_warp[warp] | s->ended[warp])) return false;
  Fiber* lanes = s->fibers + warp * WARP;
  unsigned met = mask & s->in_warp[warp];
  if (!met) return false;
  int first = __builtin_ctz(met);
  uint64_t seen[WARP];
  memset(seen, 0xff, sizeof seen);  // NaN from a lane that takes no part
  for (unsigned left = met; left; left &= left - 1) {
    int l = __builtin_ctz(left);
    if (lanes[l].mask != mask) return false;
    if (!same(lanes[l].site, lanes[first].site)) {
      fail("lanes %d and %d of warp %d meet in different warp operations: %s:%d and %s:%d", first, l,
           warp, lanes[first].site.file, lanes[first].site.line, lanes[l].site.file,
           lanes[l].site.line);
      return false;
    }
    seen[l] = lanes[l].given;
  }
  for (unsigned left = met; left; left &= left - 1) {
    Fiber& f = lanes[__builtin_ctz(left)];
    memcpy(f.seen, seen, sizeof seen);
    f.state = State::ready;
  }
  s->in_warp[warp] &= ~met;
  s->warp_phase[warp]++;
  return true;
}

// Hands a value to the lanes of the mask, waits for them, and gives the values of all 32.
const uint64_t* exchange(unsigned mask, uint64_t value, Site site) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  if (!(mask >> s->current % WARP & 1)) {
    fail("thread " SIM_THREAD " is lane %d, and the mask %08x of its own warp operation at %s:%d "
         "leaves it out", SIM_XYZ(f.thread), s->current % WARP, mask, site.file, site.line);
    to_scheduler();
  }
  f.state = State::in_warp, f.site = site, f.mask = mask, f.given = value;
  s->in_warp[s->current / WARP] |= 1u << s->current % WARP;
  if (!release(s->current / WARP, mask)) to_scheduler();
  return f.seen;
}

static void fiber_main() {
  Simulator* s = me;
  s->enter(s->call);
  s->fibers[s->current].state = State::ended;
  int warp = s->current / WARP;  // others may have waited for this one only
  s->ended[warp] |= 1u << s->current % WARP;
  for (int t = warp * WARP; s->in_warp[warp] && t < s->threads && t < (warp + 1) * WARP; t++)
    if (s->fibers[t].state == State::in_warp) release(warp, s->fibers[t].mask);
  to_scheduler();
  abort();
}

// --- a block -------------------------------------------------------------------------------------

static void poison() {
  Simulator* s = me;
  memset(s->local, 0xff, s->local_bytes);
  asm volatile("" ::: "memory");
  me = s;
  if (s->launch->shared) memset(s->shared, 0xff, s->launch->shared);
}

// Nobody can go on: why.
static void stuck() {
  Simulator* s = me;
  const Fiber *first[5] = {};  // of each state
  int n[5] = {};
  for (int t = 0; t < s->threads; t++) {
    int state = int(s->fibers[t].state);
    if (!n[state]++) first[state] = s->fibers + t;
  }
  const Fiber *warp = first[int(State::in_warp)], *waits = first[int(State::at_barrier)],
              *grid = first[int(State::at_grid)], *ended = first[int(State::ended)];
  int barrier = n[int(State::at_barrier)], gone = n[int(State::ended)];
  if (warp) {
    fail("deadlock: thread " SIM_THREAD " and %d more wait in a warp operation at %s:%d for lanes of "
         "the mask %08x that do not come (%d threads are at a barrier, %d have ended)",
         SIM_XYZ(warp->thread), n[int(State::in_warp)] - 1, warp->site.file, warp->site.line,
         warp->mask, barrier, gone);
  } else if (grid && waits) {
    fail("divergent barrier: thread " SIM_THREAD " waits at %s:%d and thread " SIM_THREAD " at the grid "
         "barrier at %s:%d; all threads of a block must reach the same barrier", SIM_XYZ(waits->thread),
         waits->site.file, waits->site.line, SIM_XYZ(grid->thread), grid->site.file, grid->site.line);
  } else {
    const Fiber* f = grid ? grid : waits;
    fail("divergent barrier: thread " SIM_THREAD " and %d more wait at %s:%d, but thread " SIM_THREAD
         " and %d more have ended; every thread of a block must reach each %s", SIM_XYZ(f->thread),
         (grid ? n[int(State::at_grid)] : barrier) - 1, f->site.file, f->site.line,
         SIM_XYZ(ended->thread), gone - 1, grid ? "grid barrier" : "__syncthreads()");
  }
}

// All threads wait: at the same place?
static bool at_one_place(const char* barrier) {
  Simulator* s = me;
  for (int t = 1; t < s->threads; t++) {
    if (same(s->fibers[t].site, s->fibers[0].site)) continue;
    Site a = s->fibers[0].site, b = s->fibers[t].site;
    fail("divergent barrier: thread " SIM_THREAD " waits at %s:%d and thread " SIM_THREAD
         " at %s:%d; all threads of a block must reach the same %s", SIM_XYZ(s->fibers[0].thread),
         a.file, a.line, SIM_XYZ(s->fibers[t].thread), b.file, b.line, barrier);
    return false;
  }
  return true;
}

static void go_on_from_barrier() {
  Simulator* s = me;
  for (int t = 0; t < s->threads; t++) s->fibers[t].state = State::ready;
  s->block_phase++;
}

static void begin_block() {
  Simulator* s = me;
  poison();
  s->block_phase++;
  memset(s->in_warp, 0, sizeof s->in_warp);
  memset(s->ended, 0, sizeof s->ended);
  if (s->threads % WARP) s->ended[s->threads / WARP] = ~0u << s->threads % WARP;
  uint3 at = {0, 0, 0};
  for (int t = 0; t < s->threads; t++) {
    Fiber& f = s->fibers[t];
    f.thread = at;
    if (++at.x == s->block.x) at.x = 0, at.y++;
    if (at.y == s->block.y) at.y = 0, at.z++;
    f.state = State::ready;
    f.n_copies = 0, f.groups = f.turn = 0;
    // Stacks that all began at a multiple of 64 KiB would share a few lines of the caches.
    prepare(f.context, s->stacks + t * STACK, STACK - t % 16 * 256, fiber_main);
  }
}

enum class Outcome { failed, ended, at_grid };

// Until the threads of the block have ended, or wait for other blocks.
static Outcome run_block() {
  Simulator* s = me;
  Here here(s->scheduler);
  int sequence[MOST_THREADS];
  for (;;) {
    put_in_order(sequence, s->threads);
    int ran = 0, n[5] = {};
    for (int i = 0; i < s->threads; i++) {
      if (s->fibers[sequence[i]].state != State::ready) continue;
      s->current = sequence[i];
      ran++;
      s->on_fiber = true;
      switch_to(s->scheduler, s->fibers[s->current].context);
      s->on_fiber = false;
      if (s->failed) return Outcome::failed;
    }
    for (int t = 0; t < s->threads; t++) n[int(s->fibers[t].state)]++;
    if (n[int(State::ended)] == s->threads) return Outcome::ended;
    if (n[int(State::at_grid)] == s->threads)
      return at_one_place("grid barrier") ? Outcome::at_grid : Outcome::failed;
    if (n[int(State::at_barrier)] == s->threads) {
      watch_barrier(s->fibers[0].site);
      if (at_one_place("__syncthreads()")) go_on_from_barrier();
    } else if (!ran) {
      stuck();
    }
    if (s->failed) return Outcome::failed;
  }
}

}  // namespace sim
