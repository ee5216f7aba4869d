// Dropout, with random bits that are a function of the position: Philox-4x32-10.
//
// Idea. The random number of an entry depends on the seed, the call and the entry's place in C order
// alone. So the mask is that of every other device, no state is kept, and the backward pass draws it
// again instead of reading it. One counter gives the words of four entries: a thread has these, and moves
// them as vectors where they lie at multiples of 16 bytes.
//
// Prediction. Twenty 32-bit multiplications with 64-bit results for four entries, beside 32 bytes of
// memory traffic for floats: the memory's rate.
//
// Next bottleneck. Memory: draw the mask where the entries are computed.
//
// Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
#include "operands.cuh"

struct Words {
  unsigned word[4];
};

template <class T> struct __align__(16) Four {
  T number[4];
};

// Four times 32 random bits: the output for the counter (low, high, call, 0) and the key `seed`.
static __device__ Words philox(unsigned long long counter, unsigned call, unsigned long long seed) {
  unsigned x0 = unsigned(counter), x1 = unsigned(counter >> 32), x2 = call, x3 = 0;
  unsigned k0 = unsigned(seed), k1 = unsigned(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    unsigned long long p0 = 0xD2511F53ull * x0, p1 = 0xCD9E8D57ull * x2;
    x0 = unsigned(p1 >> 32) ^ x1 ^ k0, x1 = unsigned(p1);
    x2 = unsigned(p0 >> 32) ^ x3 ^ k1, x3 = unsigned(p0);
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {{x0, x1, x2, x3}};
}

template <class T> struct Dropout {
  Flat<const T> x;
  Flat<T> y;
  Real p;
  Int seed, call;
};

// y = x / (1 - p) where the entry is kept, with probability 1 - p, and 0 elsewhere.
template <class T> __device__ void dropout(const Dropout<T>& o) {
  double p = o.p;
  T kept = T(1.0 - p);
  unsigned threshold = unsigned((unsigned long long)(p * 4294967296.0));
  unsigned long long seed = (long long)o.seed;
  unsigned call = unsigned((long long)o.call);
  bool vectors = (reinterpret_cast<size_t>(o.x.start) | reinterpret_cast<size_t>(o.y.start)) % 16 == 0;
  for (long long counter = first_entry(); 4 * counter < o.x.size; counter += next_entry()) {
    Words random = philox(counter, call, seed);
    const T* x = o.x.start + 4 * counter;
    T* y = o.y.start + 4 * counter;
    long long n = o.x.size - 4 * counter;
    if (vectors && n >= 4) {
      Four<T> four = *reinterpret_cast<const Four<T>*>(x);
#pragma unroll
      for (int i = 0; i < 4; i++)
        four.number[i] = random.word[i] >= threshold ? four.number[i] / kept : T(0);
      *reinterpret_cast<Four<T>*>(y) = four;
    } else {
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (i < n) y[i] = random.word[i] >= threshold ? x[i] / kept : T(0);
    }
  }
}
KERNEL(dropout, Dropout)
