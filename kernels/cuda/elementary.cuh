// What kernels generated from a formula are made of: a walk over entries, the place of an entry among
// rows and columns, and functions of one number, with the results of NumPy.
//
// Functions not found here are CUDA's own, which has each for float and for double: sqrt and fabs are
// exact to the last bit, exp, log, tanh and their kin within a few units of the last place.
#pragma once

// A mask in which every byte but 0 is true, as NumPy has it: `bytes.view(bool)` may hold any. To C++ a bool
// is 0 or 1, and it would count with 255.
template <> struct Flat<const bool> {
  const bool* start;
  long long size;
  __device__ bool operator[](long long i) const {
    return reinterpret_cast<const unsigned char*>(start)[i] != 0;
  }
};

// Entries that a thread has on their way at once.
constexpr int AT_ONCE = 4;

// Every entry of n, divided among all threads of the grid: `read(i)` gives what is needed of entry i, and
// `write(i, that)` makes the results of it. A thread reads up to four entries, a grid apart, before it
// writes the first, so that it waits for memory once and not four times.
template <class Read, class Write>
static __device__ __forceinline__ void each_entry(long long n, Read read, Write write) {
  long long step = next_entry();
  for (long long first = first_entry(); first < n; first += AT_ONCE * step) {
    decltype(read(first)) entries[AT_ONCE];
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++)
      if (first + k * step < n) entries[k] = read(first + k * step);
#pragma unroll
    for (int k = 0; k < AT_ONCE; k++)
      if (first + k * step < n) write(first + k * step, entries[k]);
  }
}

struct Place { long long row, column; };

// Where entry i stands in rows of this width. A division of 64 bits takes many times as long as one of
// 32, and few arrays need it.
static __device__ __forceinline__ Place place(long long i, long long width) {
  if ((i | width) >> 32) return {i / width, i % width};
  unsigned short_i = unsigned(i), short_width = unsigned(width), row = short_i / short_width;
  return {row, short_i - row * short_width};
}

// For double, converted: no digit of either is lost.
static __device__ __forceinline__ float infinity() { return __int_as_float(0x7f800000); }
static __device__ __forceinline__ float not_a_number() { return __int_as_float(0x7fc00000); }

// The larger and the smaller of two numbers; NaN if either is NaN (fmax and fmin drop it).
template <class T> static __device__ __forceinline__ T maximum(T a, T b) {
  return (a < b) | (b != b) ? b : a;
}
template <class T> static __device__ __forceinline__ T minimum(T a, T b) {
  return (b < a) | (b != b) ? b : a;
}

// -1, 0 or 1; NaN of NaN.
template <class T> static __device__ __forceinline__ T sign(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : x == T(0) ? T(0) : x;
}
