// 3xTF32: float32's accuracy from tensor cores, by three products in place of one.
// Chosen by name only. Needs sm_80.
//
// Idea. A number is nearly the sum of two of tf32: the nearest one, and what is left.
//
//     a = a1 + a2    |a2| <= u |a|, u = 2^-11        a b = a1 b1 + (a1 b2 + a2 b1) + a2 b2
//     b = b1 + b2    to one part in 2^23             the last product is below u^2 |a b|: left out
//
// The small products are added first. Tensor cores may cut their sums off instead of rounding them, which
// over a long k is an error to one side; so each step of the ring begins a sum of its own, and these
// sums are added with float32's rounding.
//
// Error. |C - A B| <= (2 u^2 + gamma_n) |A| |B|, n the length of both levels of sums. Infinity and NaN
// are where float32 has them. float64 is multiplied as by `pipelined`.
//
// Prediction. A third of tf32, less the splitting: still well above `pipelined`.
//
// Next bottleneck. The three products. Registers as well: two sums for every entry leave room for one
// block per processor.
//
// Source: Ootomo and Yokota, "Recovering single precision accuracy from Tensor Cores" (2022).
#include "tensor.cuh"

struct Tf32x3 {
  static constexpr int DEPTH = 8;
  static constexpr bool APART = true;

  static __device__ __forceinline__ void split(float x, unsigned& large, unsigned& small) {
    float near = rounded(x);
    large = __float_as_uint(near);
    small = __float_as_uint(x - near);  // 12 bits: `mma` cuts off the last, if there are so many
  }

  static __device__ __forceinline__ void multiply(float (&sum)[4][4][4], const float (&a)[2][2][4],
                                                  const float (&b)[2][4]) {
    unsigned A[4][4], A2[4][4], B[4][2], B2[4][2];
#pragma unroll
    for (int m = 0; m < 4; m++) {
#pragma unroll
      for (int e = 0; e < 4; e++) split(a[e / 2][e % 2][m], A[m][e], A2[m][e]);
#pragma unroll
      for (int e = 0; e < 2; e++) split(b[e][m], B[m][e], B2[m][e]);
    }
#pragma unroll
    for (int e = 0; e < 16; e++) mma_m16n8k8_tf32(sum[e / 4][e % 4], A2[e / 4], B[e % 4]);
#pragma unroll
    for (int e = 0; e < 16; e++) mma_m16n8k8_tf32(sum[e / 4][e % 4], A[e / 4], B2[e % 4]);
#pragma unroll
    for (int e = 0; e < 16; e++) mma_m16n8k8_tf32(sum[e / 4][e % 4], A[e / 4], B[e % 4]);
  }
};

TENSOR_KERNEL(matmul_tf32x3, Tf32x3)
