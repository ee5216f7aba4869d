// What a layer's backward pass needs beside its two products.
//
// slope.       dZ = dY f'(Z), with the slope written in the layer's own value Y = f(Z).
//              Idea: one thread for each entry. Prediction: the memory's rate, two reads and a write.
//              Next bottleneck: the launch itself for a small layer; it could end the product before.
// sum_rows.    db[j] = sum over n of dZ[n, j].
//              Idea: a warp reads 32 neighbouring columns of a row; the LANES warps of a block share out
//              the rows, and their sums are added in shared memory in a fixed order, so the result does
//              not depend on who was first. Prediction: the memory's rate for wide matrices.
//              Next bottleneck: few columns are few blocks, and most of the chip has nothing to do.
#include "product.cuh"

template <class T> struct Slope {
  long long M, N;
  Matrix<T> dZ;
  Matrix<const T> dY, Y;
  long long activation;
};

template <class T> __global__ void slope(Slope<T> s) {
  long long entry = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (entry >= s.M * s.N) return;
  long long i = entry / s.N, j = entry % s.N;
  T dy = s.dY(i, j), y = s.Y(i, j), dz = dy;
  if (s.activation == 1) dz = y > T(0) ? dy : T(0);
  if (s.activation == 2) dz = dy * y * (T(1) - y);
  if (s.activation == 3) dz = dy * (T(1) - y * y);
  s.dZ(i, j) = dz;
}

template <class T> struct RowSum {
  long long M, N;
  Matrix<const T> from;
  T* into;
  long long step;
};

template <class T, int LANES> __global__ __launch_bounds__(32 * LANES) void sum_rows(RowSum<T> s) {
  __shared__ T sums[LANES][32];
  int lane = threadIdx.x / 32, column = threadIdx.x % 32;
  long long j = (long long)blockIdx.x * 32 + column;
  T sum = 0;
  if (j < s.N)
    for (long long i = lane; i < s.M; i += LANES) sum += s.from(i, j);
  sums[lane][column] = sum;
  __syncthreads();
  if (lane || j >= s.N) return;
  for (int other = 1; other < LANES; other++) sum += sums[other][column];
  s.into[j * s.step] = sum;
}
