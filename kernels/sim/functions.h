// CUDA's built-in variables and functions, as far as kernels here use them.
#pragma once
#include "calls.h"

namespace sim {

template <class T> struct Itself { using type = T; };
template <class T> using itself = typename Itself<T>::type;  // a parameter that does not say what T is

// What a lane hands to others: 8 bytes at most.
template <class T> SIM_RUNTIME static inline uint64_t bits(T value) {
  static_assert(sizeof(T) <= 8, "a lane hands on 8 bytes at most");
  uint64_t word = 0;
  __builtin_memcpy(&word, &value, sizeof value);
  return word;
}
template <class T> SIM_RUNTIME static inline T value(uint64_t word) {
  T made;
  __builtin_memcpy(&made, &word, sizeof made);
  return made;
}

// They are handed a pointer for the sake of the watched build: g++ watches a variable in shared memory
// only where it must assume that a function which it calls could reach it.
SIM_RUNTIME static inline uint3 thread_index(Simulator* s) { return s->fibers[s->current].thread; }
SIM_RUNTIME static inline uint3 block_index(Simulator* s) { return s->block_index; }
SIM_RUNTIME static inline dim3 block_size(Simulator* s) { return s->block; }
SIM_RUNTIME static inline dim3 grid_size(Simulator* s) { return s->grid; }
SIM_RUNTIME static inline void* dynamic_shared() { return me->shared; }
SIM_RUNTIME static inline int lane() { return me->current % WARP; }

// --- meeting: where a call stands is part of the message if others do not come ---------------------

// The lane that a segment of the warp holds at this place, or oneself where the segment ends.
SIM_RUNTIME static inline int within(int from, int width) {
  return (from & ~(width - 1)) == (lane() & ~(width - 1)) ? from : lane();
}
template <class T>
SIM_RUNTIME T shuffle(Site site, unsigned mask, T v, int source, int width = WARP) {
  int from = (lane() & ~(width - 1)) | (source & (width - 1));
  return value<T>(exchange(mask, bits(v), site)[from]);
}
template <class T>
SIM_RUNTIME T shuffle_down(Site site, unsigned mask, T v, unsigned by, int width = WARP) {
  return value<T>(exchange(mask, bits(v), site)[within(lane() + int(by), width)]);
}
template <class T>
SIM_RUNTIME T shuffle_up(Site site, unsigned mask, T v, unsigned by, int width = WARP) {
  return value<T>(exchange(mask, bits(v), site)[within(lane() - int(by), width)]);
}
template <class T>
SIM_RUNTIME T shuffle_xor(Site site, unsigned mask, T v, int with, int width = WARP) {
  return value<T>(exchange(mask, bits(v), site)[within(lane() ^ with, width)]);
}
SIM_RUNTIME static inline unsigned ballot(Site site, unsigned mask, int vote) {
  const uint64_t* votes = exchange(mask, vote != 0, site);
  unsigned found = 0;
  for (int l = 0; l < WARP; l++) found |= unsigned(votes[l] == 1) << l;
  return found & mask;
}
SIM_RUNTIME static inline void meet_warp(Site site, unsigned mask = ~0u) { exchange(mask, 0, site); }
}  // namespace sim

#define threadIdx (sim::thread_index(sim::me))
#define blockIdx (sim::block_index(sim::me))
#define blockDim (sim::block_size(sim::me))
#define gridDim (sim::grid_size(sim::me))

#define __syncthreads() sim::barrier(SIM_HERE)
#define __syncwarp(...) sim::meet_warp(SIM_HERE __VA_OPT__(,) __VA_ARGS__)
#define __shfl_sync(...) sim::shuffle(SIM_HERE, __VA_ARGS__)
#define __shfl_down_sync(...) sim::shuffle_down(SIM_HERE, __VA_ARGS__)
#define __shfl_up_sync(...) sim::shuffle_up(SIM_HERE, __VA_ARGS__)
#define __shfl_xor_sync(...) sim::shuffle_xor(SIM_HERE, __VA_ARGS__)
#define __ballot_sync(mask, vote) sim::ballot(SIM_HERE, mask, vote)
#define __any_sync(mask, vote) (sim::ballot(SIM_HERE, mask, vote) != 0)
#define __all_sync(mask, vote) (sim::ballot(SIM_HERE, mask, !(vote)) == 0)
static inline void __threadfence() { sim::watch_fence(); }
static inline void __threadfence_block() {}

// --- atomics: fibers take turns only where they wait, so a plain statement cannot be divided --------

#define SIM_ATOMIC(name, T, ...)                          \
  template <class T>                                      \
  SIM_RUNTIME T name(T* at, sim::itself<T> v) {           \
    sim::watch_atomic_at(at, sizeof(T), SIM_PLACE);       \
    T old = *at;                                          \
    *at = __VA_ARGS__;                                    \
    return old;                                           \
  }
SIM_ATOMIC(atomicAdd, T, old + v)
SIM_ATOMIC(atomicSub, T, old - v)
SIM_ATOMIC(atomicMax, T, v > old ? v : old)
SIM_ATOMIC(atomicMin, T, v < old ? v : old)
SIM_ATOMIC(atomicExch, T, v)
SIM_ATOMIC(atomicAnd, T, old & v)
SIM_ATOMIC(atomicOr, T, old | v)
template <class T>
SIM_RUNTIME T atomicCAS(T* at, sim::itself<T> expected, sim::itself<T> v) {
  sim::watch_atomic_at(at, sizeof(T), SIM_PLACE);
  T old = *at;
  if (old == expected) *at = v;
  return old;
}

template <class T> static inline T __ldg(const T* at) { return *at; }
