// BF16: tensor cores multiply operands of 8 significant bits.
// Chosen by name only. Needs sm_80.
//
// Idea. As tf32, with two numbers in a word: `mma.sync` does 16 x 16 by 16 x 8 in one instruction.
// Matrices stay float32 in memory; an operand is rounded to the nearest bf16 (float32's exponent, 7 bits
// of fraction, ties to even) on its way from shared memory into a fragment; products are exact, sums
// float32.
//
// Error. |C - A B| <= (2 u + u^2 + gamma_K) |A| |B| with u = 2^-8: two digits. Infinity and NaN are
// where float32 has them. float64 is multiplied as by `pipelined`.
//
// Prediction. Up to twice tf32: half as many instructions for the same product.
//
// Next bottleneck. Shared memory, whose float32 numbers are twice as many bytes as the operands that are
// made of them: matrices that are kept in bf16 would halve that.
#include "tensor.cuh"

struct Bf16 {
  static constexpr int DEPTH = 16;
  static constexpr bool APART = false;

  static __device__ __forceinline__ void multiply(float (&sum)[4][4][4], const float (&a)[4][2][4],
                                                  const float (&b)[4][4]) {
    // Fragments hold k in pairs. Which two make a pair is free as long as A and B agree: t and t + 4.
    unsigned A[4][4], B[4][2];
#pragma unroll
    for (int m = 0; m < 4; m++) {
#pragma unroll
      for (int e = 0; e < 4; e++)
        A[m][e] = to_bf16x2(a[e / 2 * 2][e % 2][m], a[e / 2 * 2 + 1][e % 2][m]);
#pragma unroll
      for (int e = 0; e < 2; e++) B[m][e] = to_bf16x2(b[2 * e][m], b[2 * e + 1][m]);
    }
#pragma unroll
    for (int e = 0; e < 16; e++) mma_m16n8k16_bf16(sum[e / 4][e % 4], A[e / 4], B[e % 4]);
  }
};

TENSOR_KERNEL(matmul_bf16, Bf16)
