// A product for whatever grid there is: the one that a program's own kernel calls (persistent.py).
//
// Idea. One kernel that does a whole training step has one number of threads for everything in it, and a
// barrier between two products costs as much as a small product. So blocks walk over tiles of 32 x 64
// entries, each shared out to all threads of a block, and every entry is one chain of multiply-adds along
// k as in the ladder: the bits are the ladder's, and the order of things does not depend on the grid.
//
//     thread = 64 * down + across      rows down, down + 2^m, ...   column across
//
// Prediction. Far from the peak for large products; for layers of some ten units the step is as long as
// its chain of loads and barriers, which this keeps short: one tile of A and B is fetched at a time, 32
// deep, so most layers of small networks take one or two rounds.
//
// Next bottleneck. The next tile could be on its way while this one is used (pipelined.cu).
#include "product.cuh"

constexpr int DOWN = 32, ACROSS = 64, DEEP = 32;

// The block's tile of C with the first row i0 and column j0; a block has 256, 512 or 1024 threads.
template <class T> __device__ void tile_of_product(const Product<T>& p, long long i0, long long j0) {
  __shared__ T A[DOWN][DEEP + 1];  // a column's entries lie in banks of their own
  __shared__ T B[DEEP][ACROSS];
  constexpr int MOST = 8;  // entries of a thread, of a block of 256
  int across = threadIdx.x % ACROSS, down = threadIdx.x / ACROSS, step = blockDim.x / ACROSS;
  T sum[MOST] = {};
  for (long long k0 = 0; k0 < p.K(); k0 += DEEP) {
    bool along = p.A.right == 1;  // neighbours in the block read neighbours in memory
    for (int e = threadIdx.x; e < DOWN * DEEP; e += blockDim.x) {
      int i = along ? e / DEEP : e % DOWN, k = along ? e % DEEP : e / DOWN;
      A[i][k] = p.a(i0 + i, k0 + k);
    }
    along = p.B.right == 1;
    for (int e = threadIdx.x; e < DEEP * ACROSS; e += blockDim.x) {
      int k = along ? e / ACROSS : e % DEEP, j = along ? e % ACROSS : e / DEEP;
      B[k][j] = p.b(k0 + k, j0 + j);
    }
    __syncthreads();
    for (int k = 0; k < DEEP; k++) {
#pragma unroll
      for (int r = 0; r < MOST; r++)
        if (down + r * step < DOWN) sum[r] = fma(A[down + r * step][k], B[k][across], sum[r]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < MOST; r++)
    if (down + r * step < DOWN) p.store(i0 + down + r * step, j0 + across, sum[r]);
}

template <class T> __device__ void product_any_grid(const Product<T>& p) {
  long long tiles_across = (p.N() + ACROSS - 1) / ACROSS;
  long long tiles = (p.M() + DOWN - 1) / DOWN * tiles_across;
  for (long long tile = blockIdx.x; tile < tiles; tile += gridDim.x)
    tile_of_product(p, tile / tiles_across * DOWN, tile % tiles_across * ACROSS);
}
KERNEL(product_any_grid, Product)
