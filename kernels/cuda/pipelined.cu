// Pipelined: the next tiles are copied while this one is multiplied.
//
// Idea. `cp.async` copies from global into shared memory without passing through registers, and without
// the thread waiting for it (before sm_80 it is a plain copy). A ring of stages is filled two or three
// steps ahead; a step has one barrier in place of two. From shared memory to registers it is the same
// again, at a small scale: the numbers for k + 1 are read while those for k are multiplied. C leaves in
// vectors.
//
//     copy      | 0 | 1 | 2 | 3 | 4 | 5          a step: BK rows of At and B, and one barrier
//     multiply              | 0 | 1 | 2 | 3
//
// A that lies row by row is transposed on its way: numbers are copied one by one, each to its place.
// Big tiles reuse more, small ones are more in number: a rule picks by the size of C (`ladder.py`). Each
// entry is the same chain of multiply-adds along k in every rung and shape: the same bits.
//
// Prediction. Memory's answers are never waited for: arithmetic is nine tenths of the instructions, so
// nine tenths of the arithmetic peak, which is where libraries are.
//
// Next bottleneck. The multiply-adds themselves. Tensor cores do many in one instruction, on numbers
// that are rounded first.
#include "simt.cuh"

template <class T, int BM, int BN, int BK, int STAGES, int WARPS_DOWN, int WARPS_ACROSS, int SIDE>
__global__ __launch_bounds__(32 * WARPS_DOWN * WARPS_ACROSS) void matmul_pipelined(
    Product<T> p) {
  DYNAMIC_SHARED(T, ring);
  pipelined<ThreadTiles<T, BM, BN, BK, STAGES, WARPS_DOWN, WARPS_ACROSS, SIDE>>(p, ring);
}
