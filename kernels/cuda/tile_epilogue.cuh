// The epilogue of a block's tile: reduction of the partial sums where k was divided, then
// epilogue.cuh for every run of channels.
#pragma once

#include "async_copy.cuh"
#include "epilogue.cuh"
#include "split_sum.cuh"
#include "warp_tile.cuh"

/// `Place` knows the output pixel of a row of the tile. kSlices slices of warps, kCluster blocks of
/// a cluster and kSplit blocks that meet in global memory may have divided k.
template <class L, class T, class Place>
struct TileEpilogue {
  typedef typename L::R R;
  typedef RunEpilogue<L, T::kRun> Out;
  static constexpr int kParts = T::kCluster * T::kSplit;
  static constexpr bool kIsSplit = T::kSlices * kParts > 1;
  // Slices are reduced in their block before blocks exchange anything.
  static constexpr bool kTwoLevels = T::kSlices > 1 && kParts > 1;
  typedef SplitSum<T::kRun, T::kRuns, T::kSlices, 1> SliceSum;
  typedef SplitSum<T::kRun, T::kRuns, (kParts > 1 ? kParts : T::kSlices), T::kCluster> Sum;
  static constexpr uint32_t kSlicesAt = T::kSplit > 1 ? 128 : Sum::kBytes;
  /// Runs that one thread finishes.
  static constexpr int kMine =
      kIsSplit ? (Sum::kShare + T::kThreads - 1) / T::kThreads : T::kRunsPerThread;
  // Residuals are prefetched where registers have room for them.
  static constexpr bool kEarly = L::kResidual && kMine <= 4 && T::kSplit == 1;
  // Or into shared memory, where the tile says so and 16 bytes are a run.
  static constexpr bool kShared = L::kResidual && T::kResidualInShared && !kEarly && !kIsSplit &&
                                  sizeof(R) == 2 && L::kRVec == 8 && T::kRun == 8;
  static constexpr int kResidualBytes = kShared ? kMine * T::kThreads * 16 : 0;
  static constexpr int kBatch = kEarly ? kMine : T::kSplit > 1 || kMine < 4 ? 1 : 4;

  Place place;
  int first_channel;  // of the tile, in its group
  int part;
  typename Out::Residual residuals[kBatch];

  __device__ __forceinline__ TileEpilogue(const Place& place_, int tile_n, int part_)
      : place(place_), first_channel(tile_n * T::kBN), part(part_) {}

  __device__ __forceinline__ bool locate(int i, int& m, int& column) const {
    const int thread = static_cast<int>(threadIdx.x);
    int row;
    if constexpr (!kIsSplit) {
      T::locate(i, thread, row, column);
      m = place.pixel(row);
      return true;
    }
    const int run = i * T::kThreads + thread;
    const int p = (T::kCluster > 1 ? part * Sum::kShare : 0) + run;
    T::locate(p / T::kSliceThreads, p % T::kSliceThreads, row, column);
    m = place.pixel(row);
    return Sum::kShare % T::kThreads == 0 || run < Sum::kShare;
  }

  __device__ __forceinline__ void fetch_residuals(const R* residual, int first) {
    if constexpr (L::kResidual) {
#pragma unroll
      for (int i = 0; i < kBatch; ++i) {
        int m, column;
        if (locate(first + i, m, column))
          Out::load_residual(residuals[i], residual, m, first_channel + column);
      }
    }
  }

  /// Call it when the copies of activations are in flight, and wait for those it issues before
  /// finish().
  __device__ __forceinline__ void prefetch(const R* residual, uint32_t area) {
    if constexpr (kEarly) fetch_residuals(residual, 0);
    if constexpr (kShared) {
#pragma unroll 4
      for (int i = 0; i < kMine; ++i) {
        int m, column;
        locate(i, m, column);
        const bool inside = Out::is_inside(m, first_channel + column);
        copy_async_16(own_residual(area, i),
                      inside ? Out::residual_at(residual, m, first_channel + column) : residual,
                      inside ? 16 : 0);
      }
    }
  }

