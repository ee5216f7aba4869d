// Copies: rows of a data set into a batch, and a view of any strides into C order.
//
// Idea. Rows are copied as bytes, so the kernel serves every number type; a thread moves up to 16 of them
// at a time, as many as the places and the length of a row are multiples of. A view whose columns lie
// closer together than its rows is turned in shared memory, a tile at a time: a warp reads down a column
// and writes along a row, neighbours both times.
//
// Prediction. The memory's rate in both; without tiles, a turned view would move 32 bytes for each number.
//
// Next bottleneck. Memory. A batch need not be gathered: the first layer could read rows where they lie.
#include "operands.cuh"

template <class T> struct Gather {
  Flat<T> batch;
  Flat<const T> data;
  Labels order;
  Int start, rows;
};

template <class Word, class T> __device__ void gather_words(const Gather<T>& o, long long width) {
  const Word* data = reinterpret_cast<const Word*>(o.data.start);
  Word* batch = reinterpret_cast<Word*>(o.batch.start);
  long long words = width / (long long)sizeof(Word), start = o.start, all = o.rows * words;
  for (long long i = first_entry(); i < all; i += next_entry())
    batch[i] = data[o.order[start + i / words] * words + i % words];
}

// batch[r, :] = data[order[start + r], :]; rows of bytes.
template <class T> __device__ void gather(const Gather<T>& o) {
  static_assert(sizeof(T) == 1, "bytes");
  if (!o.batch.size) return;
  long long width = o.batch.size / o.rows;
  size_t places = reinterpret_cast<size_t>(o.data.start) | reinterpret_cast<size_t>(o.batch.start) | width;
  if (places % 16 == 0) gather_words<uint4>(o, width);
  else if (places % 8 == 0) gather_words<uint2>(o, width);
  else if (places % 4 == 0) gather_words<unsigned>(o, width);
  else gather_words<unsigned char>(o, width);
}
KERNEL(gather, Gather)

template <class T> struct Ordered {
  Flat<T> y;
  Matrix<const T> x;
};

constexpr int TILE = 32;

// The tile at (i0, j0): read with neighbouring threads down a column, written with them along a row.
template <class T> __device__ void turn_tile(const Ordered<T>& o, long long i0, long long j0) {
  __shared__ T tile[TILE][TILE + 1];  // one more, so that a column lies in 32 different banks
  for (int e = threadIdx.x; e < TILE * TILE; e += blockDim.x) {
    int i = e % TILE, j = e / TILE;
    if (i0 + i < o.x.rows && j0 + j < o.x.columns) tile[j][i] = o.x(i0 + i, j0 + j);
  }
  __syncthreads();
  for (int e = threadIdx.x; e < TILE * TILE; e += blockDim.x) {
    int i = e / TILE, j = e % TILE;
    if (i0 + i < o.x.rows && j0 + j < o.x.columns)
      o.y[(i0 + i) * o.x.columns + j0 + j] = tile[j][i];
  }
  __syncthreads();  // before the tile is filled again
}

// y[i C + j] = x[i, j].
template <class T> __device__ void ordered(const Ordered<T>& o) {
  long long down = o.x.down < 0 ? -o.x.down : o.x.down, right = o.x.right < 0 ? -o.x.right : o.x.right;
  if (down == 0 || right <= down) {
    for (long long e = first_entry(); e < o.y.size; e += next_entry())
      o.y[e] = o.x(e / o.x.columns, e % o.x.columns);
    return;
  }
  long long across = (o.x.columns + TILE - 1) / TILE, tiles = (o.x.rows + TILE - 1) / TILE * across;
  for (long long t = blockIdx.x; t < tiles; t += gridDim.x)
    turn_tile(o, t / across * TILE, t % across * TILE);
}
KERNEL(ordered, Ordered)
