// Sums and maxima over the threads of a warp, of a block and of a grid, in one order for every grid.
//
// A sum rounds, so its order decides its bits, and the order must come from the shape alone. A block of
// any size therefore plays SEATS threads: its warps take the seats 32 by 32 until all are done. A long
// sum is cut into parts, as many as its length asks for, and blocks walk over the parts.
#pragma once
#include "operands.cuh"

constexpr unsigned ALL_LANES = 0xffffffff;
constexpr int WARP = 32;
constexpr int SEATS = 1024;
constexpr long long PART = 4096;  // entries at least: a second block should have something to do
constexpr long long ROOM = sizeof(Scratch::parts) / sizeof(double);

struct Sum {
  __device__ double operator()(double a, double b) const { return a + b; }
};

struct Larger {  // NaN if either is
  template <class T> __device__ T operator()(T a, T b) const { return a < b || b != b ? b : a; }
};

// Joins the numbers of `width` neighbouring lanes, a power of 2; all of them get the result, and all
// lanes of the warp must come.
template <class V, class Join> __device__ V over_lanes(V mine, int width, Join join) {
  for (int away = width / 2; away > 0; away /= 2)
    mine = join(mine, __shfl_xor_sync(ALL_LANES, mine, away));
  return mine;
}

// Joins term(seat) of the first `count` seats, and of the rest of the last one's warp; all threads of
// the block must come, and get the result. Whole warps call the term, so its lanes may talk.
template <class V, class Join, class Term>
__device__ V over_seats(long long count, V nothing, Join join, Term term) {
  __shared__ V found[SEATS / WARP];
  int warps = int((min(count, (long long)SEATS) + WARP - 1) / WARP);
  for (int seat = threadIdx.x; seat < warps * WARP; seat += blockDim.x) {
    V all = over_lanes(term(seat), WARP, join);
    if (seat % WARP == 0) found[seat / WARP] = all;
  }
  __syncthreads();
  int lane = threadIdx.x % WARP;
  V all = over_lanes(lane < warps ? found[lane] : nothing, WARP, join);
  __syncthreads();  // before `found` is used again
  return all;
}

// Joins term(i) for i = low ... high - 1: seat s takes low + s and every SEATS-th from there on.
template <class V, class Join, class Term>
__device__ V over_block(long long low, long long high, V nothing, Join join, Term term) {
  return over_seats(high - low, nothing, join, [&](int seat) {
    V mine = nothing;
#pragma unroll 4
    for (long long i = low + seat; i < high; i += SEATS) mine = join(mine, V(term(i)));
    return mine;
  });
}

// Whether this block is the last of the grid to come; all its threads must come, and learn it. What
// other blocks wrote before they came is there then.
static __device__ bool comes_last(Work work) {
  __shared__ int last;
  __syncthreads();  // the whole block has written, and read `last` of a call before
  if (threadIdx.x == 0) {
    __threadfence();  // what it has written comes before its arrival
    unsigned long long* arrived = reinterpret_cast<unsigned long long*>(&work->arrived);
    last = atomicAdd(arrived, 1ull) == gridDim.x - 1;
    if (last) atomicExch(arrived, 0ull);
    __threadfence();  // what others have written is read after theirs
  }
  __syncthreads();
  return last;
}

// A sum of n things as sums of `count` parts, `each` things long (the last one may be shorter).
struct Parts {
  long long each, count;
};

// As many parts as there may be, but none of less than `least` things; one at least.
static __device__ Parts parts_of(long long n, long long least, long long most) {
  long long each = max(least, (n + most - 1) / most);
  return {each, max(1ll, (n + each - 1) / each)};
}

// A sum of n things. The whole block calls part(low, high), which gives the sum of some of them in
// thread 0 at least; one thread of the grid calls finish(sum of all).
template <class Part, class Finish>
__device__ void sum_by_parts(Work work, long long n, long long least, Part part, Finish finish) {
  Parts parts = parts_of(n, least, SEATS);
  if (parts.count == 1) {  // nobody has to be waited for
    if (blockIdx.x > 0) return;
    double sum = part(0ll, n);
    if (threadIdx.x == 0) finish(sum);
    return;
  }
  for (long long p = blockIdx.x; p < parts.count; p += gridDim.x) {
    double sum = part(p * parts.each, min(n, (p + 1) * parts.each));
    if (threadIdx.x == 0) work->parts[p] = sum;
  }
  if (!comes_last(work)) return;
  double sum = over_block(0ll, parts.count, 0.0, Sum(), [&](long long p) { return work->parts[p]; });
  if (threadIdx.x == 0) finish(sum);
}
