// TF32: tensor cores multiply operands of 11 significant bits.
// Chosen by name only. Needs sm_80.
//
// Idea. `mma.sync` lets a warp multiply 16 x 8 by 8 x 8 numbers in one instruction. Each operand is
// first rounded to the nearest tf32 (float32's exponent, 10 bits of fraction); products are exact, sums
// are float32. The tiles and their ring are those of `pipelined`; only a warp's arithmetic is another.
//
// Error. |C - A B| <= (2 u + u^2 + gamma_K) |A| |B| with u = 2^-11: three digits. Infinity and NaN are
// where float32 has them. float64 is multiplied as by `pipelined`.
//
// Prediction. Several times `pipelined`: an instruction does 1024 multiply-adds where a warp's fma does
// 32.
//
// Next bottleneck. Accuracy: two more products of what was rounded off bring it back (tf32x3). And bytes:
// numbers of 16 bits would double what an instruction does (bf16).
#include "tensor.cuh"

struct Tf32 {
  static constexpr int DEPTH = 8;
  static constexpr bool APART = false;

  static __device__ __forceinline__ void multiply(float (&sum)[4][4][4], const float (&a)[2][2][4],
                                                  const float (&b)[2][4]) {
    unsigned A[4][4], B[4][2];
#pragma unroll
    for (int m = 0; m < 4; m++) {
#pragma unroll
      for (int e = 0; e < 4; e++) A[m][e] = __float_as_uint(rounded(a[e / 2][e % 2][m]));
#pragma unroll
      for (int e = 0; e < 2; e++) B[m][e] = __float_as_uint(rounded(b[e][m]));
    }
#pragma unroll
    for (int e = 0; e < 16; e++) mma_m16n8k8_tf32(sum[e / 4][e % 4], A[e / 4], B[e % 4]);
  }
};

TENSOR_KERNEL(matmul_tf32, Tf32)
