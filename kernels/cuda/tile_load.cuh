// Loads of a tile of activations from global to shared memory: kLines lines of kLength f16 in
// swizzled chunks of 16 bytes (conv_gemm_load.cuh), zeros outside of the matrix.
#pragma once

#include "async_copy.cuh"
#include "conv_gemm_load.cuh"
#include "vector.cuh"

/// kWhole: every chunk lies inside or outside of the matrix, is adjacent and aligned. kAcross:
/// lines are adjacent in memory and the elements of one are not.
template <typename T, int kLines, int kLength, int kThreads, bool kWhole, bool kAcross>
struct TileLoad {
  /// Lines from `first_line` of `lines`, elements from `first` of `length`.
  template <typename Offset>
  static __device__ __forceinline__ void copy(uint32_t to, const T* from, int first_line, int first,
                                              int lines, int length, Offset line_step,
                                              Offset step) {
    if constexpr (kWhole)
      copy_chunks(to, from, first_line, first, lines, length, line_step);
    else
      copy_elements(to, from, first_line, first, lines, length, line_step, step);
  }

 private:
  template <typename Offset>
  static __device__ __forceinline__ void copy_chunks(uint32_t to, const T* from, int first_line,
                                                     int first, int lines, int length,
                                                     Offset line_step) {
    constexpr int kChunks = kLength / 8, kAll = kLines * kChunks;
#pragma unroll
    for (int i = 0; i < (kAll + kThreads - 1) / kThreads; ++i) {
      const int c = i * kThreads + static_cast<int>(threadIdx.x);
      if (kAll % kThreads != 0 && c >= kAll) break;
      const int line = first_line + c / kChunks, at = first + c % kChunks * 8;
      const bool inside = line < lines && at < length;
      const uint32_t place = to + swizzled<kLength * 2>(c / kChunks, c % kChunks);
      const T* source = inside ? from + line * line_step + at : from;
#if STINT_SM >= 80
      copy_async_16(place, source, inside ? 16 : 0);
#else
      Words4 words;
      load_words_if(words, source, inside, 0);
      store_shared_16(place, make_uint4(words.x, words.y, words.z, words.w));
#endif
    }
  }

  /// Two elements of a line at a time, whatever their type and place.
  template <typename Offset>
  static __device__ __forceinline__ void copy_elements(uint32_t to, const T* from, int first_line,
                                                       int first, int lines, int length,
                                                       Offset line_step, Offset step) {
    constexpr int kPairs = kLength / 2, kAll = kLines * kPairs;
#pragma unroll 8
    for (int i = 0; i < (kAll + kThreads - 1) / kThreads; ++i) {
      const int c = i * kThreads + static_cast<int>(threadIdx.x);
      if (kAll % kThreads != 0 && c >= kAll) break;
      const int line = kAcross ? c % kLines : c / kPairs;
      const int pair = kAcross ? c / kLines : c % kPairs;
      const T* source = from + (first_line + line) * line_step + (first + pair * 2) * step;
      float v[2][1];
      const bool inside = first_line + line < lines;
      load_vector_if<1>(v[0], source, inside && first + pair * 2 < length);
      load_vector_if<1>(v[1], source + step, inside && first + pair * 2 + 1 < length);
      store_shared_4(
          to + swizzled<kLength * 2>(line, pair / 4) + static_cast<uint32_t>(pair % 4 * 4),
          pack_halves(to_half(v[0][0]), to_half(v[1][0])));
    }
  }
};
