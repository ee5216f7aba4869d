// Warp tile: between a block's tile and a thread's tile, one for each warp.
//
// Idea. What 32 threads read at one time decides how shared memory is used. Eight lanes down and four
// across own WM x WN entries of C, and a lane's eight rows are two groups of neighbours, WM / 2 apart
// (its columns likewise). So lanes side by side read vectors side by side, and lanes in a row read the
// same ones, which shared memory hands to all of them at once.
//
//     lane = 4 * down + across      rows    down * 4 + {0..3}  and the same + WM / 2
//                                   columns across * 4 + {0..3} and the same + WN / 2
//
// Prediction. Fewer waits for shared memory: a tenth faster than vectorised.
//
// Next bottleneck. Loads from global memory and arithmetic take turns, with barriers between: a second
// pair of tiles, filled in the background (cp.async), would let them overlap.
#include "product.cuh"
#include "vectors.cuh"

// WARPS_DOWN x WARPS_ACROSS warps; a thread owns 2 x 2 squares of SIDE x SIDE entries.
template <class T, int BM, int BN, int BK, int WARPS_DOWN, int WARPS_ACROSS, int SIDE>
__global__ __launch_bounds__(32 * WARPS_DOWN * WARPS_ACROSS) void matmul_warp_tile(Product<T> p) {
  constexpr int THREADS = 32 * WARPS_DOWN * WARPS_ACROSS;
  constexpr int WM = BM / WARPS_DOWN, WN = BN / WARPS_ACROSS;
  static_assert(WM == 2 * 8 * SIDE && WN == 2 * 4 * SIDE, "8 x 4 lanes cover a warp's tile");
  __shared__ __align__(16) T At[BK][BM];
  __shared__ __align__(16) T B[BK][BN];
  long long tiles_across = p.tiles_across(BN);
  long long i0 = blockIdx.x / tiles_across * BM, j0 = blockIdx.x % tiles_across * BN;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int row = warp / WARPS_ACROSS * WM + lane / 4 * SIDE;
  int column = warp % WARPS_ACROSS * WN + lane % 4 * SIDE;
  T sum[2][SIDE][2][SIDE] = {}, a[2][SIDE], b[2][SIDE];
  for (long long k0 = 0; k0 < p.K(); k0 += BK) {
    fetch_vectors<THREADS>(At, transposed(p.A), k0, i0);
    fetch_vectors<THREADS>(B, p.B, k0, j0);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < BK; k++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        read_vectors(a[half], &At[k][row + half * WM / 2]);
        read_vectors(b[half], &B[k][column + half * WN / 2]);
      }
#pragma unroll
      for (int e = 0; e < 4 * SIDE * SIDE; e++) {
        int c = e % SIDE, right = e / SIDE % 2, r = e / SIDE / 2 % SIDE, down = e / SIDE / 2 / SIDE;
        sum[down][r][right][c] = fma(a[down][r], b[right][c], sum[down][r][right][c]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int e = 0; e < 4 * SIDE * SIDE; e++) {
    int c = e % SIDE, right = e / SIDE % 2, r = e / SIDE / 2 % SIDE, down = e / SIDE / 2 / SIDE;
    p.store(i0 + row + down * WM / 2 + r, j0 + column + right * WN / 2 + c, sum[down][r][right][c]);
  }
}
