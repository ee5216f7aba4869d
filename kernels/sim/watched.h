// Watching every access, in a build of its own (SIM_WATCHED): g++ calls a function before each read and
// write of a kernel (-fsanitize=thread, but with the functions below in place of its library).
//
// - Global memory: an address outside the arrays of the launch, or a write to a read-only one.
// - Alignment: a float4 must lie at a multiple of 16 bytes.
// - Races: see races.h.
// - If the launch asks for it, all accesses of a block are handed to Python when the block ends.
//
// A message names places in the library as @hexadecimal@; module.py looks them up.
#pragma once
#include "common.h"

#ifdef SIM_WATCHED
#include "races.h"
#endif

namespace sim {

#ifndef SIM_WATCHED

static inline const char* watch_begins(uint64_t) { return nullptr; }
static inline bool watch_block(Block&) { return true; }
static inline void watch_barrier(Site) {}
static inline void watch_grid_barrier() {}
static inline void watch_block_ends() {}
static inline void watch_row(const void*, size_t) {}
static inline void watch_part_of_row(const void*, size_t) {}
static inline void watch_copy_begins(const void*, const void*, size_t) {}
static inline void watch_copy_ends(const void*, size_t) {}
static inline void watch_ends() {}

#else

static size_t words_of_a_block() { return (me->local_bytes + me->launch->shared) / WORD + 9; }

static const char* watch_begins(uint64_t blocks) {
  Simulator* s = me;
  s->globals = static_cast<Globals*>(calloc(1, sizeof(Globals)));
  s->words = static_cast<Word*>(calloc(words_of_a_block(), sizeof(Word)));
  if (!s->globals || !s->words) return "no memory for watching shared memory";
  s->globals->now = 1;
  s->globals->blocks = static_cast<Block_times*>(calloc(blocks, sizeof(Block_times)));
  return s->globals->blocks ? nullptr : "no memory for watching so many blocks";
}

static bool watch_block(Block& block) {
  block.words = static_cast<Word*>(calloc(words_of_a_block(), sizeof(Word)));
  return block.words;
}

static void watch_ends() {
  Simulator* s = me;
  if (s->globals) free(s->globals->cells), free(s->globals->blocks);
  free(s->globals);
  free(s->words);
  s->globals = nullptr, s->words = nullptr;
}

// --- counting ------------------------------------------------------------------------------------

static void record(const void* address, size_t bytes, Kind kind, bool shared, unsigned place) {
  Simulator* s = me;
  if (!s->launch->report) return;
  if (s->n_accesses == s->accesses_room) {
    s->accesses_room = 2 * s->accesses_room + (1 << 12);
    s->accesses = static_cast<Access*>(realloc(s->accesses, s->accesses_room * sizeof(Access)));
    if (!s->accesses) abort();
  }
  s->accesses[s->n_accesses++] = {reinterpret_cast<uintptr_t>(address), place, s->block_phase,
                                  uint16_t(s->current), uint16_t(bytes), kind, shared};
}

// A barrier's place is a line, and its address the name of the file.
static void watch_barrier(Site site) { record(site.file, 0, BARRIER, true, site.line); }

static void watch_block_ends() {
  Simulator* s = me;
  if (s->launch->report && s->n_accesses) s->launch->report(s->accesses, s->n_accesses);
  s->n_accesses = 0;
}

// --- an access -----------------------------------------------------------------------------------

static void check_bounds(const void* address, size_t bytes, Kind kind, unsigned place) {
  Simulator* s = me;
  uintptr_t at = reinterpret_cast<uintptr_t>(address);
  const Fiber& f = s->fibers[s->current];
  bool writes = kind != READS;
  uintptr_t nearest = ~uintptr_t(0);
  const Range* near = nullptr;
  for (int i = 0; i < s->launch->n_buffers; i++) {
    const Range* r = s->launch->buffers + i;
    if (r->low <= at && at + bytes <= r->high && (r->writable || !writes)) return;
    uintptr_t away = at < r->low ? r->low - at : at < r->high ? 0 : at - r->high + 1;
    if (away < nearest) nearest = away, near = r;
  }
  if (near && near->low <= at && at + bytes <= near->high)
    fail("thread " SIM_THREAD " writes to array %d of the launch, which is read-only, at @%x@",
         SIM_XYZ(f.thread), int(near - s->launch->buffers), place);
  else
    fail("out of bounds: thread " SIM_THREAD " %s %zu bytes at byte %lld of array %d of the launch, "
         "which has %lld bytes, at @%x@", SIM_XYZ(f.thread), verb(kind), bytes,
         near ? (long long)(at - near->low) : -1LL, near ? int(near - s->launch->buffers) : -1,
         near ? (long long)(near->high - near->low) : 0LL, place);
}

enum Ways { PLAIN = 0, UNORDERED = 1, UNCOUNTED = 2 };

__attribute__((noinline)) static void watch(const void* address, size_t bytes, Kind kind,
                                            unsigned place, int how = PLAIN) {
  Simulator* s = me;
  if (!s || !s->on_fiber || inside(address, s->stacks + s->current * STACK, STACK)) return;
  if (address == &me) return;  // which threadIdx and the like look at
  uintptr_t at = reinterpret_cast<uintptr_t>(address);
  bool shared = in_shared(address);
  if (at % bytes)
    fail("thread " SIM_THREAD " %s %zu bytes at an address that is no multiple of %zu, at @%x@",
         SIM_XYZ(s->fibers[s->current].thread), verb(kind), bytes, bytes, place);
  else if (shared)
    use_shared(address, bytes, kind, place);
  else
    check_bounds(address, bytes, kind, place);
  if (!s->failed && !shared && !(how & UNORDERED)) use_global(at, bytes, kind, place);
  if (s->failed) to_scheduler();
  if (!(how & UNCOUNTED)) record(address, bytes, kind, shared, place);
}

void watch_fence() { fence(); }
void watch_atomic_at(const void* address, size_t bytes, unsigned place) {
  watch(address, bytes, ATOMIC, place, UNORDERED);
  if (!in_shared(address)) atomic_meeting();
}
static void watch_grid_barrier() { me->globals->grid_barrier = me->globals->now++; }

// A copy that lands is a write by its thread, there and then.
static void mark_copy(const void* to, size_t bytes, int copier) {
  for (size_t w = 0; w < bytes / WORD; w++) words_of(to)[w].copier = copier;
}
static void watch_copy_at(const void* to, const void* from, size_t bytes, unsigned place) {
  if (from) watch(from, bytes, READS, place);
  watch(to, bytes, WRITES, place);
  mark_copy(to, bytes, me->current + 1);
}
static void watch_copy_ends_at(const void* to, size_t bytes, unsigned place) {
  mark_copy(to, bytes, 0);
  watch(to, bytes, WRITES, place, UNCOUNTED);
}

// They stand in functions that a kernel calls, whose caller is the place.
#define watch_row(at, bytes) record(at, bytes, READS, true, SIM_PLACE)
#define watch_part_of_row(at, bytes) watch(at, bytes, READS, SIM_PLACE, UNCOUNTED)
#define watch_copy_begins(to, from, bytes) watch_copy_at(to, from, bytes, SIM_PLACE)
#define watch_copy_ends(to, bytes) watch_copy_ends_at(to, bytes, SIM_PLACE)

#endif

}  // namespace sim

