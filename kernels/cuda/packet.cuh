// Adjacent elements that are read or written at once.
#pragma once

#include "stint.cuh"

/// kCount adjacent elements as memory holds them; at most 16 bytes are accessed at once.
template <typename T, int kCount>
struct alignas(sizeof(T) * kCount > 16 ? 16 : sizeof(T) * kCount) Packet {
  T v[kCount];
};

/// Reads `kRun` channels from `from`, `kVec` at once where the run ends inside the tensor.
template <int kRun, int kVec, typename T>
__device__ __forceinline__ void load_run(Packet<T, kRun>& into, const T* from, int channels_left) {
  constexpr int kStep = kVec < kRun ? kVec : kRun;
#pragma unroll
  for (int i = 0; i < kRun; i += kStep)
    if (i < channels_left)
      *reinterpret_cast<Packet<T, kStep>*>(into.v + i) =
          *reinterpret_cast<const Packet<T, kStep>*>(from + i);
}

template <int kRun, int kVec, typename T>
__device__ __forceinline__ void store_run(T* to, const Packet<T, kRun>& from, int channels_left) {
  constexpr int kStep = kVec < kRun ? kVec : kRun;
#pragma unroll
  for (int i = 0; i < kRun; i += kStep)
    if (i < channels_left)
      *reinterpret_cast<Packet<T, kStep>*>(to + i) =
          *reinterpret_cast<const Packet<T, kStep>*>(from.v + i);
}
