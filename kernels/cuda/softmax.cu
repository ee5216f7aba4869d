// softmax and log_softmax along rows, with their gradients.
//
// Idea. A team of lanes or a whole block for each row (rows.cuh). The largest entry, the sum of the
// exponentials and the result are three passes over the row; only the first of them goes to memory. An
// exponential is taken twice, which costs less than a place to keep it.
//
// Prediction. One read and one write of memory, as fast as it delivers; for rows of a few numbers the
// exchanges between lanes show.
//
// Next bottleneck. Few rows leave most of the GPU idle, however long they are: a row would have to be
// shared by several blocks.
#include "rows.cuh"

template <class T> struct SoftmaxRows {
  Flat<const T> z;
  Flat<T> p;
  Int K;
};

// p = e^(z - max) / sum of e^(z - max) in each row.
template <class T> __device__ void softmax_rows(const SoftmaxRows<T>& o) {
  each_row(o.p.size / o.K, o.K, [&](Team team, long long row, long long K) {
    long long start = row * o.K;
    Exponentials<T> e(team, o.z.start + start, K);
    T sum = e.sum + e.undefined();
    team.each(K, [&](long long k) { o.p[start + k] = e(k) / sum; });
  });
}
KERNEL(softmax_rows, SoftmaxRows)

template <class T> struct SoftmaxRowsVjp {
  Flat<T> dz;
  Flat<const T> dy, p;
  Int K;
};

// dz = p (dy - sum of dy p) in each row.
template <class T> __device__ void softmax_rows_vjp(const SoftmaxRowsVjp<T>& o) {
  each_row(o.p.size / o.K, o.K, [&](Team team, long long row, long long K) {
    long long start = row * o.K;
    T weighted = T(team.over(K, 0.0, Sum(), [&](long long k) {
      return o.dy[start + k] * o.p[start + k];
    }));
    team.each(K, [&](long long k) {
      o.dz[start + k] = o.p[start + k] * (o.dy[start + k] - weighted);
    });
  });
}
KERNEL(softmax_rows_vjp, SoftmaxRowsVjp)

template <class T> struct LogSoftmaxRows {
  Flat<const T> z;
  Flat<T> y;
  Int K;
};

// y = z - max - log(sum of e^(z - max)) in each row.
template <class T> __device__ void log_softmax_rows(const LogSoftmaxRows<T>& o) {
  each_row(o.y.size / o.K, o.K, [&](Team team, long long row, long long K) {
    long long start = row * o.K;
    Exponentials<T> e(team, o.z.start + start, K);
    T log_sum = log(e.sum) + e.undefined();
    team.each(K, [&](long long k) { o.y[start + k] = (o.z[start + k] - e.shift) - log_sum; });
  });
}
KERNEL(log_softmax_rows, LogSoftmaxRows)

template <class T> struct LogSoftmaxRowsVjp {
  Flat<T> dz;
  Flat<const T> dy, y;
  Int K;
};

// dz = dy - e^y (sum of dy) in each row.
template <class T> __device__ void log_softmax_rows_vjp(const LogSoftmaxRowsVjp<T>& o) {
  each_row(o.y.size / o.K, o.K, [&](Team team, long long row, long long K) {
    long long start = row * o.K;
    T summed = T(team.over(K, 0.0, Sum(), [&](long long k) { return o.dy[start + k]; }));
    team.each(K, [&](long long k) {
      o.dz[start + k] = o.dy[start + k] - exp(o.y[start + k]) * summed;
    });
  });
}
KERNEL(log_softmax_rows_vjp, LogSoftmaxRowsVjp)
