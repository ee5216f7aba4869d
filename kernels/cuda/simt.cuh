// A thread's tile of C in registers: the arithmetic of `pipelined`, for any grid of its 32 WARPS threads.
#pragma once
#include "pipeline.cuh"
#include "vectors.cuh"

// WARPS_DOWN x WARPS_ACROSS warps of 8 x 4 lanes. A lane owns squares of SIDE x SIDE entries, DOWN x
// ACROSS of them, spread over its warp's tile. What a warp reads of A or B at one time is 4 or 8 pieces
// of 16 bytes, each for several lanes: shared memory answers two quarters of the warp at once if lanes
// that differ in bit 0, or in bit 1, want the same. So bit 0 counts rows and bits 1 and 2 columns.
template <class Number, int BM_, int BN_, int BK_, int STAGES_, int WARPS_DOWN, int WARPS_ACROSS,
          int SIDE>
struct ThreadTiles {
  typedef Number T;
  static constexpr int BM = BM_, BN = BN_, BK = BK_, STAGES = STAGES_, DEPTH = 1;
  static constexpr int THREADS = 32 * WARPS_DOWN * WARPS_ACROSS, PAD = 16 / sizeof(T);
  static constexpr int WM = BM / WARPS_DOWN, WN = BN / WARPS_ACROSS;
  static constexpr int DOWN = WM / (8 * SIDE), ACROSS = WN / (4 * SIDE);
  static_assert(DOWN * 8 * SIDE == WM && ACROSS * 4 * SIDE == WN, "lanes cover a warp's tile");

  T sum[DOWN][SIDE][ACROSS][SIDE] = {}, a[2][DOWN][SIDE], b[2][ACROSS][SIDE];
  int row, column;  // the first of this lane's

  __device__ __forceinline__ ThreadTiles() {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    row = warp / WARPS_ACROSS * WM + (lane / 8 * 2 + lane % 2) * SIDE;
    column = warp % WARPS_ACROSS * WN + lane / 2 % 4 * SIDE;
  }

  __device__ __forceinline__ void read(int f, const T* A, const T* B) {
#pragma unroll
    for (int d = 0; d < DOWN; d++) read_vectors(a[f][d], A + row + d * (WM / DOWN));
#pragma unroll
    for (int c = 0; c < ACROSS; c++) read_vectors(b[f][c], B + column + c * (WN / ACROSS));
  }

  __device__ __forceinline__ void multiply(int f) {
#pragma unroll
    for (int i = 0; i < DOWN * SIDE; i++)
#pragma unroll
      for (int j = 0; j < ACROSS * SIDE; j++) {
        T& s = sum[i / SIDE][i % SIDE][j / SIDE][j % SIDE];
        s = fma(a[f][i / SIDE][i % SIDE], b[f][j / SIDE][j % SIDE], s);
      }
  }

  __device__ __forceinline__ void end_step() {}

  __device__ __forceinline__ void store(const Product<T>& p, long long i0, long long j0) const {
#pragma unroll
    for (int i = 0; i < DOWN * SIDE; i++)
#pragma unroll
      for (int c = 0; c < ACROSS; c++)
        store_vectors(p, i0 + row + i / SIDE * (WM / DOWN) + i % SIDE, j0 + column + c * (WN / ACROSS),
                      sum[i / SIDE][i % SIDE][c]);
  }
};
