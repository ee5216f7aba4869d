// Sums and means over all entries, over rows and over columns of arrays in C order; the way back.
//
// Idea. Every sum is float64 inside and rounded once at the end, in an order that the shape alone
// decides (reduce.cuh). Threads side by side read numbers side by side, down columns too: a warp has 32
// of them. Long sums are cut into parts, and the block that is done last adds those up.
//
// Prediction. As fast as the memory delivers; a small sum takes as long as its launch.
//
// Next bottleneck. Memory: add up where the entries are computed. Along rows, a few very long ones: each
// has one block. Down columns, a few narrow ones: a warp uses as many lanes as there are columns.
//
// `mean` is 1 for the mean and 0 for the sum; the mean of nothing is NaN.
#include "rows.cuh"

template <class T> struct SumAll {
  Flat<const T> x;
  Flat<T> y;
  Int mean;
  Work work;
};

// y[0] = sum of x.
template <class T> __device__ void sum_all(const SumAll<T>& o) {
  sum_by_parts(
      o.work, o.x.size, PART,
      [&](long long low, long long high) {
        return over_block(low, high, 0.0, Sum(), [&](long long i) { return o.x[i]; });
      },
      [&](double sum) { o.y[0] = T(o.mean ? sum / o.x.size : sum); });
}
KERNEL(sum_all, SumAll)

template <class T> struct SumColumns {
  Flat<const T> x;
  Flat<T> y;
  Int K, mean;
};

// y[n] = sum over k of x[n, k].
template <class T> __device__ void sum_columns(const SumColumns<T>& o) {
  each_row(o.y.size, o.K, [&](Team team, long long row, long long K) {
    const T* x = o.x.start + row * K;
    double sum = team.over(K, 0.0, Sum(), [&](long long k) { return x[k]; });
    if (team.first() == 0 && row < o.y.size) o.y[row] = T(o.mean ? sum / K : sum);
  });
}
KERNEL(sum_columns, SumColumns)

// The sum of the rows low ... high - 1 in column h, the same lane's in every warp: warps take the rows
// in turn, and their sums are added up from the first to the last.
template <class T>
__device__ double down_column(const Flat<const T>& x, long long H, long long h, long long low,
                              long long high) {
  __shared__ double sums[WARP][WARP];
  int lane = threadIdx.x % WARP;
  for (int warp = threadIdx.x / WARP; warp < WARP; warp += blockDim.x / WARP) {
    double sum = 0;
#pragma unroll 4
    for (long long n = low + warp; n < high; n += WARP) sum += h < H ? x[n * H + h] : T(0);
    sums[warp][lane] = sum;
  }
  __syncthreads();
  double sum = 0;
  for (int warp = 0; warp < WARP; warp++) sum += sums[warp][lane];
  __syncthreads();  // before `sums` is used again
  return sum;
}

template <class T> struct SumRows {
  Flat<const T> x;
  Flat<T> y;
  Int mean;
  Work work;
};

// y[h] = sum over n of x[n, h]. A block has 32 columns, and where these are few, a part of the rows.
template <class T> __device__ void sum_rows(const SumRows<T>& o) {
  long long H = o.y.size, across = (H + WARP - 1) / WARP, N = H ? o.x.size / H : 0;
  Parts parts = parts_of(N, PART / WARP, max(1ll, ROOM / max(1ll, H)));
  bool whole = parts.count == 1;
  for (long long block = blockIdx.x; block < across * parts.count; block += gridDim.x) {
    long long h = block % across * WARP + threadIdx.x % WARP, part = block / across;
    double sum = down_column(o.x, H, h, part * parts.each, min(N, (part + 1) * parts.each));
    if (threadIdx.x >= WARP || h >= H) continue;
    if (whole) o.y[h] = T(o.mean ? sum / N : sum);
    else o.work->parts[part * H + h] = sum;
  }
  if (whole || !comes_last(o.work)) return;
  for (long long h = threadIdx.x; h < H; h += blockDim.x) {
    double sum = 0;
    for (long long part = 0; part < parts.count; part++) sum += o.work->parts[part * H + h];
    o.y[h] = T(o.mean ? sum / N : sum);
  }
}
KERNEL(sum_rows, SumRows)

template <class T> struct Spread {
  Flat<T> y;
  Flat<const T> x;
  Int after, among;
};

// y[b, r, a] = x[b, a], divided by `among` if that is not 0; x is (B, after), y (B, R, after).
template <class T> __device__ void spread(const Spread<T>& o) {
  if (!o.y.size) return;
  long long after = o.after, stretch = o.y.size / o.x.size * after;
  T divisor = T(max(1ll, (long long)o.among));
  for (long long i = first_entry(); i < o.y.size; i += next_entry())
    o.y[i] = o.x[i / stretch * after + i % after] / divisor;
}
KERNEL(spread, Spread)
