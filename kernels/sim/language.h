// The words and types that CUDA adds to C++.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

// One copy for each thread of the operating system, and one block at a time runs on such a thread:
// so this is the memory of a block. All of it lies in the library's thread-local storage, which
// `poison` in simulator.h fills with NaN before a block begins.
#define __shared__ static thread_local

// Shared memory whose size the launch decides: DYNAMIC_SHARED(float, name);
#define DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(sim::dynamic_shared())

// What of the simulator is compiled with a kernel is not itself watched (see watched.h), nor made a part
// of the kernel.
#ifdef SIM_WATCHED
#define SIM_RUNTIME __attribute__((no_sanitize("thread"), noipa))
#else
#define SIM_RUNTIME
#endif

struct uint3 { unsigned x, y, z; };
struct dim3 {
  unsigned x, y, z;
  SIM_RUNTIME constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };

static inline int2 make_int2(int x, int y) { return {x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline double2 make_double2(double x, double y) { return {x, y}; }

static constexpr int warpSize = 32;
