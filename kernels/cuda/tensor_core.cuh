// Tensor core instructions on fragments: ldmatrix, mma with f16 products and f32 accumulation, and
// with 8-bit products and 32-bit accumulation.
#pragma once

#include "shared_memory.cuh"

/// Four 8x8 matrices: the A fragment (16 rows x 16 k) of mma.m16n8k16. Every lane names one row of
/// 16 bytes: lanes 0-15 rows 0-15 of the first 8 k, lanes 16-31 of the other 8.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&a)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
               : "r"(address)
               : "memory");
}

/// The same of matrices that lie transposed: lane l gets column l / 4 of each.
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&a)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
               : "r"(address)
               : "memory");
}

/// d += a * b over 16 k; a: 16 rows, b: 8 columns.
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                             uint32_t b1) {
#if STINT_SM >= 80
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else  // sm_75 has m16n8k8: two halves of k
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}

#define STINT_MMA_BYTES(a_type)                                                 \
  asm("mma.sync.aligned.m16n8k32.row.col.s32." a_type                           \
      ".s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                          \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
// sm_75 has m8n8k16: halves of the rows and of k.
#define STINT_MMA_BYTES_8(a_type, d0, d1, a, b)                                                \
  asm("mma.sync.aligned.m8n8k16.row.col.s32." a_type ".s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};" \
      : "+r"(d0), "+r"(d1)                                                                     \
      : "r"(a), "r"(b))

/// d += a * b over 32 k of 8-bit integers, in the layout of mma_m16n8k16 in bytes; b is signed.
template <bool kUnsignedA>
__device__ __forceinline__ void mma_m16n8k32(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                             uint32_t b1) {
#if STINT_SM >= 80
  if constexpr (kUnsignedA)
    STINT_MMA_BYTES("u8");
  else
    STINT_MMA_BYTES("s8");
#else
  if constexpr (kUnsignedA) {
    STINT_MMA_BYTES_8("u8", d[0], d[1], a[0], b0);
    STINT_MMA_BYTES_8("u8", d[2], d[3], a[1], b0);
    STINT_MMA_BYTES_8("u8", d[0], d[1], a[2], b1);
    STINT_MMA_BYTES_8("u8", d[2], d[3], a[3], b1);
  } else {
    STINT_MMA_BYTES_8("s8", d[0], d[1], a[0], b0);
    STINT_MMA_BYTES_8("s8", d[2], d[3], a[1], b0);
    STINT_MMA_BYTES_8("s8", d[0], d[1], a[2], b1);
    STINT_MMA_BYTES_8("s8", d[2], d[3], a[3], b1);
  }
#endif
}
#undef STINT_MMA_BYTES
#undef STINT_MMA_BYTES_8
