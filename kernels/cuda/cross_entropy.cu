// Softmax and cross-entropy with integer labels: the loss, its gradient, or both in one launch.
//
// Idea. The gradient softmax(z) - one-hot is made of what the loss has computed already: teams walk over
// rows (rows.cuh), take the exponentials of one, keep its loss in a register and write its gradient. A
// missing operand stands for what is not wanted; both together have the bits of each alone. Where a label
// is none, nothing may be written: each block looks through all labels before it begins.
//
// Prediction. One read of the scores and one write of the gradient. Labels are few beside scores, so
// looking through them costs little, and nothing for batches of some thousand rows.
//
// Next bottleneck. The latency of a row: three passes with exchanges between them, one after the other.
//
// `mean` is 1 to divide by the number of rows, else 0; `dy` is the gradient of the loss itself, one entry.
#include "rows.cuh"

template <class T> struct CrossEntropyLabels {
  Flat<const T> z;
  Labels labels;
  Flat<T> loss, dz;
  Flat<const T> dy;
  Int K, mean;
  Work work;
};

// One row of K numbers: writes its gradient if that is wanted, gives its loss; of no row (K = 0): 0.
template <class T>
__device__ double row_of(const CrossEntropyLabels<T>& o, Team team, long long row, long long K, T share) {
  const T* z = o.z.start + row * K;
  Exponentials<T> e(team, z, K);
  if (!K) return 0;
  long long label = o.labels[row];
  T loss = o.loss.size ? log(e.sum) + (e.shift - z[label]) : T(0);
  if (o.dz.size) {
    T sum = e.sum + e.undefined(), *dz = o.dz.start + row * K;
    team.each(K, [&](long long k) {
      T p = e(k) / sum;
      dz[k] = share * (k == label ? p - T(1) : p);
    });
  }
  return loss;
}

// The rows low ... high - 1, by one block: the sum of their losses. A seat has every so manieth row.
template <class T>
__device__ double rows_of(const CrossEntropyLabels<T>& o, long long low, long long high, long long K,
                          T share) {
  Team team = team_for(K);
  if (team.is_block()) {
    double sum = 0;
    for (long long row = low; row < high; row++) sum += row_of(o, team, row, K, share);
    return sum;
  }
  int teams = SEATS / team.width;
  return over_seats((high - low) * team.width, 0.0, Sum(), [&](int seat) {
    int mine = seat % WARP / team.width;
    double sum = 0;
    for (long long row = low + seat / team.width; row - mine < high; row += teams)
      sum += row_of(o, team, row, row < high ? K : 0ll, share);
    return team.first() == 0 ? sum : 0.0;
  });
}

// loss = sum of log(sum of e^z) - z[label] over the rows, dz = (softmax(z) - one-hot(labels)) dy. Where
// the loss is wanted, a label outside 0 ... K - 1 is refused.
template <class T> __device__ void cross_entropy_labels(const CrossEntropyLabels<T>& o) {
  long long N = o.labels.size, K = o.K;
  bool mean = o.mean;
  T share = T(1);
  if (o.dz.size) share = mean ? o.dy[0] / T(N) : o.dy[0];
  if (!o.loss.size) {
    each_row(N, K, [&](Team team, long long row, long long here) {
      row_of(o, team, row, here, share);
    });
    return;
  }
  if (over_block(0ll, N, 0.0, Sum(), [&](long long n) {
        return o.labels[n] < 0 || o.labels[n] >= K;
      }) > 0) {
    if (first_entry() == 0) o.work->refused = 1;
    return;
  }
  long long two_rounds = 2 * SEATS / team_for(K).width;
  sum_by_parts(
      o.work, N, two_rounds,
      [&](long long low, long long high) { return rows_of(o, low, high, K, share); },
      [&](double sum) { o.loss[0] = T(mean ? sum / N : sum); });
}
KERNEL(cross_entropy_labels, CrossEntropyLabels)
