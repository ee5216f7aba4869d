// A grid on one thread of the operating system: block after block, and in a block one fiber for each
// CUDA thread. A fiber runs until it ends or has to wait for others; the next one in the chosen order
// goes on. So the program decides nothing about who is first: the order does, and a kernel that needs
// a barrier which is not there gives other numbers in another order, or NaN.
#pragma once
#include "state.h"
#include "watched.h"

namespace sim {

// --- waiting -------------------------------------------------------------------------------------

SIM_RUNTIME static __attribute__((noinline)) void barrier(Site site) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  f.state = State::at_barrier;
  f.site = site;
  to_scheduler();
}

SIM_RUNTIME static bool same(Site a, Site b) { return a.line == b.line && !strcmp(a.file, b.file); }

// Wakes the lanes of a mask if all of them that have not ended wait for each other.
SIM_RUNTIME static bool release(int warp, unsigned mask) {
  Simulator* s = me;
  Fiber* lanes = s->fibers + warp * WARP;
  int n = s->threads - warp * WARP < WARP ? s->threads - warp * WARP : WARP;
  int first = -1;
  for (int l = 0; l < n; l++) {
    if (!(mask >> l & 1) || lanes[l].state == State::ended) continue;
    if (lanes[l].state != State::in_warp || lanes[l].mask != mask) return false;
    if (first < 0) first = l;
    if (!same(lanes[l].site, lanes[first].site)) {
      fail("lanes %d and %d of warp %d meet in different warp operations: %s:%d and %s:%d", first, l,
           warp, lanes[first].site.file, lanes[first].site.line, lanes[l].site.file,
           lanes[l].site.line);
      return false;
    }
  }
  if (first < 0) return false;
  uint64_t seen[WARP];
  memset(seen, 0xff, sizeof seen);  // NaN from a lane that takes no part
  for (int l = 0; l < n; l++)
    if (mask >> l & 1 && lanes[l].state == State::in_warp) seen[l] = lanes[l].given;
  for (int l = 0; l < n; l++) {
    if (!(mask >> l & 1) || lanes[l].state != State::in_warp) continue;
    memcpy(lanes[l].seen, seen, sizeof seen);
    lanes[l].state = State::ready;
  }
  s->warp_phase[warp]++;
  return true;
}

// Hands a value to the lanes of the mask, waits for them, and gives the values of all 32.
SIM_RUNTIME static __attribute__((noinline)) const uint64_t* exchange(unsigned mask, uint64_t value,
                                                                      Site site) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  if (!(mask >> s->current % WARP & 1)) {
    fail("thread " SIM_THREAD " is lane %d, and the mask %08x of its own warp operation at %s:%d "
         "leaves it out", SIM_XYZ(f.thread), s->current % WARP, mask, site.file, site.line);
    to_scheduler();
  }
  f.state = State::in_warp, f.site = site, f.mask = mask, f.given = value;
  if (!release(s->current / WARP, mask)) to_scheduler();
  return f.seen;
}

SIM_RUNTIME static void fiber_main() {
  Simulator* s = me;
  s->enter(s->call);
  s->fibers[s->current].state = State::ended;
  int warp = s->current / WARP;  // others may have waited for this one only
  for (int t = warp * WARP; t < s->threads && t < (warp + 1) * WARP; t++)
    if (s->fibers[t].state == State::in_warp) release(warp, s->fibers[t].mask);
  to_scheduler();
  abort();
}

// --- a block -------------------------------------------------------------------------------------

SIM_RUNTIME static void poison() {
  Simulator* s = me;
  memset(s->local, 0xff, s->local_bytes);
  asm volatile("" ::: "memory");
  me = s;
  if (s->launch->shared) memset(s->shared, 0xff, s->launch->shared);
}

// Nobody can go on: why.
SIM_RUNTIME static void stuck() {
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
SIM_RUNTIME static bool at_one_place(const char* barrier) {
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

SIM_RUNTIME static void go_on_from_barrier() {
  Simulator* s = me;
  for (int t = 0; t < s->threads; t++) s->fibers[t].state = State::ready;
  s->block_phase++;
}

SIM_RUNTIME static void begin_block() {
  Simulator* s = me;
  poison();
  s->block_phase++;
  for (int t = 0; t < s->threads; t++) {
    Fiber& f = s->fibers[t];
    f.thread = index_of(t, s->block);
    f.state = State::ready;
    f.n_copies = 0, f.groups = f.turn = 0;
    prepare(f.context, s->stacks + t * STACK, STACK, fiber_main);
  }
}

enum class Outcome { failed, ended, at_grid };

// Until the threads of the block have ended, or wait for other blocks.
SIM_RUNTIME static Outcome run_block() {
  Simulator* s = me;
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
