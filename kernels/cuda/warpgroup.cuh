// Warpgroup matrix products (wgmma, sm_90 only): operands in shared memory (f16, or 8-bit
// integers), accumulators in registers (f32, or 32-bit integers). They run asynchronously beside
// the warps' other instructions until they are waited for.
//
// An operand (a: 64 rows of a warpgroup, b: columns), K-major, lies in shared memory in one of two
// layouts:
// - 128-byte swizzle: rows of 64 k (128 of bytes) are 128 bytes long, one after the other; the
// 16-byte chunks of
//   row r are permuted by XOR with r % 8, and the first row starts at a multiple of 1024.
// - planes (no swizzle): the 16-byte chunks of all rows for 8 k, one row's after the other's, then
//   those for the next 8 k. The first row may be any, so that a product may start at any row of a
//   plane.
#pragma once

#include "products.cuh"

/// What this thread has written through the generic proxy, its finished copies included, the async
/// proxy (wgmma) sees behind the next barrier.
__device__ __forceinline__ void fence_async_proxy() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/// The compiler must not move what reads or writes the accumulators across this place.
__device__ __forceinline__ void fence_accumulator(float& d) {
  asm volatile("" : "+f"(d)::"memory");
}
__device__ __forceinline__ void fence_accumulator(int32_t& d) {
  asm volatile("" : "+r"(d)::"memory");
}
template <typename Sum, int kBlocks>
__device__ __forceinline__ void fence_accumulators(Sum (&d)[kBlocks][4]) {
#pragma unroll
  for (int j = 0; j < kBlocks; ++j)
#pragma unroll
    for (int e = 0; e < 4; ++e) fence_accumulator(d[j][e]);
}

