// Watching every access, in a build of its own (SIM_WATCHED): g++ calls a function before each read and
// write of a kernel (-fsanitize=thread, but with the functions below in place of its library).
//
// - Global memory: an address outside the arrays of the launch, or a write to a read-only one.
// - Alignment: a float4 must lie at a multiple of 16 bytes.
// - Shared memory: two threads use the same word with nothing between that orders them, one writes.
#pragma once
#include "simulator.h"

namespace sim {

#ifndef SIM_WATCHED

static inline void watch_begins() {}

#else

constexpr int NOBODY = -1;

struct Use { int thread; unsigned block_phase, warp_phase; };
struct Word { Use write, read[2]; };  // the last write, and reads by two different threads

SIM_RUNTIME static void watch_begins() {
  Simulator* s = me;
  free(s->watch);
  size_t words = (s->local_bytes + s->launch->shared) / 4 + 2;
  s->watch = malloc(words * sizeof(Word));
  for (size_t i = 0; s->watch && i < words; i++)
    static_cast<Word*>(s->watch)[i] = {{NOBODY, 0, 0}, {{NOBODY, 0, 0}, {NOBODY, 0, 0}}};
}

SIM_RUNTIME static bool inside(uintptr_t at, const void* low, size_t bytes) {
  return at - reinterpret_cast<uintptr_t>(low) < bytes;
}

// Whether an earlier use may happen at the same time as one of the running thread.
SIM_RUNTIME static bool unordered(const Use& before) {
  Simulator* s = me;
  if (before.thread == NOBODY || before.thread == s->current) return false;
  if (before.block_phase != s->block_phase) return false;
  int warp = s->current / WARP;
  return before.thread / WARP != warp || before.warp_phase == s->warp_phase[warp];
}

SIM_RUNTIME static void use_word(Word& word, bool writes) {
  Simulator* s = me;
  const Use* other = unordered(word.write) ? &word.write : nullptr;
  for (const Use& read : word.read)
    if (writes && !other && unordered(read)) other = &read;
  if (other) {
    uint3 a = s->fibers[other->thread].thread, b = s->fibers[s->current].thread;
    fail("race: thread " SIM_THREAD " %s a word of shared memory that thread " SIM_THREAD
         " %s, with no barrier between them", SIM_XYZ(b), writes ? "writes" : "reads", SIM_XYZ(a),
         other == &word.write ? "wrote" : "read");
    return;
  }
  Use now{s->current, s->block_phase, s->warp_phase[s->current / WARP]};
  if (writes) {
    word.write = now;
  } else {
    Use& first = word.read[0];
    bool free = first.thread == s->current || first.block_phase != s->block_phase;
    word.read[free ? 0 : 1] = now;
  }
}

SIM_RUNTIME static __attribute__((noinline)) void watch(const void* address, size_t bytes,
                                                         bool writes) {
  Simulator* s = me;
  if (!s || !s->on_fiber) return;
  uintptr_t at = reinterpret_cast<uintptr_t>(address);
  const Fiber& f = s->fibers[s->current];
  if (at % bytes)
    fail("thread " SIM_THREAD " %s %zu bytes at an address that is no multiple of %zu",
         SIM_XYZ(f.thread), writes ? "writes" : "reads", bytes, bytes);
  bool local = inside(at, s->local, s->local_bytes);
  if (local || inside(at, s->shared, s->launch->shared)) {
    size_t offset = local ? at - reinterpret_cast<uintptr_t>(s->local)
                          : s->local_bytes + (at - reinterpret_cast<uintptr_t>(s->shared));
    Word* words = static_cast<Word*>(s->watch);
    for (size_t w = offset / 4; words && w <= (offset + bytes - 1) / 4 && !s->failed; w++)
      use_word(words[w], writes);
  } else if (!inside(at, s->stacks + s->current * STACK, STACK)) {
    const Range* found = nullptr;
    uintptr_t nearest = ~uintptr_t(0);
    const Range* near = nullptr;
    for (int i = 0; i < s->launch->n_buffers && !found; i++) {
      const Range* r = s->launch->buffers + i;
      if (r->low <= at && at + bytes <= r->high && (r->writable || !writes)) found = r;
      uintptr_t away = at < r->low ? r->low - at : at < r->high ? 0 : at - r->high + 1;
      if (away < nearest) nearest = away, near = r;
    }
    if (!found && near && near->low <= at && at + bytes <= near->high)
      fail("thread " SIM_THREAD " writes to array %d of the launch, which is read-only",
           SIM_XYZ(f.thread), int(near - s->launch->buffers));
    else if (!found)
      fail("out of bounds: thread " SIM_THREAD " %s %zu bytes at byte %lld of array %d of the launch, "
           "which has %lld bytes", SIM_XYZ(f.thread), writes ? "writes" : "reads", bytes,
           near ? (long long)(at - near->low) : -1LL, near ? int(near - s->launch->buffers) : -1,
           near ? (long long)(near->high - near->low) : 0LL);
  }
  if (s->failed) to_scheduler();
}

#endif

}  // namespace sim

#ifdef SIM_WATCHED
#define SIM_HOOK(name, bytes, writes)                                                       \
  extern "C" SIM_RUNTIME __attribute__((visibility("hidden"))) void name(void* at) {         \
    sim::watch(at, bytes, writes);                                                           \
  }
#define SIM_HOOKS(bytes)                              \
  SIM_HOOK(__tsan_read##bytes, bytes, false)          \
  SIM_HOOK(__tsan_write##bytes, bytes, true)          \
  SIM_HOOK(__tsan_unaligned_read##bytes, bytes, false) \
  SIM_HOOK(__tsan_unaligned_write##bytes, bytes, true) \
  SIM_HOOK(__tsan_volatile_read##bytes, bytes, false) \
  SIM_HOOK(__tsan_volatile_write##bytes, bytes, true)
SIM_HOOKS(1)
SIM_HOOKS(2)
SIM_HOOKS(4)
SIM_HOOKS(8)
SIM_HOOKS(16)
extern "C" SIM_RUNTIME __attribute__((visibility("hidden"))) void __tsan_read_range(void* at, size_t n) {
  for (size_t i = 0; i < n; i++) sim::watch(static_cast<char*>(at) + i, 1, false);
}
extern "C" SIM_RUNTIME __attribute__((visibility("hidden"))) void __tsan_write_range(void* at, size_t n) {
  for (size_t i = 0; i < n; i++) sim::watch(static_cast<char*>(at) + i, 1, true);
}
extern "C" SIM_RUNTIME __attribute__((visibility("hidden"))) void __tsan_func_entry(void*) {}
extern "C" SIM_RUNTIME __attribute__((visibility("hidden"))) void __tsan_func_exit() {}
extern "C" SIM_RUNTIME __attribute__((visibility("hidden"))) void __tsan_init() {}
#endif
