// Counters in the GPU's memory, steps and calls that a recorded program counts by itself, and what is
// collected by them.
//
// Idea. A launch that is repeated as it stands has the same operands each time; what must change from
// step to step is kept in memory, where other kernels read it (`Int` in operands.cuh).
//
// Prediction. The time of a launch.
//
// Next bottleneck. The launch: a kernel that runs anyway could count.
#include "operands.cuh"

template <class T> struct Advance {
  Flat<long long> counter;
  Int by;
  Stop stop;
};

// counter += by.
template <class T> __device__ void advance(const Advance<T>& o) {
  if (stopped(o.stop)) return;
  for (long long i = first_entry(); i < o.counter.size; i += next_entry()) o.counter[i] += o.by;
}
KERNEL(advance, Advance)

template <class T> struct Collect {
  Flat<T> losses;
  Flat<const T> loss;
  Int start, rows;
};

// losses[start / rows] = loss[0]: of the batch that begins at a row of the order. After a refused step the
// place holds anything, and nobody looks there.
template <class T> __device__ void collect(const Collect<T>& o) {
  if (first_entry() == 0) o.losses[o.start / o.rows] = o.loss[0];
}
KERNEL(collect, Collect)