/// Before the first wgmma after the accumulators were touched.
template <typename Sum, int kBlocks>
__device__ __forceinline__ void wgmma_fence(Sum (&d)[kBlocks][4]) {
  fence_accumulators(d);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

/// The wgmmas since the last commit are one group.
__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/// Until at most `kPending` committed groups are in flight.
template <int kPending, typename Sum, int kBlocks>
__device__ __forceinline__ void wgmma_wait(Sum (&d)[kBlocks][4]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
  fence_accumulators(d);
}

/// Shared memory descriptor of an operand of 32 bytes of k: address, leading and stride byte
/// offsets, all in units of 16 bytes, and the swizzle mode.
typedef uint64_t MatrixDescriptor;

__device__ __forceinline__ MatrixDescriptor matrix_descriptor(uint32_t address, uint32_t leading,
                                                              uint32_t stride) {
  return static_cast<uint64_t>(stride) << 32 | (leading << 16 | (address & 0x3FFFF) >> 4);
}

/// 32 bytes of k, `at` bytes from the beginning of swizzled rows: 1024 bytes from 8 rows to the
/// next
/// 8. The swizzle XORs bits of the address, so that `at` is added as if there were none.
__device__ __forceinline__ MatrixDescriptor swizzled_descriptor(uint32_t address, uint32_t at) {
  constexpr uint32_t kSwizzle128 = 1u << 30, kEightRows = 1024 >> 4, kUnused = 1;
  return matrix_descriptor(address, kUnused, kSwizzle128 | kEightRows) + (at >> 4);
}

/// 16 k of planes that are `pitch` bytes apart; `address`: of the first row in the first of them.
__device__ __forceinline__ MatrixDescriptor planes_descriptor(uint32_t address, uint32_t pitch) {
  constexpr uint32_t kEightRows = 128 >> 4;
  return matrix_descriptor(address, pitch >> 4, kEightRows);
}

// d[j]: of columns j * 8 .. j * 8 + 7, in the accumulator layout of mma.m16n8k16; the warps of a
// warpgroup have 16 rows each. The registers of d as text and as operands, 16 at a time:
#define STINT_D16 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15"
#define STINT_D32 STINT_D16 ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define STINT_D48 STINT_D32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"
#define STINT_D64 STINT_D48 ",%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define STINT_D80 STINT_D64 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"
#define STINT_D96 STINT_D80 ",%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"
#define STINT_D112 \
  STINT_D96 ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111"
#define STINT_D128 \
  STINT_D112 ",%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

// "+f" or "+r", and the first block of columns.
#define STINT_R4(c, j) c(d[j][0]), c(d[j][1]), c(d[j][2]), c(d[j][3])
#define STINT_R16(c, j) STINT_R4(c, j), STINT_R4(c, j + 1), STINT_R4(c, j + 2), STINT_R4(c, j + 3)
#define STINT_R32(c) STINT_R16(c, 0), STINT_R16(c, 4)
#define STINT_R48(c) STINT_R32(c), STINT_R16(c, 8)
#define STINT_R64(c) STINT_R48(c), STINT_R16(c, 12)
#define STINT_R96(c) STINT_R64(c), STINT_R16(c, 16), STINT_R16(c, 20)
#define STINT_R128(c) STINT_R96(c), STINT_R16(c, 24), STINT_R16(c, 28)

/// d += a * b over 16 k of f16; b has as many columns as d.
#define STINT_WGMMA(columns, text, operands, a_at, b_at)                               \
  __device__ __forceinline__ void wgmma(float(&d)[columns / 8][4], MatrixDescriptor a, \
                                        MatrixDescriptor b) {                          \
    asm volatile("wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32.f16.f16 {" text \
                 "}, %" #a_at ", %" #b_at ", 1, 1, 1, 0, 0;"                           \
                 : operands                                                            \
                 : "l"(a), "l"(b)                                                      \
                 : "memory");                                                          \
  }
STINT_WGMMA(32, STINT_D16, STINT_R16("+f", 0), 16, 17)
STINT_WGMMA(64, STINT_D32, STINT_R32("+f"), 32, 33)
STINT_WGMMA(96, STINT_D48, STINT_R48("+f"), 48, 49)
STINT_WGMMA(128, STINT_D64, STINT_R64("+f"), 64, 65)
STINT_WGMMA(192, STINT_D96, STINT_R96("+f"), 96, 97)
STINT_WGMMA(256, STINT_D128, STINT_R128("+f"), 128, 129)

/// d += a * b over 32 k of bytes; b is signed.
#define STINT_WGMMA_BYTES(name, type, columns, text, operands, a_at, b_at)                 \
  __device__ __forceinline__ void name(int32_t(&d)[columns / 8][4], MatrixDescriptor a,    \
                                       MatrixDescriptor b) {                               \
    asm volatile("wgmma.mma_async.sync.aligned.m64n" #columns "k32.s32." type ".s8 {" text \
                 "}, %" #a_at ", %" #b_at ", 1;"                                           \
                 : operands                                                                \
                 : "l"(a), "l"(b)                                                          \
                 : "memory");                                                              \
  }
#define STINT_WGMMA_BYTES_OF(name, type)                                   \
  STINT_WGMMA_BYTES(name, type, 32, STINT_D16, STINT_R16("+r", 0), 16, 17) \
  STINT_WGMMA_BYTES(name, type, 64, STINT_D32, STINT_R32("+r"), 32, 33)    \
  STINT_WGMMA_BYTES(name, type, 96, STINT_D48, STINT_R48("+r"), 48, 49)    \
  STINT_WGMMA_BYTES(name, type, 128, STINT_D64, STINT_R64("+r"), 64, 65)   \
  STINT_WGMMA_BYTES(name, type, 192, STINT_D96, STINT_R96("+r"), 96, 97)   \
  STINT_WGMMA_BYTES(name, type, 256, STINT_D128, STINT_R128("+r"), 128, 129)
STINT_WGMMA_BYTES_OF(wgmma_signed, "s8")
STINT_WGMMA_BYTES_OF(wgmma_unsigned, "u8")

/// d += a * b over 32 bytes of k.
template <class Products, int kBlocks>
__device__ __forceinline__ void wgmma_of(typename Products::Sum (&d)[kBlocks][4],
                                         MatrixDescriptor a, MatrixDescriptor b) {
  if constexpr (Products::kBytes == 2)
    wgmma(d, a, b);
  else if constexpr (Products::kIsUnsigned)
    wgmma_unsigned(d, a, b);
  else
    wgmma_signed(d, a, b);
}
