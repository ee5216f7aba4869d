// Rows of a matrix in C order, each added up by a team: some lanes of a warp, or a block.
//
// A row of up to SHORT numbers is for the smallest power of 2 of lanes that it fills, at most a warp:
// neighbouring teams have neighbouring rows, so a warp reads one stretch of memory whatever the length
// of a row. A longer one is for a block. Which it is, and so the order of every sum, is decided by the
// length alone. Rows are read again where they are needed again: a cache has them.
#pragma once
#include "reduce.cuh"

constexpr long long SHORT = 1024;

// How many lanes a short row of K numbers has.
static __device__ int lanes_for(long long K) {
  int width = 1;
  while (width < K && width < WARP) width *= 2;
  return width;
}

// Those who share a row. One type for both kinds: NVRTC takes no lambda with an `auto` operand.
struct Team {
  int width;  // so many neighbouring lanes of a warp; or SEATS: a block
  __device__ bool is_block() const { return width > WARP; }
  __device__ int first() const { return is_block() ? threadIdx.x : threadIdx.x % width; }
  __device__ int step() const { return is_block() ? blockDim.x : width; }

  template <class Do> __device__ void each(long long K, Do act) const {
    for (long long k = first(); k < K; k += step()) act(k);
  }
  // Joins term(k) for k < K; all of the team get the result. All lanes of a warp must come.
  template <class V, class Join, class Term>
  __device__ V over(long long K, V nothing, Join join, Term term) const {
    if (is_block()) return over_block(0ll, K, nothing, join, term);
    V mine = nothing;
#pragma unroll 4
    for (long long k = first(); k < K; k += width) mine = join(mine, V(term(k)));
    return over_lanes(mine, width, join);
  }
};

static __device__ Team team_for(long long K) { return {K > SHORT ? SEATS : lanes_for(K)}; }

// Calls act(team, row, K) for rows of K numbers. A warp with fewer rows than teams calls it too for the
// first rows that are none, with K = 0, for all its lanes must come where a team adds up.
template <class Act> __device__ void each_row(long long rows, long long K, Act act) {
  Team team = team_for(K);
  if (team.is_block()) {
    for (long long row = blockIdx.x; row < rows; row += gridDim.x) act(team, row, K);
    return;
  }
  int teams = WARP / team.width, mine = threadIdx.x % WARP / team.width;
  for (long long row = first_entry() / WARP * teams + mine; row - mine < rows;
       row += next_entry() / WARP * teams)
    act(team, row, row < rows ? K : 0ll);
}

// What a softmax needs of a row z: shifted by its largest entry no exponential overflows. Where the
// largest one is not finite there is no shift: the formula, which shifts by infinity, has no value.
template <class T> struct Exponentials {
  const T* z;
  T largest, shift, sum;

  __device__ Exponentials(Team team, const T* z, long long K) : z(z) {
    T nothing = T(__int_as_float(int(0xff800000)));  // -infinity
    largest = team.over(K, nothing, Larger(), [&](long long k) { return z[k]; });
    shift = undefined() == T(0) ? largest : T(0);
    sum = T(team.over(K, 0.0, Sum(), [&](long long k) { return (*this)(k); }));
  }
  __device__ T operator()(long long k) const { return exp(z[k] - shift); }
  __device__ T undefined() const { return largest - largest; }  // 0, or NaN for a row without softmax
};
