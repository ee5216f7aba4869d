// Thread tile, one-dimensional: a thread computes ROWS entries of a column of C.
//
// Idea. One number of B, once in a register, is used for ROWS entries. So a multiply-add costs
// 1 + 1/ROWS loads from shared memory in place of 2, and a block of as many threads owns a larger tile,
// so that a number from global memory serves more often too.
//
// Prediction. Nearly three times as fast as shared_tile.
//
// Next bottleneck. Still a load of A for each multiply-add. The same in both directions would take
// (ROWS + COLUMNS) loads for ROWS * COLUMNS of them.
#include "product.cuh"

template <class T, int BM, int BN, int BK, int ROWS>
__global__ __launch_bounds__(BM / ROWS * BN) void matmul_thread_tile_1d(Product<T> p) {
  constexpr int THREADS = BM / ROWS * BN;
  __shared__ T A[BM][BK];
  __shared__ T B[BK][BN];
  long long tiles_across = p.tiles_across(BN);
  long long i0 = blockIdx.x / tiles_across * BM, j0 = blockIdx.x % tiles_across * BN;
  int row = threadIdx.x / BN * ROWS, column = threadIdx.x % BN;
  T sum[ROWS] = {};
  for (long long k0 = 0; k0 < p.K(); k0 += BK) {
    fetch_a<THREADS>(A, p, i0, k0);
    fetch_b<THREADS>(B, p, k0, j0);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < BK; k++) {
      T b = B[k][column];
#pragma unroll
      for (int r = 0; r < ROWS; r++) sum[r] = fma(A[row + r][k], b, sum[r]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++) p.store(i0 + row + r, j0 + column, sum[r]);
}
