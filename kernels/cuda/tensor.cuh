// A warp's tile of C on the tensor cores: the arithmetic of `tf32`, `tf32x3` and `bf16`.
#pragma once
#include "simt.cuh"

// An entry as every SIMT rung computes it.
__device__ __noinline__ float chain(const float* a, long long right, const float* b, long long down,
                                    long long K) {
  float sum = 0;
  for (long long k = 0; k < K; k++) sum = fma(a[k * right], b[k * down], sum);
  return sum;
}

// A sum that is not finite is computed again: rounding can make infinity of a huge operand, or NaN of an
// infinite one. So infinities and NaN are where float32 has them.
__device__ __forceinline__ float checked(const Product<float>& p, long long i, long long j, float sum) {
  if (sum - sum == 0 || i >= p.M() || j >= p.N()) return sum;
  return chain(p.A.start + i * p.A.down, p.A.right, p.B.start + j * p.B.right, p.B.down, p.K());
}

// The nearest number with 11 significant bits (Veltkamp): three operations at full rate, while cvt.rna
// is made of slower ones. NaN above 2^115, where 8193 x is infinite.
__device__ __forceinline__ float rounded(float x) {
  float c = 8193.0f * x;
  return c - (c - x);
}

// WARPS_DOWN x WARPS_ACROSS warps, each with 64 x 32 entries of C: 4 x 4 fragments of 16 x 8. With lane =
// 4 g + t, `mma` wants of a lane rows g and g + 8 of A's fragment, column g of B's, and columns of A
// (rows of B) by t. Which rows and columns of the warp's tile these are is free, so a lane takes
// neighbours, one for each fragment m:
//
//     row g of fragment m      4 g + m           row g + 8     32 + 4 g + m
//     column g                 4 g + m           k number q    t + 4 q
//
// Four fragments are one vector of 16 bytes from shared memory, and what a lane has of a row of C is
// eight neighbours. Rows in shared memory are 8 numbers longer than the tile: 8 lanes that read at one
// time, two g and four t, then read from 8 different groups of 4 banks.
//
// A Mode has DEPTH, of k in a product of fragments; multiply(sum, a, b) with a[q][row g or g + 8][m] and
// b[q][m]; APART: whether the sum of each BK steps begins anew and is then added to the whole.
template <class Mode, int BM_, int BN_, int BK_, int STAGES_, int WARPS_DOWN, int WARPS_ACROSS>
struct Fragments {
  typedef float T;
  static constexpr int BM = BM_, BN = BN_, BK = BK_, STAGES = STAGES_, DEPTH = Mode::DEPTH;
  static constexpr int THREADS = 32 * WARPS_DOWN * WARPS_ACROSS, PAD = 8, Q = DEPTH / 4;
  static_assert(BM == 64 * WARPS_DOWN && BN == 32 * WARPS_ACROSS, "a warp's tile is 64 x 32");

  float sum[4][4][4] = {}, whole[4][4][4] = {};
  float a[2][Q][2][4], b[2][Q][4];
  int row, column;  // of the warp's tile
  int g, t;

  __device__ __forceinline__ Fragments() {
    int warp = threadIdx.x / 32;
    row = warp / WARPS_ACROSS * 64, column = warp % WARPS_ACROSS * 32;
    g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
  }

  __device__ __forceinline__ void read(int f, const float* A, const float* B) {
#pragma unroll
    for (int q = 0; q < Q; q++) {
      read_vectors(a[f][q][0], A + (t + 4 * q) * (BM + PAD) + row + 4 * g);
      read_vectors(a[f][q][1], A + (t + 4 * q) * (BM + PAD) + row + 32 + 4 * g);
      read_vectors(b[f][q], B + (t + 4 * q) * (BN + PAD) + column + 4 * g);
    }
  }

  __device__ __forceinline__ void multiply(int f) { Mode::multiply(sum, a[f], b[f]); }

  __device__ __forceinline__ void end_step() {
    if constexpr (!Mode::APART) return;
#pragma unroll
    for (int e = 0; e < 64; e++) {
      whole[e / 16][e / 4 % 4][e % 4] += sum[e / 16][e / 4 % 4][e % 4];
      sum[e / 16][e / 4 % 4][e % 4] = 0;
    }
  }

  __device__ __forceinline__ void store(const Product<float>& p, long long i0, long long j0) const {
    const float(&made)[4][4][4] = Mode::APART ? whole : sum;
#pragma unroll
    for (int e = 0; e < 16; e++) {  // fragment m's element: d[0], d[1] of row g, d[2], d[3] of row g + 8
      int m = e / 4, half = e / 2 % 2, right = e % 2;
      long long i = i0 + row + 32 * half + 4 * g + m, j = j0 + column + 8 * t + 4 * right;
      float four[4];
#pragma unroll
      for (int n = 0; n < 4; n++) four[n] = checked(p, i, j + n, made[m][n][2 * half + right]);
      store_vectors(p, i, j, four);
    }
  }
};

// What works on a product of T: float64 has no fragments here, and is multiplied as by `pipelined`.
template <class T, class Mode, int... NUMBERS> struct Chosen {
  typedef ThreadTiles<T, NUMBERS...> Work;
};
template <class Mode, int... NUMBERS> struct Chosen<float, Mode, NUMBERS...> {
  typedef Fragments<Mode, NUMBERS...> Work;
};

#define TENSOR_KERNEL(name, Mode)                                                                      \
  template <class T, int... NUMBERS>                                                                   \
  __global__ __launch_bounds__((Chosen<T, Mode, NUMBERS...>::Work::THREADS)) void name(Product<T> p) { \
    DYNAMIC_SHARED(T, ring);                                                                           \
    pipelined<typename Chosen<T, Mode, NUMBERS...>::Work>(p, ring);                                    \
  }
