// What the simulator knows of a launch: its threads and its blocks.
#pragma once
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

struct Context { void* at; };  // where a fiber goes on, see fibers.h

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

struct Simulator;

struct Launch {  // filled in by Python: module.py has the same fields
  unsigned grid[3], block[3];
  size_t shared;
  Simulator* simulator;  // of the thread
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
  unsigned in_warp[MOST_THREADS / WARP], ended[MOST_THREADS / WARP];  // lanes, a bit for each
};

struct Simulator : Block {  // the block that runs, and what all have in common
  const Launch* launch;
  dim3 grid, block;
  int threads, current;
  Context scheduler;
  char *shared, *local;  // `local`: this thread's part of thread-local storage
  size_t shared_room, local_bytes;
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
extern __thread Simulator* me __attribute__((visibility("hidden")));

}  // namespace sim
