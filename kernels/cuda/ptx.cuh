// The instructions that C++ has no word for. Each stands beside its twin for the CPU (kernels/sim), so a
// kernel that copies in the background or uses tensor cores is executed there as well.
//
// Source: PTX ISA, "Data Movement and Conversion Instructions" and "Warp Level Matrix Multiply-Accumulate".
#pragma once

#ifdef CUDA_ON_CPU
#define PTX_SITE , const char* file = __builtin_FILE(), int line = __builtin_LINE()  // of the call
#else
#define PTX_SITE
__device__ __forceinline__ unsigned shared_address(const void* at) {
  return static_cast<unsigned>(__cvta_generic_to_shared(at));
}
#endif

// --- copies from global into shared memory that go on while the thread computes (sm_80) -------------
//
// A thread's copies since its last commit are a group; wait<N> returns when at most N of the thread's
// groups are on their way. Other threads see what came after a barrier behind that wait. Where `ok` is
// false, zeros come and `global` is not read. Both addresses are multiples of what is copied. Older
// processors copy at once.

__device__ __forceinline__ void cp_async_4(void* shared, const void* global, bool ok = true PTX_SITE) {
#if defined(CUDA_ON_CPU)
  sim::copy_later(shared, global, 4, ok, {file, line});
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(ok ? 4 : 0) : "memory");
#else
  *static_cast<unsigned*>(shared) = ok ? *static_cast<const unsigned*>(global) : 0;
#endif
}

__device__ __forceinline__ void cp_async_8(void* shared, const void* global, bool ok = true PTX_SITE) {
#if defined(CUDA_ON_CPU)
  sim::copy_later(shared, global, 8, ok, {file, line});
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(ok ? 8 : 0) : "memory");
#else
  *static_cast<uint2*>(shared) = ok ? *static_cast<const uint2*>(global) : make_uint2(0, 0);
#endif
}

// Past the first-level cache, whose place it would take for nothing.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global, bool ok = true PTX_SITE) {
#if defined(CUDA_ON_CPU)
  sim::copy_later(shared, global, 16, ok, {file, line});
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(global), "r"(ok ? 16 : 0) : "memory");
#else
  *static_cast<uint4*>(shared) = ok ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
#endif
}

__device__ __forceinline__ void cp_async_commit() {
#if defined(CUDA_ON_CPU)
  sim::close_copies();
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

template <int N> __device__ __forceinline__ void cp_async_wait() {
#if defined(CUDA_ON_CPU)
  sim::land_copies(N);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

// --- numbers for the tensor cores (sm_80) ------------------------------------------------------------

#if defined(CUDA_ON_CPU) || __CUDA_ARCH__ >= 800

// The nearest number with 10 bits of fraction, ties away from zero, in the upper bits of a word.
__device__ __forceinline__ unsigned to_tf32(float x) {
#ifdef CUDA_ON_CPU
  unsigned word = __float_as_uint(x);
  return x != x ? 0x7fffffffu : (word + 0x1000u) & ~0x1fffu;
#else
  unsigned word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
  return word;
#endif
}

// The nearest numbers with 7 bits of fraction, ties to even, in one word: the first is its lower half.
__device__ __forceinline__ unsigned to_bf16x2(float low, float high) {
#ifdef CUDA_ON_CPU
  unsigned half[2];
  for (int h = 0; h < 2; h++) {
    float x = h ? high : low;
    unsigned word = __float_as_uint(x);
    half[h] = x != x ? 0x7fffu : (word + 0x7fffu + (word >> 16 & 1)) >> 16;
  }
  return half[0] | half[1] << 16;
#else
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#endif
}

// --- D += A B by a warp, all 32 lanes -----------------------------------------------------------------
//
// With lane = 4 g + t (g from 0 to 7, t from 0 to 3) a lane holds
//
//   of A, 16 rows    a[0], a[1]: rows g and g + 8 of the left half; a[2], a[3]: the same of the right half
//   of B, 8 columns  b[0]: column g of the upper half; b[1]: of the lower half
//   of D, 16 x 8     d[0], d[1]: row g, columns 2 t and 2 t + 1; d[2], d[3]: the same of row g + 8
//
// where a word is column t of A's half (row t of B's half) of tf32, or columns 2 t and 2 t + 1 (rows) of
// bf16. Products are exact; a GPU rounds their sums in an order of its own.

// A (16, 8) and B (8, 8) of tf32. Bits that tf32 does not have are cut off: convert before.
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4],
                                                 const unsigned (&b)[2] PTX_SITE) {
#ifdef CUDA_ON_CPU
  sim::mma_tf32(d, a, b, {file, line});
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// A (16, 16) and B (16, 8) of bf16.
__device__ __forceinline__ void mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4],
                                                  const unsigned (&b)[2] PTX_SITE) {
#ifdef CUDA_ON_CPU
  sim::mma_bf16(d, a, b, {file, line});
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Four matrices of 8 x 8 numbers of 16 bits from shared memory. Lane l names row l % 8 of matrix l / 8 by
// its address, a multiple of 16; words[m] is this lane's part of matrix m, as mma wants it for a[m]. With
// TRANSPOSED the rows in memory are the columns of the matrices: b of a B that lies row by row.
template <bool TRANSPOSED = false>
__device__ __forceinline__ void load_matrices(unsigned (&words)[4], const void* row PTX_SITE) {
#ifdef CUDA_ON_CPU
  sim::load_matrices(words, row, TRANSPOSED, {file, line});
#else
  if constexpr (TRANSPOSED)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(shared_address(row)) : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(shared_address(row)) : "memory");
#endif
}

#endif
