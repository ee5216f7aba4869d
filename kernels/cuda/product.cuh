// What all products share: where an entry lies, and what happens to a finished one.
#pragma once

#ifndef CUDA_ON_CPU
#define DYNAMIC_SHARED(T, name)                                    \
  extern __shared__ __align__(128) unsigned char name##_bytes[]; \
  T* name = reinterpret_cast<T*>(name##_bytes)
#endif

// A matrix of any layout: a step down and a step to the right, in numbers, may be 1 or the length of a
// row, negative (a view read backwards) or 0 (a repeated row). A transposed matrix has the two
// exchanged. Offsets have 64 bits: a matrix may have more than 2^31 entries.
template <class T> struct Matrix {
  T* start;
  long long down, right;
  __device__ T& operator()(long long i, long long j) const { return start[i * down + j * right]; }
};

// Sigmoid or tanh. A function that is called, not copied: a thread finishes up to 64 entries, and as many
// copies would be most of a kernel.
template <class T> __device__ __noinline__ T squashed(T z, bool sigmoid) {
  if (!sigmoid) return tanh(z);
  T e = exp(-fabs(z));  // never above 1: no overflow on either side
  return (z < T(0) ? e : T(1)) / (T(1) + e);
}

// f(z + b): the bias is added to the finished sum, then comes the activation.
template <class T> struct Finish {
  const T* bias;  // (N,), or null
  long long step;
  long long activation;  // 0 none, 1 relu, 2 sigmoid, 3 tanh

  __device__ T operator()(T z, long long j) const {
    if (bias) z += bias[j * step];
    if (activation == 1) return z < T(0) ? T(0) : z;  // NaN stays NaN
    return activation ? squashed(z, activation == 2) : z;
  }
};

// C (M, N) = finish(A (M, K) B (K, N)): the one argument of every rung.
template <class T> struct Product {
  long long M, N, K;
  Matrix<const T> A, B;
  Matrix<T> C;
  Finish<T> finish;

  __device__ T a(long long i, long long k) const { return i < M && k < K ? A(i, k) : T(0); }
  __device__ T b(long long k, long long j) const { return k < K && j < N ? B(k, j) : T(0); }
  __device__ void store(long long i, long long j, T sum) const {
    if (i < M && j < N) C(i, j) = finish(sum, j);
  }
};

// Copies a tile of A, first row i0 and first column k0, into shared memory. Neighbouring threads take
// neighbouring addresses, whichever way the matrix lies; all threads decide alike.
template <int THREADS, class T, int ROWS, int COLUMNS>
__device__ void fetch_a(T (&tile)[ROWS][COLUMNS], const Product<T>& p, long long i0, long long k0) {
  bool along_rows = p.A.right == 1;
  for (int e = threadIdx.x; e < ROWS * COLUMNS; e += THREADS) {
    int i = along_rows ? e / COLUMNS : e % ROWS, k = along_rows ? e % COLUMNS : e / ROWS;
    tile[i][k] = p.a(i0 + i, k0 + k);
  }
}

// The same for a tile of B.
template <int THREADS, class T, int ROWS, int COLUMNS>
__device__ void fetch_b(T (&tile)[ROWS][COLUMNS], const Product<T>& p, long long k0, long long j0) {
  bool along_rows = p.B.right == 1;
  for (int e = threadIdx.x; e < ROWS * COLUMNS; e += THREADS) {
    int k = along_rows ? e / COLUMNS : e % ROWS, j = along_rows ? e % COLUMNS : e / ROWS;
    tile[k][j] = p.b(k0 + k, j0 + j);
  }
}
