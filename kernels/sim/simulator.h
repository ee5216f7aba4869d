// A grid on one thread of the operating system: block after block, and in a block one fiber for each
// CUDA thread. A fiber runs until it ends or has to wait for others; the next one in the chosen order
// goes on. So the program decides nothing about who is first: the order does, and a kernel that needs
// a barrier which is not there gives other numbers in another order, or NaN.
#pragma once
#include "fibers.h"
#include "language.h"

namespace sim {

constexpr int WARP = 32, MOST_THREADS = 1024;
constexpr size_t STACK = 64 << 10;

struct Site { const char* file; int line; };
#define SIM_HERE (sim::Site{__FILE__, __LINE__})

enum class State : uint8_t { ready, at_barrier, in_warp, ended };

struct Fiber {
  Context context;
  uint3 thread;
  State state;
  Site site;             // where it waits
  unsigned mask;         // with whom, in a warp
  uint64_t given;        // what it hands to the others
  uint64_t seen[WARP];   // what they handed to it
};

struct Range { uintptr_t low, high; int writable; };  // [low, high)

struct Launch {  // filled in by Python: module.py has the same fields
  unsigned grid[3], block[3];
  size_t shared;
  int order;  // 0 forward, 1 reverse, 2 shuffled
  unsigned seed;
  const char* kernel;
  const Range* buffers;
  int n_buffers;
};

struct Simulator {
  const Launch* launch;
  dim3 grid, block;
  uint3 block_index;
  int threads, current;
  Fiber* fibers;
  Context scheduler;
  char *stacks, *shared, *local;  // `local`: this thread's part of thread-local storage
  size_t shared_room, local_bytes;
  unsigned block_phase, warp_phase[MOST_THREADS / WARP];  // how often they have met, for watched.h
  unsigned random;
  void (*enter)(void*);
  void* call;
  bool failed, on_fiber;
  char error[1024];
  void* watch;
};

// The running one. It is no `static`, so that g++ does not think it knows all that writes to it: it lies
// among the shared variables, and `poison` writes over them.
extern thread_local Simulator* me __attribute__((visibility("hidden")));
thread_local Simulator* me = nullptr;

// --- failing -------------------------------------------------------------------------------------

SIM_RUNTIME static inline void to_scheduler() {
  Simulator* s = me;
  switch_to(s->fibers[s->current].context, s->scheduler);
}

#define SIM_THREAD "(%u,%u,%u)"
#define SIM_XYZ(v) (v).x, (v).y, (v).z

// Ends the launch with a message; from a fiber it does not come back.
template <class... A>
SIM_RUNTIME static __attribute__((noinline)) void fail(const char* format, A... values) {
  Simulator* s = me;
  if (s->failed) return;
  s->failed = true;
  int n = snprintf(s->error, sizeof s->error, "%s, block " SIM_THREAD ": ", s->launch->kernel,
                   SIM_XYZ(s->block_index));
  snprintf(s->error + n, sizeof s->error - n, format, values...);
}

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

SIM_RUNTIME static unsigned draw(unsigned below) {
  unsigned& r = me->random;
  r ^= r << 13, r ^= r >> 17, r ^= r << 5;
  return r % below;
}

SIM_RUNTIME static void exchange_places(int* sequence, int i, int j) {
  int kept = sequence[i];
  sequence[i] = sequence[j];
  sequence[j] = kept;
}

// Nobody can go on: why.
SIM_RUNTIME static void stuck() {
  Simulator* s = me;
  const Fiber *waits = nullptr, *ended = nullptr, *warp = nullptr;
  int n_waits = 0, n_ended = 0, n_warp = 0;
  for (int t = 0; t < s->threads; t++) {
    const Fiber& f = s->fibers[t];
    if (f.state == State::at_barrier && !n_waits++) waits = &f;
    if (f.state == State::ended && !n_ended++) ended = &f;
    if (f.state == State::in_warp && !n_warp++) warp = &f;
  }
  if (warp) {
    fail("deadlock: thread " SIM_THREAD " and %d more wait in a warp operation at %s:%d for lanes of "
         "the mask %08x that do not come (%d threads are at a barrier, %d have ended)",
         SIM_XYZ(warp->thread), n_warp - 1, warp->site.file, warp->site.line, warp->mask, n_waits,
         n_ended);
  } else {
    fail("divergent barrier: thread " SIM_THREAD " and %d more wait at %s:%d, but thread " SIM_THREAD
         " and %d more have ended; every thread of a block must reach each __syncthreads()",
         SIM_XYZ(waits->thread), n_waits - 1, waits->site.file, waits->site.line,
         SIM_XYZ(ended->thread), n_ended - 1);
  }
}

SIM_RUNTIME static void meet() {
  Simulator* s = me;
  for (int t = 1; t < s->threads; t++) {
    if (same(s->fibers[t].site, s->fibers[0].site)) continue;
    Site a = s->fibers[0].site, b = s->fibers[t].site;
    return fail("divergent barrier: thread " SIM_THREAD " waits at %s:%d and thread " SIM_THREAD
                " at %s:%d; all threads of a block must reach the same __syncthreads()",
                SIM_XYZ(s->fibers[0].thread), a.file, a.line, SIM_XYZ(s->fibers[t].thread), b.file,
                b.line);
  }
  for (int t = 0; t < s->threads; t++) s->fibers[t].state = State::ready;
  s->block_phase++;
}

SIM_RUNTIME static void run_block() {
  Simulator* s = me;
  poison();
  s->block_phase++;
  int sequence[MOST_THREADS];
  for (int t = 0; t < s->threads; t++) {
    Fiber& f = s->fibers[t];
    unsigned X = s->block.x, Y = s->block.y, u = t;
    f.thread = {u % X, u / X % Y, u / (X * Y)};
    f.state = State::ready;
    prepare(f.context, s->stacks + t * STACK, STACK, fiber_main);
    sequence[t] = s->launch->order == 1 ? s->threads - 1 - t : t;
  }
  for (;;) {
    if (s->launch->order == 2)
      for (int i = s->threads - 1; i > 0; i--) exchange_places(sequence, i, draw(i + 1));
    int ran = 0, waiting = 0, ended = 0;
    for (int i = 0; i < s->threads; i++) {
      if (s->fibers[sequence[i]].state != State::ready) continue;
      s->current = sequence[i];
      ran++;
      s->on_fiber = true;
      switch_to(s->scheduler, s->fibers[s->current].context);
      s->on_fiber = false;
      if (s->failed) return;
    }
    for (int t = 0; t < s->threads; t++) {
      waiting += s->fibers[t].state == State::at_barrier;
      ended += s->fibers[t].state == State::ended;
    }
    if (ended == s->threads) return;
    if (waiting == s->threads) meet();
    else if (!ran) stuck();
    if (s->failed) return;
  }
}

}  // namespace sim
