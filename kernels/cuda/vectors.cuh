// Several numbers in one instruction: 16 bytes, which is four floats or two doubles.
#pragma once
#include "product.cuh"

template <class T> struct Vector;
template <> struct Vector<float> { typedef float4 Type; };
template <> struct Vector<double> { typedef double2 Type; };
template <class T> constexpr int WIDE = 16 / sizeof(T);

template <class T> __device__ Matrix<T> transposed(const Matrix<T>& m) {
  return Matrix<T>{m.start, m.columns, m.rows, m.right, m.down};
}

// 16 bytes, from and to addresses that are multiples of 16.
template <class T> __device__ __forceinline__ void move_vector(T* to, const T* from) {
  typedef typename Vector<T>::Type V;
  *reinterpret_cast<V*>(to) = *reinterpret_cast<const V*>(from);
}

// N numbers, from an address that is a multiple of the vectors they come in.
template <class T, int N> __device__ __forceinline__ void read_vectors(T (&into)[N], const T* from) {
  constexpr int W = N < WIDE<T> ? N : WIDE<T>;
  static_assert(N % W == 0, "whole vectors");
#pragma unroll
  for (int n = 0; n < N; n += W) {
    Together<T, W> v = *reinterpret_cast<const Together<T, W>*>(from + n);
#pragma unroll
    for (int w = 0; w < W; w++) into[n + w] = v.number[w];
  }
}

// N neighbours in a row of C from their sums, the first one's row and column.
template <class T, int N>
__device__ __forceinline__ void store_vectors(const Product<T>& p, long long i, long long j,
                                              const T (&sums)[N]) {
  if (i >= p.M() || j >= p.N()) return;
  Together<T, N> copy;
#pragma unroll
  for (int n = 0; n < N; n++) copy.number[n] = sums[n];
  finish(copy, &p.C(i, j), p.C.right, p.N() - j < N ? int(p.N() - j) : N, p.bias ? &p.bias[j] : nullptr,
         int(p.activation), p.gate ? &p.gate(i, j) : nullptr, p.gate.right, int(p.gate_kind));
}

// Copies a tile of a matrix into shared memory, zeros where the matrix ends: first row i0, first column
// j0. Vectors lie along the step of 1, wherever that is, and only where all of one is
// inside and begins at a multiple of 16 bytes.
template <int THREADS, class T, int ROWS, int COLUMNS>
__device__ void fetch_vectors(T (&tile)[ROWS][COLUMNS], const Matrix<const T>& from, long long i0,
                              long long j0) {
  constexpr int W = WIDE<T>;
  static_assert(ROWS % W == 0 && COLUMNS % W == 0, "whole vectors");
  bool along_rows = from.right == 1, along_columns = !along_rows && from.down == 1;
  long long other = along_rows ? from.down : from.right;
  bool vectors = (along_rows || along_columns) && other % W == 0 &&
                 reinterpret_cast<size_t>(from.start) % 16 == 0;
  for (int e = threadIdx.x; e < ROWS * COLUMNS / W; e += THREADS) {
    int i, j;  // the first of W numbers, which go along a row, or down a column
    if (along_columns) i = e % (ROWS / W) * W, j = e / (ROWS / W);
    else i = e / (COLUMNS / W), j = e % (COLUMNS / W) * W;
    int down = along_columns, right = !along_columns;
    bool whole = i0 + i + down * (W - 1) < from.rows && j0 + j + right * (W - 1) < from.columns;
    __align__(16) T numbers[W];
    if (vectors && whole) {
      move_vector(numbers, &from(i0 + i, j0 + j));
    } else {
#pragma unroll
      for (int w = 0; w < W; w++) {
        long long r = i0 + i + down * w, c = j0 + j + right * w;
        numbers[w] = r < from.rows && c < from.columns ? from(r, c) : T(0);
      }
    }
    if (along_columns) {
#pragma unroll
      for (int w = 0; w < W; w++) tile[i + w][j] = numbers[w];
    } else {
      move_vector(&tile[i][j], numbers);
    }
  }
}
