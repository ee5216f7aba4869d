// Vectorised: numbers move four at a time, and A lies transposed in shared memory.
//
// Idea. Where four neighbours in a row (or, of a transposed matrix, in a column) begin at a multiple of
// 16 bytes, one instruction loads them all (double: two by two). Others, at the edge of a matrix or in a
// strided view, come one by one, so the kernel is for every layout. A is kept as [k][i], so that a
// thread's numbers of A for one k are neighbours too, and shared memory is read in vectors as well.
//
//     A (i, k)  ->  At[k][i]      four numbers that lie along k go to four rows of At
//     B (k, j)  ->  B [k][j]      four numbers that lie along j stay together
//
// Prediction. A quarter of the load instructions: about a sixth faster than single numbers.
//
// Next bottleneck. The eight rows and columns that a thread owns are far from its neighbours' ones, so
// a warp reads more of a tile from shared memory than it must: tiles for warps.
#include "product.cuh"
#include "vectors.cuh"

template <class T, int BM, int BN, int BK, int ROWS, int COLUMNS>
__global__ __launch_bounds__(BM / ROWS * (BN / COLUMNS)) void matmul_vectorised(Product<T> p) {
  constexpr int ACROSS = BN / COLUMNS, THREADS = BM / ROWS * ACROSS;
  __shared__ __align__(16) T At[BK][BM];
  __shared__ __align__(16) T B[BK][BN];
  long long tiles_across = p.tiles_across(BN);
  long long i0 = blockIdx.x / tiles_across * BM, j0 = blockIdx.x % tiles_across * BN;
  int row = threadIdx.x / ACROSS * ROWS, column = threadIdx.x % ACROSS * COLUMNS;
  T sum[ROWS][COLUMNS] = {}, a[ROWS], b[COLUMNS];
  for (long long k0 = 0; k0 < p.K(); k0 += BK) {
    // A transposed is a matrix too: its step down is A's step to the right.
    fetch_vectors<THREADS>(At, transposed(p.A), k0, i0);
    fetch_vectors<THREADS>(B, p.B, k0, j0);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < BK; k++) {
      read_vectors(a, &At[k][row]);
      read_vectors(b, &B[k][column]);
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
