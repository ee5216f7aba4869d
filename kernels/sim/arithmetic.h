// CUDA's functions of numbers, each for float and for double. They are declared here, not included:
// a compiler needs several times as long for <math.h> of C++ as for a kernel.
#pragma once
#include "language.h"

#define SIM_ONE(name)                                                        \
  static inline float name(float x) { return __builtin_##name##f(x); }       \
  static inline float name##f(float x) { return __builtin_##name##f(x); }    \
  static inline double name(double x) { return __builtin_##name(x); }
#define SIM_TWO(name)                                                                       \
  static inline float name(float x, float y) { return __builtin_##name##f(x, y); }          \
  static inline float name##f(float x, float y) { return __builtin_##name##f(x, y); }       \
  static inline double name(double x, double y) { return __builtin_##name(x, y); }
SIM_ONE(acos) SIM_ONE(acosh) SIM_ONE(asin) SIM_ONE(asinh) SIM_ONE(atan) SIM_ONE(atanh)
SIM_ONE(cbrt) SIM_ONE(ceil) SIM_ONE(cos) SIM_ONE(cosh) SIM_ONE(erf) SIM_ONE(erfc)
SIM_ONE(exp) SIM_ONE(exp2) SIM_ONE(expm1) SIM_ONE(fabs) SIM_ONE(floor) SIM_ONE(lgamma)
SIM_ONE(log) SIM_ONE(log10) SIM_ONE(log1p) SIM_ONE(log2) SIM_ONE(nearbyint) SIM_ONE(rint)
SIM_ONE(round) SIM_ONE(sin) SIM_ONE(sinh) SIM_ONE(sqrt) SIM_ONE(tan) SIM_ONE(tanh)
SIM_ONE(tgamma) SIM_ONE(trunc)
SIM_TWO(atan2) SIM_TWO(copysign) SIM_TWO(fdim) SIM_TWO(fmax) SIM_TWO(fmin) SIM_TWO(fmod)
SIM_TWO(hypot) SIM_TWO(nextafter) SIM_TWO(pow) SIM_TWO(remainder)
#undef SIM_ONE
#undef SIM_TWO

#define SIM_FLOATING(T, f)                                                          \
  static inline T fma(T a, T b, T c) { return __builtin_fma##f(a, b, c); }          \
  static inline T frexp(T x, int* power) { return __builtin_frexp##f(x, power); }   \
  static inline T ldexp(T x, int power) { return __builtin_ldexp##f(x, power); }    \
  static inline T modf(T x, T* whole) { return __builtin_modf##f(x, whole); }       \
  static inline T abs(T x) { return __builtin_fabs##f(x); }                         \
  static inline long long llrint(T x) { return __builtin_llrint##f(x); }            \
  static inline long long llround(T x) { return __builtin_llround##f(x); }          \
  static inline bool isnan(T x) { return __builtin_isnan(x); }                      \
  static inline bool isinf(T x) { return __builtin_isinf(x); }                      \
  static inline bool isfinite(T x) { return __builtin_isfinite(x); }                \
  static inline bool signbit(T x) { return __builtin_signbit(x); }
SIM_FLOATING(float, f)
SIM_FLOATING(double, )
#undef SIM_FLOATING

static inline float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline float ldexpf(float x, int power) { return __builtin_ldexpf(x, power); }
static inline int abs(int x) { return x < 0 ? -x : x; }
static inline long long abs(long long x) { return x < 0 ? -x : x; }
static inline long long llabs(long long x) { return x < 0 ? -x : x; }

template <class T> static constexpr T min(T a, T b) { return b < a ? b : a; }
template <class T> static constexpr T max(T a, T b) { return a < b ? b : a; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float rsqrt(float x) { return rsqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }

namespace sim {
template <class To, class From> static inline To same_bits(From value) {
  static_assert(sizeof(To) == sizeof(From), "the bits of one are those of the other");
  To made;
  __builtin_memcpy(&made, &value, sizeof made);
  return made;
}
}  // namespace sim

static inline int __float_as_int(float x) { return sim::same_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return sim::same_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return sim::same_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return sim::same_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return sim::same_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return sim::same_bits<double>(x); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
