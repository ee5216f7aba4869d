// Coalesced product: one thread for each entry of C, and neighbouring threads go along a row.
//
// Idea. The same loop as naive; only the numbering of entries is turned. A warp now reads one number of
// A (handed to all 32 threads) and 32 neighbours of B in one piece of 128 bytes, and stores C likewise.
//
// Prediction. Five to ten times as fast as naive: every byte that is moved is used. This holds for B and
// C that lie row by row; a transposed B is read in 32 pieces again, which tiles will cure.
//
// Next bottleneck. Each multiply-add still takes two loads. A row of A is loaded again for each of the N
// columns, a column of B for each of the M rows, from a cache at best.
#include "product.cuh"

template <class T> __global__ void matmul_coalesced(Product<T> p) {
  long long entry = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (entry >= p.M() * p.N()) return;
  long long i = entry / p.N(), j = entry % p.N();
  T sum = 0;
  for (long long k = 0; k < p.K(); k++) sum = fma(p.A(i, k), p.B(k, j), sum);
  p.store(i, j, sum);
}
