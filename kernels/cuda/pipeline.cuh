// Tiles of A and B that are copied while others are multiplied: what `pipelined` and the tensor-core
// rungs share. A ring of STAGES pairs of tiles lies in shared memory; copies run STAGES - 1 ahead.
//
//     stage   0        1        2          step s multiplies stage s, copies into the one that step
//           [A B]    [A B]    [A B]        s - 1 has done with, and reads the first numbers of the
//           in use   landed   on its way   next stage into registers before it ends
#pragma once
#include "product.cuh"
#include "ptx.cuh"

template <int BYTES> __device__ __forceinline__ void copy_later(void* to, const void* from, bool ok) {
  if constexpr (BYTES == 16) cp_async_16(to, from, ok);
  else if constexpr (BYTES == 8) cp_async_8(to, from, ok);
  else cp_async_4(to, from, ok);
}

// What a thread copies of each tile of a matrix (K, X): tiles are BK x BX and follow one another along k,
// rows in shared memory are PITCH apart. There are three ways, and all threads of a product go the same:
//
//   16 bytes at a time along x    where that is the step of 1 and every row begins at a multiple of 16
//   a number at a time along x    any other layout
//   a number at a time along k    where that is the step of 1: 8 lanes fetch 32 bytes, and what lies
//                                 along k goes across the rows of the tile, which are padded: few of
//                                 32 numbers, or none, fall on the same bank
template <class T, int BK, int BX, int PITCH, int THREADS> struct Copier {
  static constexpr int W = 16 / sizeof(T), WARPS = THREADS / 32;
  static_assert(BK * BX % (THREADS * W) == 0 && BK % 8 == 0, "every thread copies as much");
  static_assert(THREADS % BX == 0 && WARPS % (BK / 8) == 0, "a thread stays in its row or column");

  const Matrix<const T>& m;
  const T* from;       // this thread's first number of the next tile
  int k, place, room;  // where that goes; how many columns of the matrix are left from there on
  enum { VECTORS, ALONG_K, ALONG_X } way;

  __device__ __forceinline__ Copier(const Matrix<const T>& m, long long x0) : m(m) {
    bool aligned = m.down % W == 0 && m.columns % W == 0 && reinterpret_cast<size_t>(m.start) % 16 == 0;
    way = m.right == 1 && aligned ? VECTORS : m.right != 1 && m.down == 1 ? ALONG_K : ALONG_X;
    int t = threadIdx.x, warp = t / 32, x = t % BX;
    k = t / BX;
    if (way == VECTORS) k = t / (BX / W), x = t % (BX / W) * W;
    if (way == ALONG_K) k = warp % (BK / 8) * 8 + t % 8, x = warp / (BK / 8) * 4 + t % 32 / 8;
    room = m.columns - x0 < BX ? int(m.columns - x0) - x : BX - x;
    place = k * PITCH + x;
    from = m.start + k * m.down + (x0 + x) * m.right;
  }

  // COUNT pieces of N numbers, DK rows and DX columns apart.
  template <int N, int COUNT, int DK, int DX>
  __device__ __forceinline__ void pieces(T* tile, int deep) const {
    const T* piece = from;
    long long step = DK * m.down + DX * m.right;
#pragma unroll
    for (int n = 0; n < COUNT; n++, piece += step)
      copy_later<N * sizeof(T)>(tile + place + n * (DK * PITCH + DX), piece,
                                n * DK < deep - k && n * DX < room);
  }

  // Begins to copy the next tile, of which `deep` rows are in the matrix; zeros stand for the others.
  __device__ __forceinline__ void next(T* tile, int deep) {
    constexpr int EACH = BK * BX / THREADS;
    if (way == VECTORS) pieces<W, EACH / W, THREADS * W / BX, 0>(tile, deep);
    else if (way == ALONG_K) pieces<1, EACH, 0, THREADS / BK>(tile, deep);
    else pieces<1, EACH, THREADS / BX, 0>(tile, deep);
    from += BK * m.down;
  }
};

// C, tile by tile. A Work has the sizes BM, BN, BK, STAGES, THREADS, PAD, and DEPTH: how much of k its
// fragments hold. read(f, A, B): from shared memory, at a row of the tiles, into fragments f (0 or 1);
// multiply(f): adds their product; end_step(): after each BK; store(p, i0, j0): to C.
//
// Tiles of C are numbered in strips of STRIP rows of tiles, down the columns of a strip: those that
// blocks work on at one time share rows of A and columns of B.
template <class Work> __device__ __forceinline__ void pipelined(const Product<typename Work::T>& p,
                                                                typename Work::T* ring) {
  typedef typename Work::T T;
  constexpr int BM = Work::BM, BN = Work::BN, BK = Work::BK, STAGES = Work::STAGES, STRIP = 16;
  constexpr int ROW_A = BM + Work::PAD, ROW_B = BN + Work::PAD, STAGE = BK * (ROW_A + ROW_B);
  constexpr int DEPTH = Work::DEPTH, TURNS = BK / DEPTH;
  static_assert(TURNS % 2 == 0 && STAGES >= 2, "fragments take turns within a step");
  unsigned tiles_down = (p.M() + BM - 1) / BM, tiles_across = (p.N() + BN - 1) / BN;
  Matrix<const T> A = transposed(p.A);
  for (unsigned tile = blockIdx.x; tile < tiles_down * tiles_across; tile += gridDim.x) {
    unsigned strip = tile / (STRIP * tiles_across) * STRIP, within = tile % (STRIP * tiles_across);
    unsigned tall = min(tiles_down - strip, unsigned(STRIP));
    unsigned down = strip + within % tall, across = within / tall;
    Copier<T, BK, BM, ROW_A, Work::THREADS> a(A, (long long)BM * down);
    Copier<T, BK, BN, ROW_B, Work::THREADS> b(p.B, (long long)BN * across);
    long long left = p.K();  // to be multiplied
    auto copy = [&](int stage, int ahead) {
      if (left > ahead * BK) {
        int deep = left - ahead * BK < BK ? int(left - ahead * BK) : BK;
        a.next(ring + stage, deep);
        b.next(ring + stage + BK * ROW_A, deep);
      }
      cp_async_commit();  // an empty one, too, so that the count of groups is right
    };
    Work work;
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) copy(s * STAGE, s);
    int reading = 0, writing = (STAGES - 1) * STAGE;
    cp_async_wait<STAGES - 2>();
    __syncthreads();  // all have copied the first stage
    if (left > 0) work.read(0, ring, ring + BK * ROW_A);
    for (; left > 0; left -= BK) {
#pragma unroll
      for (int turn = 0; turn < TURNS; turn++) {
        if (turn + 1 < TURNS) {
          const T* at = ring + reading;
          int k = (turn + 1) * DEPTH;
          work.read((turn + 1) % 2, at + k * ROW_A, at + BK * ROW_A + k * ROW_B);
        } else {
          cp_async_wait<STAGES - 2>();
          __syncthreads();  // all have copied the next stage, and read all of this one
          reading = reading == (STAGES - 1) * STAGE ? 0 : reading + STAGE;
          if (left > BK) work.read(0, ring + reading, ring + reading + BK * ROW_A);
        }
        if (turn == 0) {
          copy(writing, STAGES - 1);
          writing = writing == (STAGES - 1) * STAGE ? 0 : writing + STAGE;
        }
        work.multiply(turn % 2);
      }
      work.end_step();
    }
    work.store(p, (long long)BM * down, (long long)BN * across);
  }
}
