// Loads of the part of an image that a tile of a first layer's outputs sees (its patch) from global
// to shared memory. Constants: those of first_layer.cuh.
#pragma once

#include "vector.cuh"

constexpr int kThreads = 32 * kWarps;
constexpr int kPatchH = (kTileH - 1) * kStrideH + kKernelH;
constexpr int kPatchW = (kTileW - 1) * kStrideW + kKernelW;
/// Halves from one row of the patch to the next; at least one more than its pixels: a run's padding
/// is read behind the last of them.
constexpr int kPitch = (kPatchW * kInChannels + 2) / 2 * 2;
constexpr int kTilesH = (kHeight + kTileH - 1) / kTileH;
constexpr int kTilesW = (kWidth + kTileW - 1) / kTileW;

struct TilePlace {
  int n, row, column;  // of the first output
  __device__ __forceinline__ explicit TilePlace(int tile)
      : n(tile / (kTilesW * kTilesH)),
        row(tile / kTilesW % kTilesH * kTileH),
        column(tile % kTilesW * kTileW) {}
};

/// A thread's part of a patch, in registers between load() and store(). A line is what lies
/// together in x: with planes apart one channel's pixels of a row, else a row's pixels and
/// channels. It is loaded from the aligned address before its first element, kLoadVector elements
/// at a time, all of which lie inside of the image or none.
struct PatchLoad {
  static constexpr bool kPlanes = kXW == 1 && kInChannels > 1;
  static constexpr int kInLine = kPlanes ? 1 : kInChannels;  // channels
  static constexpr int kLine = kPatchW * kInLine;
  static constexpr int kLines = kPatchH * (kInChannels / kInLine);
  static constexpr int kEarlier = (kLoadVector - kPadLeft * kInLine % kLoadVector) % kLoadVector;
  static constexpr int kVectors = (kEarlier + kLine + kLoadVector - 1) / kLoadVector;  // of a line
  static constexpr int kTurns = (kLines * kVectors + kThreads - 1) / kThreads;
  // As many as registers hold beside the accumulators.
  static constexpr bool kAhead = kTurns * kLoadVector <= 32;
  static constexpr int kMost = 16 / kLoadVector;  // vectors have 8 elements at most
  static constexpr int kAtOnce = kAhead || kTurns < kMost ? kTurns : kMost;

  float value[kAtOnce][kLoadVector];

  /// The thread's number as something new: what follows from it is then computed for every tile
  /// instead of being kept, in more registers than there are.
  static __device__ __forceinline__ int forgotten_thread() {
    int thread = static_cast<int>(threadIdx.x);
    asm volatile("" : "+r"(thread));
    return thread;
  }

  /// Line and first element of this thread's vector of turn `turn`; false if there is none.
  static __device__ __forceinline__ bool locate(int thread, int turn, int& line, int& at) {
    const int i = turn * kThreads + thread;
    line = i / kVectors;
    at = (i - line * kVectors) * kLoadVector - kEarlier;
    return line < kLines;
  }

  __device__ __forceinline__ void load(const X* x, const TilePlace& place, int first_turn) {
    const int first_row = place.row * kStrideH - kPadTop;
    const int first_column = place.column * kStrideW - kPadLeft;
    const int thread = forgotten_thread();
    x += place.n * kXN;
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      int line, at;
      const bool mine = locate(thread, first_turn + i, line, at);
      const int h = first_row + line % kPatchH;
      const int along = first_column * kInLine + at;  // elements of the image's line
      const int channel = line / kPatchH;             // 0 where lines hold all channels
      const bool inside = mine && static_cast<uint32_t>(h) < static_cast<uint32_t>(kInHeight) &&
                          static_cast<uint32_t>(along) < static_cast<uint32_t>(kInWidth * kInLine);
      const int place_in_line =
          kLinesAreDense ? along : along / kInLine * kXW + along % kInLine * kXC;
      load_vector_if<kLoadVector>(value[i], x + h * kXH + place_in_line + channel * kXC, inside);
    }
  }

  __device__ __forceinline__ void store(half_t* patch, int first_turn) const {
    const int thread = forgotten_thread();
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      int line, at;
      if (!locate(thread, first_turn + i, line, at)) continue;
      half_t* const to = patch + line % kPatchH * kPitch + line / kPatchH;
#pragma unroll
      for (int v = 0; v < kLoadVector; ++v)
        if (static_cast<uint32_t>(at + v) < static_cast<uint32_t>(kLine))
          to[(at + v) * (kInChannels / kInLine)] = to_half(value[i][v]);
    }
  }

  /// The whole patch at once, where it was not loaded ahead.
  __device__ __forceinline__ void load_and_store(const X* x, const TilePlace& place,
                                                 half_t* patch) {
#pragma unroll 1
    for (int turn = 0; turn < kTurns; turn += kAtOnce) {
      load(x, place, turn);
      store(patch, turn);
    }
  }

 private:
  static constexpr bool kLinesAreDense = kInLine == 1 ? kXW == 1 : kXC == 1 && kXW == kInChannels;
};
