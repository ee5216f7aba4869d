// What all products share: the operands, a finished entry, and tiles in shared memory.
#pragma once
#include "operands.cuh"
#include "activations.cuh"

// Neighbours that are moved at once, if they are 4, 8 or 16 bytes.
template <class T, int N> struct __align__(N * sizeof(T)) Together { T number[N]; };

// N neighbours in a row of C from their sums, of which `inside` are in it; in one piece if they lie so.
// A function that is called: a thread has up to 128 entries, and as many copies would be most of a
// kernel.
template <class T, int N>
__device__ __noinline__ void finish(Together<T, N> sums, T* to, long long right, int inside,
                                    const T* bias, int activation, const T* gate, long long gate_right,
                                    int gate_kind) {
#pragma unroll
  for (int n = 0; n < N; n++) {
    if (n >= inside) break;
    T& sum = sums.number[n];
    if (bias) sum += bias[n];
    sum = activated(sum, activation);
    if (gate) sum = slope_at(sum, gate[n * gate_right], gate_kind);
  }
  if (inside == N && right == 1 && reinterpret_cast<size_t>(to) % sizeof sums == 0) {
    *reinterpret_cast<Together<T, N>*>(to) = sums;
  } else {
#pragma unroll
    for (int n = 0; n < N; n++)
      if (n < inside) to[n * right] = sums.number[n];
  }
}

// C (M, N) = f(A (M, K) B (K, N) + bias) g'(gate): the one argument of every rung. Bias (N,) and gate
// (M, N) may be missing. The bias is added to the finished sum, then comes the activation f; or the
// slope of g, written in its own value.
template <class T> struct Product {
  Matrix<const T> A, B;
  Matrix<T> C;
  Flat<const T> bias;
  Int activation;
  Matrix<const T> gate;
  Int gate_kind;

  __device__ long long M() const { return C.rows; }
  __device__ long long N() const { return C.columns; }
  __device__ long long K() const { return A.columns; }
  // Tiles beside each other in C, BN wide; one at least, as they are divided by.
  __device__ long long tiles_across(int BN) const { return N() > BN ? (N() + BN - 1) / BN : 1; }
  __device__ T a(long long i, long long k) const { return i < M() && k < K() ? A(i, k) : T(0); }
  __device__ T b(long long k, long long j) const { return k < K() && j < N() ? B(k, j) : T(0); }
  __device__ void store(long long i, long long j, T sum) const {
    if (i < M() && j < N())
      finish(Together<T, 1>{{sum}}, &C(i, j), C.right, 1, bias ? &bias[j] : nullptr, int(activation),
             gate ? &gate(i, j) : nullptr, gate.right, int(gate_kind));
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