  /// `area`: shared memory that nobody else uses: kResidualBytes, or Sum::kBytes (128 with kSplit)
  /// and, with two levels, SliceSum::kBytes; the workspace and the state belong to the whole step.
  template <class To>
  __device__ __forceinline__ void finish(const Accumulators<T>& sums, const float* bias,
                                         uint32_t area, const R* residual, To y, float* workspace,
                                         unsigned* state, int tile, int slice) {
    float* const tile_area = workspace + static_cast<long long>(tile) * (Sum::kBytes / 4);
    if constexpr (kIsSplit) {
      if (!exchange(sums, area, tile_area, state + tile, slice)) return;
    }
#pragma unroll
    for (int i0 = 0; i0 < kMine; i0 += kBatch) {
      if constexpr (!kEarly && !kShared) fetch_residuals(residual, i0);
#pragma unroll
      for (int i = i0; i < i0 + kBatch && i < kMine; ++i) {
        int m, column;
        if (!locate(i, m, column)) break;
        if constexpr (kShared)
          *reinterpret_cast<uint4*>(&residuals[i - i0]) = load_shared_16(own_residual(area, i));
        float values[T::kRun];
        if constexpr (!kIsSplit) {
          sums.run(values, i);
        } else if constexpr (T::kSplit > 1) {
          Sum::reduce(values, tile_area, i * T::kThreads + static_cast<int>(threadIdx.x));
        } else {
          Sum::reduce(values, area, i * T::kThreads + static_cast<int>(threadIdx.x));
        }
        Out::finish(values, bias + column * Out::kFactors, residuals[i - i0], y, m,
                    first_channel + column);
      }
    }
  }

  /// In the place of finish(), by producer warps: they take part in the cluster's barriers.
  static __device__ __forceinline__ void stand_by() {
    if constexpr (T::kCluster > 1) {
      wait_for_cluster();
      arrive_at_cluster();
      wait_for_cluster();
    }
  }

 private:
  /// Only the thread that copies it there reads it.
  static __device__ __forceinline__ uint32_t own_residual(uint32_t area, int i) {
    return area + static_cast<uint32_t>(i * T::kThreads + static_cast<int>(threadIdx.x)) * 16;
  }

  /// Stores the partial sums where the block that reduces them finds them. False in blocks that
  /// have nothing left to do.
  __device__ __forceinline__ bool exchange(const Accumulators<T>& sums, uint32_t area,
                                           float* tile_area, unsigned* counter, int slice) {
    const int thread = static_cast<int>(threadIdx.x);
    if constexpr (T::kSlices > 1) {
      const uint32_t slices = area + (kTwoLevels ? kSlicesAt : 0);
#pragma unroll
      for (int u = 0; u < T::kRunsPerThread; ++u) {
        float values[T::kRun];
        sums.run(values, u);
        SliceSum::store_partial(slices, slice, u * T::kSliceThreads + thread % T::kSliceThreads,
                                values);
      }
      __syncthreads();
      if constexpr (!kTwoLevels) return true;
    }
    if constexpr (T::kCluster > 1) wait_for_cluster();
    constexpr int kTurns =
        kTwoLevels ? (T::kRuns + T::kThreads - 1) / T::kThreads : T::kRunsPerThread;
#pragma unroll
    for (int u = 0; u < kTurns; ++u) {
      const int p = u * T::kThreads + thread;
      if (kTwoLevels && T::kRuns % T::kThreads != 0 && p >= T::kRuns) break;
      float values[T::kRun];
      if constexpr (kTwoLevels) {
        SliceSum::reduce(values, area + kSlicesAt, p);
      } else {
        sums.run(values, u);
      }
      if constexpr (T::kSplit > 1) {
        Sum::store_partial(tile_area, part, p, values);
      } else {
        Sum::store_partial(area, part, p, values);
      }
    }
    if constexpr (T::kSplit > 1) return is_last_block(counter, T::kSplit, area);
    arrive_at_cluster();
    wait_for_cluster();
    return true;
  }
};
