// Thread tile, two-dimensional: a thread computes ROWS x COLUMNS entries of C in registers.
//
// Idea. For each k a thread loads ROWS numbers of A and COLUMNS of B into registers and forms all their
// products: an outer product. Loads from shared memory per multiply-add: 1/ROWS + 1/COLUMNS.
//
// Prediction. Nearly twice as fast as the one-dimensional tile: arithmetic begins to be the limit.
//
// Next bottleneck. Loads of single numbers, each an instruction of its own, and column accesses to A in
// shared memory, which meet in the same banks. Vectors of four, and A kept transposed.
#include "product.cuh"

template <class T, int BM, int BN, int BK, int ROWS, int COLUMNS>
__global__ __launch_bounds__(BM / ROWS * (BN / COLUMNS)) void matmul_thread_tile_2d(Product<T> p) {
  constexpr int ACROSS = BN / COLUMNS, THREADS = BM / ROWS * ACROSS;
  __shared__ T A[BM][BK];
  __shared__ T B[BK][BN];
  long long tiles_across = p.tiles_across(BN);
  long long i0 = blockIdx.x / tiles_across * BM, j0 = blockIdx.x % tiles_across * BN;
  int row = threadIdx.x / ACROSS * ROWS, column = threadIdx.x % ACROSS * COLUMNS;
  T sum[ROWS][COLUMNS] = {}, a[ROWS], b[COLUMNS];
  for (long long k0 = 0; k0 < p.K(); k0 += BK) {
    fetch_a<THREADS>(A, p, i0, k0);
    fetch_b<THREADS>(B, p, k0, j0);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < BK; k++) {
#pragma unroll
      for (int r = 0; r < ROWS; r++) a[r] = A[row + r][k];
#pragma unroll
      for (int c = 0; c < COLUMNS; c++) b[c] = B[k][column + c];
#pragma unroll
      for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) sum[r][c] = fma(a[r], b[c], sum[r][c]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++)
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) p.store(i0 + row + r, j0 + column + c, sum[r][c]);
}
