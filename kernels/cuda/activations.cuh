// The activations that a product can end with, and their slopes written in their own values. Products
// and the kernels that stand alone share them, so a fusion has the same bits.
#pragma once

// Sigmoid or tanh. A function that is called, not copied: a thread finishes up to 64 entries, and as many
// copies would be most of a kernel.
template <class T> __device__ __noinline__ T squashed(T z, bool sigmoid) {
  if (!sigmoid) return tanh(z);
  T e = exp(-fabs(z));  // never above 1: no overflow on either side
  return (z < T(0) ? e : T(1)) / (T(1) + e);
}

// f(z) by the code of f: 0 none, 1 ReLU, 2 sigmoid, 3 tanh.
template <class T> __device__ __forceinline__ T activated(T z, long long kind) {
  if (kind == 1) return z < T(0) ? T(0) : z;  // NaN stays NaN
  return kind ? squashed(z, kind == 2) : z;
}

// dy f'(z), where y = f(z).
template <class T> __device__ __forceinline__ T slope_at(T dy, T y, long long kind) {
  if (kind == 1) return y > T(0) ? dy : T(0);
  if (kind == 2) return dy * y * (T(1) - y);
  return kind ? dy * (T(1) - y * y) : dy;
}
