// CUDA's built-in variables and functions, as far as kernels here use them.
#pragma once
#include "simulator.h"
#include "watched.h"

namespace sim {
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
  SIM_RUNTIME T name(T* at, std::common_type_t<T> v) {    \
    sim::watch_atomic(at, sizeof(T));                     \
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
SIM_RUNTIME T atomicCAS(T* at, std::common_type_t<T> expected, std::common_type_t<T> v) {
  sim::watch_atomic(at, sizeof(T));
  T old = *at;
  if (old == expected) *at = v;
  return old;
}

// --- arithmetic: exp, tanh, fma and the like for float and double are C++'s own --------------------

template <class T> static constexpr T min(T a, T b) { return b < a ? b : a; }
template <class T> static constexpr T max(T a, T b) { return a < b ? b : a; }
template <class T> static inline T __ldg(const T* at) { return *at; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline int __float_as_int(float x) { return sim::value<int>(sim::bits(x)); }
static inline unsigned __float_as_uint(float x) { return sim::value<unsigned>(sim::bits(x)); }
static inline float __int_as_float(int x) { return sim::value<float>(sim::bits(x)); }
static inline float __uint_as_float(unsigned x) { return sim::value<float>(sim::bits(x)); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
