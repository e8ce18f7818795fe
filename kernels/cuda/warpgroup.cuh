// Warpgroup matrix products (wgmma, sm_90 only): f16 operands in shared memory, f32 accumulators in
// registers. They run asynchronously beside the warps' other instructions until they are waited
// for.
//
// An operand (a: 64 rows of a warpgroup, b: columns), K-major, lies in shared memory in one of two
// layouts:
// - 128-byte swizzle: rows of 64 k are 128 bytes long, one after the other; the 16-byte chunks of
//   row r are permuted by XOR with r % 8, and the first row starts at a multiple of 1024.
// - planes (no swizzle): the 16-byte chunks of all rows for 8 k, one row's after the other's, then
//   those for the next 8 k. The first row may be any, so that a product may start at any row of a
//   plane.
#pragma once

#include "stint.cuh"

/// What this thread has written through the generic proxy, its finished copies included, the async
/// proxy (wgmma) sees behind the next barrier.
__device__ __forceinline__ void fence_async_proxy() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/// The compiler must not move what reads or writes the accumulators across this place.
template <int kBlocks>
__device__ __forceinline__ void fence_accumulators(float (&d)[kBlocks][4]) {
#pragma unroll
  for (int j = 0; j < kBlocks; ++j)
#pragma unroll
    for (int e = 0; e < 4; ++e) asm volatile("" : "+f"(d[j][e])::"memory");
}

/// Before the first wgmma after the accumulators were touched.
template <int kBlocks>
__device__ __forceinline__ void wgmma_fence(float (&d)[kBlocks][4]) {
  fence_accumulators(d);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

/// The wgmmas since the last commit are one group.
__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/// Until at most `kPending` committed groups are in flight.
template <int kPending, int kBlocks>
__device__ __forceinline__ void wgmma_wait(float (&d)[kBlocks][4]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
  fence_accumulators(d);
}

/// Shared memory descriptor of an operand of 16 k: address, leading and stride byte offsets, all in
/// units of 16 bytes, and the swizzle mode.
typedef uint64_t MatrixDescriptor;

__device__ __forceinline__ MatrixDescriptor matrix_descriptor(uint32_t address, uint32_t leading,
                                                              uint32_t stride) {
  return static_cast<uint64_t>(stride) << 32 | (leading << 16 | (address & 0x3FFFF) >> 4);
}

/// 16 k from `k` on of swizzled rows: 1024 bytes from 8 rows to the next 8. The swizzle XORs bits
/// of the address, so that k is added as if there were none.
__device__ __forceinline__ MatrixDescriptor swizzled_descriptor(uint32_t address, uint32_t k) {
  constexpr uint32_t kSwizzle128 = 1u << 30, kEightRows = 1024 >> 4, kUnused = 1;
  return matrix_descriptor(address, kUnused, kSwizzle128 | kEightRows) + (k * 2 >> 4);
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

#define STINT_R4(j) "+f"(d[j][0]), "+f"(d[j][1]), "+f"(d[j][2]), "+f"(d[j][3])
#define STINT_R16(j) STINT_R4(j), STINT_R4(j + 1), STINT_R4(j + 2), STINT_R4(j + 3)
#define STINT_R32 STINT_R16(0), STINT_R16(4)
#define STINT_R48 STINT_R32, STINT_R16(8)
#define STINT_R64 STINT_R48, STINT_R16(12)
#define STINT_R96 STINT_R64, STINT_R16(16), STINT_R16(20)
#define STINT_R128 STINT_R96, STINT_R16(24), STINT_R16(28)

/// d += a * b over 16 k; b has as many columns as d.
#define STINT_WGMMA(columns, text, operands, a_at, b_at)                               \
  __device__ __forceinline__ void wgmma(float(&d)[columns / 8][4], MatrixDescriptor a, \
                                        MatrixDescriptor b) {                          \
    asm volatile("wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32.f16.f16 {" text \
                 "}, %" #a_at ", %" #b_at ", 1, 1, 1, 0, 0;"                           \
                 : operands                                                            \
                 : "l"(a), "l"(b)                                                      \
                 : "memory");                                                          \
  }
STINT_WGMMA(32, STINT_D16, STINT_R16(0), 16, 17)
STINT_WGMMA(64, STINT_D32, STINT_R32, 32, 33)
STINT_WGMMA(96, STINT_D48, STINT_R48, 48, 49)
STINT_WGMMA(128, STINT_D64, STINT_R64, 64, 65)
STINT_WGMMA(192, STINT_D96, STINT_R96, 96, 97)
STINT_WGMMA(256, STINT_D128, STINT_R128, 128, 129)
