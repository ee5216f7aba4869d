// Naive product: one thread for each entry of C, and neighbouring threads go down a column.
//
// Idea. The definition, C[i, j] = sum over k of A[i, k] B[k, j]; who computes what is numbered as it
// comes, the row first.
//
// Prediction. The 32 threads of a warp read A in 32 different rows, so each load touches 32 pieces of
// memory and uses 4 bytes of each; every store does the same. Memory traffic is the limit, by far: a
// percent or two of the arithmetic peak.
//
// Next bottleneck. The numbering: along a row, neighbours would use the same piece.
#include "product.cuh"

template <class T> __global__ void matmul_naive(Product<T> p) {
  long long entry = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (entry >= p.M() * p.N()) return;
  long long i = entry % p.M(), j = entry / p.M();
  T sum = 0;
  for (long long k = 0; k < p.K(); k++) sum = fma(p.A(i, k), p.B(k, j), sum);
  p.store(i, j, sum);
}
