// Warp-level tiling: how a block's tile is divided among its warps, and a warp's part of the
// product.
#pragma once

#include "products.cuh"

/// kWarpsM x kWarpsN warps cover a tile of kBM pixels x kBN channels; kSlices sets of them divide k
/// (sliced-K). Columns are interleaved in groups of kInterleave, or of fewer where a warp does not
/// have as many.
template <int kBM_, int kBN_, int kWarpsM_, int kWarpsN_, int kSlices_, int kInterleave,
          class Products_ = HalfProducts>
struct WarpTiling {
  typedef Products_ Products;
  static constexpr int kBM = kBM_, kBN = kBN_;
  static constexpr int kWarpsM = kWarpsM_, kWarpsN = kWarpsN_, kSlices = kSlices_;
  static constexpr int kSliceThreads = kWarpsM * kWarpsN * 32;
  static constexpr bool kResidualInShared = false;  // tile_epilogue.cuh: room for it is there
  static constexpr int kThreads = kSliceThreads * kSlices;
  static constexpr int kWarpRows = kBM / kWarpsM, kWarpColumns = kBN / kWarpsN;
  // The builder interleaves columns so that a lane's accumulators of kGroup columns are adjacent
  // channels: the epilogue stores whole runs.
  static constexpr int kGroup = kInterleave >= 32 && kWarpColumns % 32 == 0   ? 32
                                : kInterleave >= 16 && kWarpColumns % 16 == 0 ? 16
                                                                              : 8;
  static constexpr int kRun = kGroup / 4;  // adjacent channels of one pixel in one lane
  static constexpr int kGroups = kWarpColumns / kGroup;
  static constexpr int kRunsPerThread = kWarpRows / 8 * kGroups;
  static constexpr int kRuns = kRunsPerThread * kSliceThreads;

  /// Where run number `u` of thread `thread` of a slice lies: run u * kSliceThreads + thread of the
  /// tile.
  static __device__ __forceinline__ void locate(int u, int thread, int& row, int& column) {
    const int lane = thread % 32;
    const int warp = thread / 32;
    row = warp / kWarpsN * kWarpRows + u / kGroups * 8 + lane / 4;
    column = warp % kWarpsN * kWarpColumns + u % kGroups * kGroup + lane % 4 * kRun;
  }
};

/// Accumulator fragments of one warp.
template <class T>
struct Accumulators {
  static constexpr int kRows = T::kWarpRows / 16, kColumns = T::kWarpColumns / 8;
  typename T::Products::Sum v[kRows][kColumns][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < kRows; ++i)
#pragma unroll
      for (int j = 0; j < kColumns; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) v[i][j][e] = 0;
  }

  /// Adds the product of 64 bytes of k. `a_address(i, half)`: this lane's 16 bytes of row fragment
  /// i and 32 bytes of k; `b`: this lane's 16 bytes of the warp's first column block.
  template <class AddressOfA>
  __device__ __forceinline__ void multiply_block(AddressOfA a_address, uint32_t b) {
    uint4 weights[kColumns];
#pragma unroll
    for (int j = 0; j < kColumns; ++j)
      weights[j] = load_shared_16(b + static_cast<uint32_t>(j) * 512);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      uint32_t a[kRows][4];
#pragma unroll
      for (int i = 0; i < kRows; ++i) ldmatrix_x4(a[i], a_address(i, half));
#pragma unroll
      for (int i = 0; i < kRows; ++i)
#pragma unroll
        for (int j = 0; j < kColumns; ++j)
          T::Products::multiply(v[i][j], a[i], half == 0 ? weights[j].x : weights[j].z,
                                half == 0 ? weights[j].y : weights[j].w);
    }
  }

  /// Run `u` of the thread: adjacent channels of one pixel.
  __device__ __forceinline__ void run(float (&values)[T::kRun], int u) const {
    const int row = u / T::kGroups;
    const int group = u % T::kGroups;
#pragma unroll
    for (int j = 0; j < T::kGroup / 8; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e)
        values[j * 2 + e] =
            static_cast<float>(v[row / 2][group * (T::kGroup / 8) + j][row % 2 * 2 + e]);
  }
};
