// Iteration over N-dimensional strided operands in row-major order of a common shape, without
// allocation: adjacent axes that are contiguous for every operand are merged, and the body gets
// whole runs along the innermost axis.
#pragma once

#include <cstdint>

#include "kernels/cpu/kernel.h"

namespace stint::cpu {

inline constexpr int kMaxLoopRank = 2 * kMaxRank;

template <int K>
struct StridedLoop {
  int rank = 0;
  int64_t shape[kMaxLoopRank];
  int64_t strides[K][kMaxLoopRank];  // elements, any sign

  /// Appends an axis inside the ones already there.
  void add_axis(int64_t extent, const int64_t (&axis_strides)[K]) {
    shape[rank] = extent;
    for (int k = 0; k < K; ++k) strides[k][rank] = axis_strides[k];
    ++rank;
  }

  int64_t elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= shape[i];
    return n;
  }
  int64_t inner_extent() const { return shape[rank - 1]; }
  int64_t inner_stride(int k) const { return strides[k][rank - 1]; }

  /// Drops axes of extent 1 and merges what is contiguous for all operands. Afterwards rank >= 1.
  void collapse() {
    int kept = 0;
    for (int i = 0; i < rank; ++i) {
      if (shape[i] == 1) continue;
      bool merges = kept > 0;
      for (int k = 0; merges && k < K; ++k)
        merges = strides[k][kept - 1] == strides[k][i] * shape[i];
      if (!merges) ++kept;
      shape[kept - 1] = merges ? shape[kept - 1] * shape[i] : shape[i];
      for (int k = 0; k < K; ++k) strides[k][kept - 1] = strides[k][i];
    }
    rank = kept;
    if (rank == 0) {
      shape[0] = 1;
      for (int k = 0; k < K; ++k) strides[k][0] = 1;
      rank = 1;
    }
  }

  /// Calls f(offsets, n) for the runs that make up elements [begin, end) of the iteration space: n
  /// elements along the innermost axis, operand k starting at offsets[k]. Needs rank >= 1.
  template <typename F>
  void for_range(int64_t begin, int64_t end, F&& f) const {
    if (begin >= end) return;
    int64_t coordinate[kMaxLoopRank];
    int64_t offsets[K] = {};
    int64_t rest = begin;
    for (int i = rank - 1; i >= 0; --i) {
      coordinate[i] = rest % shape[i];
      rest /= shape[i];
      for (int k = 0; k < K; ++k) offsets[k] += coordinate[i] * strides[k][i];
    }
    const int inner = rank - 1;
    int64_t left = end - begin;
    while (true) {
      const int64_t run = shape[inner] - coordinate[inner];
      const int64_t n = left < run ? left : run;
      f(static_cast<const int64_t*>(offsets), n);
      left -= n;
      if (left == 0) return;
      for (int k = 0; k < K; ++k) offsets[k] -= coordinate[inner] * strides[k][inner];
      coordinate[inner] = 0;
      for (int i = inner - 1; i >= 0; --i) {
        if (++coordinate[i] < shape[i]) {
          for (int k = 0; k < K; ++k) offsets[k] += strides[k][i];
          break;
        }
        coordinate[i] = 0;
        for (int k = 0; k < K; ++k) offsets[k] -= (shape[i] - 1) * strides[k][i];
      }
    }
  }
};

/// Splits [0, total) into ranges of at least `grain` and calls f(begin, end, worker) for each,
/// spread over the workers.
template <typename F>
void parallel_ranges(const Parallel& parallel, int64_t total, int64_t grain, F&& f) {
  if (total <= 0) return;
  int64_t tasks = 1;
  if (parallel.workers > 1 && parallel.run != nullptr) {
    // Four ranges per worker even out what the ranges differ in.
    const int64_t most = (total + grain - 1) / grain;
    tasks = int64_t{4} * parallel.workers;
    if (tasks > most) tasks = most;
  }
  if (tasks <= 1) {
    f(int64_t{0}, total, 0u);
    return;
  }
  const int64_t step = (total + tasks - 1) / tasks;
  auto body = [&](uint32_t i, uint32_t worker) {
    const int64_t begin = i * step;
    const int64_t end = begin + step < total ? begin + step : total;
    if (begin < end) f(begin, end, worker);
  };
  parallel.for_each(static_cast<uint32_t>(tasks), body);
}

}  // namespace stint::cpu
