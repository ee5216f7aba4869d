// What a kernel calls of the simulator's runtime, which is compiled once for all libraries.
//
// Each library has a copy of the runtime in it, and its own thread-local storage with the __shared__
// variables and `me`: so nothing of it is seen from outside.
#pragma once
#include "state.h"

#pragma GCC visibility push(hidden)

namespace sim {

// simulator.h
void barrier(Site site);
const uint64_t* exchange(unsigned mask, uint64_t value, Site site);

// grid.h
void grid_barrier(unsigned* counter, Site site);

// copies.h
void copy_later(void* to, const void* from, int bytes, bool ok, Site site);
void close_copies();
void land_copies(unsigned left);

// tensor.h
void mma_tf32(float* d, const unsigned* a, const unsigned* b, Site site);
void mma_bf16(float* d, const unsigned* a, const unsigned* b, Site site);
void load_matrices(unsigned* words, const void* row, bool transposed, Site site);

// launch.h
const char* run(const Launch* launch, void (*enter)(void*), void* call);

// watched.h
#ifdef SIM_WATCHED
void watch_fence();
void watch_atomic_at(const void* address, size_t bytes, unsigned place);
#else
static inline void watch_fence() {}
static inline void watch_atomic_at(const void*, size_t, unsigned) {}
#endif

}  // namespace sim

#pragma GCC visibility pop

// The place in the library of the call that the running function returns to.
#define SIM_PLACE \
  unsigned(reinterpret_cast<uintptr_t>(__builtin_return_address(0)) - 1 - sim::me->code)
