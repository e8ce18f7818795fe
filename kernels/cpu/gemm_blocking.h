// How matrix-product-like kernels cut their work into blocks. The builder sizes the scratch memory
// with these very functions and the kernels' checks compare with them, so nothing here may depend
// on the machine.
#pragma once

#include <cstdint>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/gemm_tile.h"

namespace stint::cpu {

/// A multiple of every target's tile; 96 x 256 floats of A are 96 KiB of L2.
inline constexpr int64_t kBlockRows = 96;
inline constexpr int64_t kBlockPanels = 8;  // 128 output channels
inline constexpr int64_t kDotSlice = 256;   // 256 x 16 floats of weights are 16 KiB, half an L1

inline int64_t panels_for(int64_t columns) { return (columns + kPanelColumns - 1) / kPanelColumns; }

/// Cuts dot products of taps x length terms into slices of about kDotSlice.
struct DotSlices {
  DotSlices(int64_t taps, int64_t length) : taps_per_slice(taps), length_per_slice(length) {
    if (taps * length <= kDotSlice * 3 / 2) return;
    if (length >= kDotSlice) {
      taps_per_slice = 1;
      const int64_t slices = (length + kDotSlice * 3 / 2 - 1) / (kDotSlice * 3 / 2);
      length_per_slice = (length + slices - 1) / slices;
    } else {
      const int64_t wanted = length > 0 ? kDotSlice / length : taps;
      const int64_t slices = (taps + wanted - 1) / wanted;
      taps_per_slice = (taps + slices - 1) / slices;
    }
  }
  int64_t taps_per_slice, length_per_slice;
};

/// Worker scratch of a blocked product, as offsets from its 64-byte aligned start.
struct GemmScratch {
  int64_t rows = 0;     // rows per block
  int64_t records = 0;  // tap records
  int64_t tile_rows = 0;
  int64_t zeros = 0;  // `length` zero floats: what rows outside the input point to
  int64_t partial = 0;
  int64_t gathered = 0;  // rows x gathered_length floats
  int64_t bytes = 0;
};

/// taps records per row of `length` floats each; `gathered_length` > 0: rows are first copied
/// together. False: overflow.
inline bool gemm_scratch(int64_t taps, int64_t length, int64_t gathered_length, GemmScratch* out) {
  constexpr int64_t kMost = int64_t{1} << 32;
  if (taps < 1 || taps > (1 << 20) || length < 0 || length > kMost || gathered_length > kMost)
    return false;
  const auto rounded = [](int64_t bytes) { return (bytes + 63) / 64 * 64; };
  // Records and gathered rows should stay in L2 beside the weights.
  int64_t rows = kBlockRows;
  while (rows > 12 && (rows * taps * 12 > 64 * 1024 || rows * gathered_length * 4 > 128 * 1024))
    rows /= 2;
  out->rows = rows;
  out->records = 0;
  // A record is 1 + tile rows pointers, at least 2 rows: 12 bytes a row; the last tiles may be
  // partly filled.
  int64_t at = rounded((rows + 12) * taps * 12);
  out->tile_rows = at;
  at += rounded(rows * static_cast<int64_t>(sizeof(TileRow)));
  out->zeros = at;
  at += rounded(length * 4);
  out->partial = at;
  at += rows * kBlockPanels * kPanelColumns * 4;
  out->gathered = at;
  at += rounded(rows * gathered_length * 4);
  out->bytes = at;
  return true;
}

inline Status check_worker_scratch(const StepArgs& args, int64_t needed) {
  if (args.worker_scratch_bytes % 64 != 0 ||
      args.worker_scratch_bytes < static_cast<uint64_t>(needed))
    return corrupt("scratch memory per worker is too small",
                   static_cast<int64_t>(args.worker_scratch_bytes), needed);
  return ok_status();
}

/// A grid of tasks over rows x panels that keeps every worker busy and blocks within their limits.
struct GemmGrid {
  GemmGrid(int64_t rows, int64_t panels, int64_t most_rows, int64_t repeats, double flops,
           uint32_t workers) {
    block_rows = most_rows;
    block_panels = kBlockPanels;
    // Below about a megaflop waking a worker costs more than it gives.
    const int64_t wanted = workers > 1 && flops > 1e6 ? int64_t{4} * workers : 1;
    const auto tasks = [&] {
      return ((rows + block_rows - 1) / block_rows) * ((panels + block_panels - 1) / block_panels) *
             repeats;
    };
    while (tasks() < wanted && block_rows > 24) block_rows /= 2;
    while (tasks() < wanted && block_panels > 2) block_panels /= 2;
    row_blocks = (rows + block_rows - 1) / block_rows;
    panel_blocks = (panels + block_panels - 1) / block_panels;
    if (row_blocks > 0) block_rows = (rows + row_blocks - 1) / row_blocks;
    if (block_rows % 12 != 0 && row_blocks > 1) block_rows += 12 - block_rows % 12;
    if (block_rows > most_rows) block_rows = most_rows;
    if (block_rows > 0) row_blocks = (rows + block_rows - 1) / block_rows;
  }
  int64_t block_rows, block_panels, row_blocks, panel_blocks;
};

/// Runs f(task, worker) over the workers when there are several tasks and `flops` pays for it, else
/// here.
template <typename F>
void run_tasks(const Parallel& parallel, int64_t tasks, double flops, F& f) {
  if (tasks > 1 && parallel.workers > 1 && flops > 1e6) {
    parallel.for_each(static_cast<uint32_t>(tasks), f);
    return;
  }
  for (int64_t i = 0; i < tasks; ++i) f(static_cast<uint32_t>(i), 0u);
}

}  // namespace stint::cpu
