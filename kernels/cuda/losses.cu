// Losses per entry: binary cross-entropy of logits, and squared error.
//
// Idea. The loss, its gradient, or both in one launch; a missing operand stands for what is not wanted.
// Both together take the steps of each alone and have the same bits. The loss is summed by parts
// (reduce.cuh). Where a target is none, nothing may be written: each block looks through all targets
// before it begins, so that no block must wait for another.
//
// Prediction. Two reads and a write. For up to some ten thousand targets, looking through them is lost
// in the launch.
//
// Next bottleneck. Millions of targets, which every block looks through; a barrier of the whole grid
// would do with once.
//
// `mean` is 1 for the mean over the entries and 0 for their sum. `dy` is the gradient of the loss itself,
// one entry; it is read only where a gradient is wanted.
#include "reduce.cuh"
#include "activations.cuh"

// The sum of what each(i) gives for all entries, into `loss`; or each(i) alone, if there is no loss.
template <class T, class Each>
__device__ void for_each_entry(long long n, const Flat<T>& loss, bool mean, Work work, Each each) {
  if (!loss.size) {
    for (long long i = first_entry(); i < n; i += next_entry()) each(i);
    return;
  }
  sum_by_parts(
      work, n, PART,
      [&](long long low, long long high) { return over_block(low, high, 0.0, Sum(), each); },
      [&](double sum) { loss[0] = T(mean ? sum / n : sum); });
}

template <class T> struct BceWithLogits {
  Flat<const T> z, t;
  Flat<T> loss, dz;
  Flat<const T> dy;
  Real pos_weight;
  Int mean;
  Work work;
};

// loss = sum of w t softplus(-z) + (1 - t) softplus(z), dz = dy ((1 - t) s(z) - w t (1 - s(z))) with the
// sigmoid s. Where the loss is wanted, targets outside [0, 1] are refused; NaN is none of them.
template <class T> __device__ void bce_with_logits(const BceWithLogits<T>& o) {
  long long n = o.z.size;
  bool mean = o.mean;
  T one = T(1), weight = T(double(o.pos_weight)), share = one;
  if (o.dz.size) share = mean ? o.dy[0] / T(n) : o.dy[0];
  if (o.loss.size && over_block(0ll, n, 0.0, Sum(), [&](long long i) {
        return o.t[i] < T(0) || o.t[i] > one;
      }) > 0) {
    if (first_entry() == 0) o.work->refused = 1;
    return;
  }
  for_each_entry(n, o.loss, mean, o.work, [&](long long i) {
    T z = o.z[i], t = o.t[i], loss = T(0);
    if (o.loss.size) {
      T tail = log1p(exp(-fabs(z)));  // NaN of NaN
      loss = weight * t * ((z < T(0) ? -z : T(0)) + tail);
      loss = loss + (one - t) * ((z > T(0) ? z : T(0)) + tail);
    }
    if (o.dz.size) {
      T y = squashed(z, true);
      o.dz[i] = share * (weight == one ? y - t : (one - t) * y - weight * t * (one - y));
    }
    return loss;
  });
}
KERNEL(bce_with_logits, BceWithLogits)

template <class T> struct Mse {
  Flat<const T> y, t;
  Flat<T> loss, dx;
  Flat<const T> dy;
  Int mean;
  Work work;
};

// loss = sum of (y - t)^2, dx = 2 (y - t) dy.
template <class T> __device__ void mse(const Mse<T>& o) {
  long long n = o.y.size;
  bool mean = o.mean;
  T share = T(1);
  if (o.dx.size) share = mean ? o.dy[0] / T(n) : o.dy[0];
  for_each_entry(n, o.loss, mean, o.work, [&](long long i) {
    T difference = o.y[i] - o.t[i];
    if (o.dx.size) o.dx[i] = share * (T(2) * difference);
    return difference * difference;
  });
}
KERNEL(mse, Mse)