#ifdef SIM_WATCHED
#define SIM_HOOK(name, bytes, kind, how)                                             \
  extern "C" __attribute__((visibility("hidden"))) void name(void* at) { \
    sim::watch(at, bytes, sim::kind, SIM_PLACE, sim::how);                           \
  }
#define SIM_HOOKS(bytes)                                        \
  SIM_HOOK(__tsan_read##bytes, bytes, READS, PLAIN)             \
  SIM_HOOK(__tsan_write##bytes, bytes, WRITES, PLAIN)           \
  SIM_HOOK(__tsan_unaligned_read##bytes, bytes, READS, PLAIN)   \
  SIM_HOOK(__tsan_unaligned_write##bytes, bytes, WRITES, PLAIN) \
  SIM_HOOK(__tsan_volatile_read##bytes, bytes, READS, UNORDERED) \
  SIM_HOOK(__tsan_volatile_write##bytes, bytes, WRITES, UNORDERED)
SIM_HOOKS(1)
SIM_HOOKS(2)
SIM_HOOKS(4)
SIM_HOOKS(8)
SIM_HOOKS(16)
#define SIM_RANGE(name, kind)                                                                  \
  extern "C" __attribute__((visibility("hidden"))) void name(void* at, size_t n) { \
    for (size_t i = 0; i < n; i++)                                                             \
      sim::watch(static_cast<char*>(at) + i, 1, sim::kind, SIM_PLACE);                         \
  }
SIM_RANGE(__tsan_read_range, READS)
SIM_RANGE(__tsan_write_range, WRITES)
extern "C" __attribute__((visibility("hidden"))) void __tsan_func_entry(void*) {}
extern "C" __attribute__((visibility("hidden"))) void __tsan_func_exit() {}
extern "C" __attribute__((visibility("hidden"))) void __tsan_init() {}
#endif
