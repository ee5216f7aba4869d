// What the simulator knows of a launch: its threads, its blocks, and how a launch fails.
#pragma once
#include "fibers.h"
#include "language.h"

namespace sim {

constexpr int WARP = 32, MOST_THREADS = 1024;
constexpr size_t STACK = 64 << 10;

struct Site { const char* file; int line; };
#define SIM_HERE (sim::Site{__FILE__, __LINE__})

enum class State : uint8_t { ready, at_barrier, in_warp, at_grid, ended };

struct Copy {  // on its way into shared memory, see copies.h
  void* to;
  const void* from;  // null: zeros
  int bytes;
  unsigned group;
  Site site;
};

struct Fiber {
  Context context;
  uint3 thread;
  State state;
  Site site;             // where it waits
  unsigned mask;         // with whom, in a warp
  unsigned* counter;     // of the grid barrier where it waits
  uint64_t given;        // what it hands to the others
  uint64_t seen[WARP];   // what they handed to it
  Copy* copies;
  int n_copies, copies_room;
  unsigned groups;       // of copies: how many are closed
  unsigned turn, fragment[2][6];  // see tensor.h
};

struct Range { uintptr_t low, high; int writable; };  // [low, high)

struct Access {  // what profile.py gets: its `ACCESS` has the same fields
  uint64_t address;
  uint32_t place, phase;
  uint16_t thread, bytes;
  uint8_t kind, shared;
};
using Report = void (*)(const Access*, size_t);

struct Launch {  // filled in by Python: module.py has the same fields
  unsigned grid[3], block[3];
  size_t shared;
  int order;  // 0 forward, 1 reverse, 2 shuffled
  unsigned seed;
  const char* kernel;
  const Range* buffers;
  int n_buffers, cooperative;
  Report report;  // null: nothing is counted
};

struct Word;
struct Globals;

struct Block {
  uint3 block_index;
  uint64_t number;
  Fiber* fibers;
  char *stacks, *kept;  // `kept`: its shared memory, while others run
  Word* words;          // of shared memory, see races.h
  unsigned block_phase, warp_phase[MOST_THREADS / WARP];  // how often they have met
};

struct Simulator : Block {  // the block that runs, and what all have in common
  const Launch* launch;
  dim3 grid, block;
  int threads, current;
  Context scheduler;
  char *shared, *local;  // `local`: this thread's part of thread-local storage
  size_t shared_room, local_bytes, words_room;
  uintptr_t code;        // where the library lies
  unsigned random;
  void (*enter)(void*);
  void* call;
  bool failed, on_fiber;
  char error[1024];
  Globals* globals;      // see races.h
  Access* accesses;      // of this block so far, see watched.h
  size_t n_accesses, accesses_room;
};

// The running one. It is no `static`, so that g++ does not think it knows all that writes to it: it lies
// among the shared variables, and `poison` writes over them.
extern thread_local Simulator* me __attribute__((visibility("hidden")));
thread_local Simulator* me = nullptr;

template <class T> SIM_RUNTIME static inline uint64_t bits(T value) {
  static_assert(sizeof(T) <= 8, "a lane hands on 8 bytes at most");
  uint64_t word = 0;
  memcpy(&word, &value, sizeof value);
  return word;
}
template <class T> SIM_RUNTIME static inline T value(uint64_t word) {
  T made;
  memcpy(&made, &word, sizeof made);
  return made;
}

SIM_RUNTIME static bool inside(const void* at, const void* low, size_t bytes) {
  return reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(low) < bytes;
}
SIM_RUNTIME static bool in_shared(const void* at) {
  return inside(at, me->local, me->local_bytes) || inside(at, me->shared, me->launch->shared);
}

SIM_RUNTIME static uint3 index_of(uint64_t number, dim3 size) {
  uint64_t X = size.x, Y = size.y;
  return {unsigned(number % X), unsigned(number / X % Y), unsigned(number / (X * Y))};
}

SIM_RUNTIME static inline void to_scheduler() {
  Simulator* s = me;
  switch_to(s->fibers[s->current].context, s->scheduler);
}

#define SIM_THREAD "(%u,%u,%u)"
#define SIM_XYZ(v) (v).x, (v).y, (v).z

// Ends the launch with a message; a fiber that calls it goes to the scheduler then.
template <class... A>
SIM_RUNTIME static __attribute__((noinline)) void fail(const char* format, A... values) {
  Simulator* s = me;
  if (s->failed) return;
  s->failed = true;
  int n = snprintf(s->error, sizeof s->error, "%s, block " SIM_THREAD ": ", s->launch->kernel,
                   SIM_XYZ(s->block_index));
  snprintf(s->error + n, sizeof s->error - n, format, values...);
}

SIM_RUNTIME static unsigned draw(unsigned below) {
  unsigned& r = me->random;
  r ^= r << 13, r ^= r >> 17, r ^= r << 5;
  return r % below;
}

// 0 .. count - 1 in the launch's order.
SIM_RUNTIME static void put_in_order(int* sequence, int count) {
  int order = me->launch->order;
  for (int i = 0; i < count; i++) sequence[i] = order == 1 ? count - 1 - i : i;
  for (int i = count - 1; order == 2 && i > 0; i--) {
    int j = int(draw(i + 1)), kept = sequence[i];
    sequence[i] = sequence[j];
    sequence[j] = kept;
  }
}

}  // namespace sim
