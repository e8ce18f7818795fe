// What tensor cores multiply and sum up: the type that kernels of matrix products are parametrised
// by. Fragments are alike in bytes, whatever the factors are: 32 bytes of k an instruction.
#pragma once

#include "packet.cuh"
#include "quantised.cuh"
#include "tensor_core.cuh"

__device__ __forceinline__ uint32_t pack_halves(half_t low, half_t high) {
  return static_cast<uint32_t>(low.bits) | static_cast<uint32_t>(high.bits) << 16;
}

/// f16 factors, f32 sums.
struct HalfProducts {
  typedef float Sum;
  static constexpr int kBytes = 2;  // of a factor

  static __device__ __forceinline__ void multiply(float (&d)[4], const uint32_t (&a)[4],
                                                  uint32_t b0, uint32_t b1) {
    mma_m16n8k16(d, a, b0, b1);
  }

  /// Elements of any type as factors `first`, `first` + 1, .. of the eight in `chunk`, which was
  /// zero.
  template <int kCount, typename X>
  static __device__ __forceinline__ void insert(uint32_t (&chunk)[4], int first,
                                                const Packet<X, kCount>& packet) {
    if constexpr (kCount == 1) {
      const uint32_t bits = to_half(to_float(packet.v[0])).bits;
      chunk[first / 2] |= first % 2 == 0 ? bits : bits << 16;
    } else {
#pragma unroll
      for (int j = 0; j < kCount; j += 2)
        chunk[(first + j) / 2] =
            pack_halves(to_half(to_float(packet.v[j])), to_half(to_float(packet.v[j + 1])));
    }
  }
};

/// 8-bit factors (the first one signed or not, the second one signed), sums of 32 bits: exact.
template <bool kUnsigned>
struct ByteProducts {
  typedef int32_t Sum;
  static constexpr int kBytes = 1;
  static constexpr bool kIsUnsigned = kUnsigned;

  static __device__ __forceinline__ void multiply(int32_t (&d)[4], const uint32_t (&a)[4],
                                                  uint32_t b0, uint32_t b1) {
    mma_m16n8k32<kUnsigned>(d, a, b0, b1);
  }

  /// The integers of quantised elements, sixteen in a chunk.
  template <int kCount, typename X>
  static __device__ __forceinline__ void insert(uint32_t (&chunk)[4], int first,
                                                const Packet<X, kCount>& packet) {
#pragma unroll
    for (int j = 0; j < kCount; ++j)
      chunk[(first + j) / 4] |= static_cast<uint32_t>(static_cast<uint8_t>(packet.v[j].bits))
                                << (first + j) % 4 * 8;
  }
};
