// What a kernel is given: one struct, whose members are these. `kernels/operands.py` has the same
// kinds; Python fills in the words, 64 bits each, in the order of the members.
#pragma once

// An array in C order, seen as one line of entries. A missing one has no start and no entries.
template <class T> struct Flat {
  T* start;
  long long size;
  __device__ T& operator[](long long i) const { return start[i]; }
  __device__ explicit operator bool() const { return start != nullptr; }
};
typedef Flat<const long long> Labels;
typedef Flat<const bool> Mask;

// A matrix of any layout: a step down and a step to the right, in numbers, may be 1 or the length of a
// row, negative (a view read backwards) or 0 (a repeated row). A transposed matrix has the two
// exchanged. Offsets have 64 bits: a matrix may have more than 2^31 entries.
template <class T> struct Matrix {
  T* start;
  long long rows, columns, down, right;
  __device__ T& operator()(long long i, long long j) const { return start[i * down + j * right]; }
  __device__ explicit operator bool() const { return start != nullptr; }
};

// A whole number: itself, or how far from what a counter in the GPU's memory holds. So a launch that is
// repeated as it stands can still count.
struct Int {
  const long long* counter;
  long long value;
  __device__ operator long long() const { return counter ? *counter + value : value; }
};

// A float64: itself, or what is in the GPU's memory: a hyper-parameter that may be changed meanwhile.
struct Real {
  const double* setting;
  double value;
  __device__ operator double() const { return setting ? *setting : value; }
};

// Memory of the launching thread, zero where nobody has written. A kernel leaves `arrived` as it was.
struct Scratch {
  long long refused;   // what a kernel objects to in the numbers it was given
  long long arrived;   // blocks that have put their part of a result into `parts`
  double parts[4096];
};
typedef Scratch* Work;

// The last member of a kernel that changes what it is given: where an earlier launch of a recorded program
// says that it refused its numbers. What others see must not change then. A launch of its own has none.
typedef const long long* Stop;
static __device__ __forceinline__ bool stopped(Stop stop) {
  return stop && *static_cast<const volatile long long*>(stop);  // written since the last look
}

#ifndef CUDA_ON_CPU
#define DYNAMIC_SHARED(T, name)                                    \
  extern __shared__ __align__(128) unsigned char name##_bytes[]; \
  T* name = reinterpret_cast<T*>(name##_bytes)
#endif

// The first entry of this thread, and how far it is to its next one: a kernel is right for any grid.
static __device__ __forceinline__ long long first_entry() {
  return (long long)blockIdx.x * blockDim.x + threadIdx.x;
}
static __device__ __forceinline__ long long next_entry() { return (long long)gridDim.x * blockDim.x; }

// A kernel is a device function of a struct, so that others may call it; this makes it one to launch.
#define KERNEL(name, Operands) \
  template <class T> __global__ void name##_kernel(Operands<T> o) { name(o); }
