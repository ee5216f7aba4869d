// The slope of an activation on a gradient, written in the activation's own value.
//
// Idea. One thread for each entry, and on from there by the size of the grid.
//
// Prediction. The memory's rate: two reads and a write.
//
// Next bottleneck. The launch itself for a small layer; the product before can do it (its gate).
#include "operands.cuh"
#include "activations.cuh"

template <class T> struct Slope {
  Flat<T> dz;
  Flat<const T> dy, y;
  Int kind;
};

// dz = dy f'(z), where y = f(z).
template <class T> __device__ void slope(const Slope<T>& o) {
  for (long long i = first_entry(); i < o.dz.size; i += next_entry())
    o.dz[i] = slope_at(o.dy[i], o.y[i], o.kind);
}
KERNEL(slope, Slope)

template <class T> struct SlopeOfDropped {
  Flat<T> dz;
  Flat<const T> dy, y;
  Real p;
};

// dz = dy / (1 - p) where y > 0, else 0, with y = dropout(ReLU(z)): an entry of y is above 0 where it was
// kept and z > 0, so the mask need not be drawn again.
template <class T> __device__ void slope_of_dropped(const SlopeOfDropped<T>& o) {
  T kept = T(1.0 - o.p);
  for (long long i = first_entry(); i < o.dz.size; i += next_entry())
    o.dz[i] = o.y[i] > T(0) ? o.dy[i] / kept : T(0);
}
KERNEL(slope_of_dropped, SlopeOfDropped)
