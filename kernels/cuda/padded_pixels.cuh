// Pixels of a convolution with stride 1, numbered through images with padding: rows of kPitchW
// pixels, images of kPitchH rows, where the padding at the end of a row is that at the start of the
// next one. A tap is the same distance away from every output pixel. `L` as in epilogue.cuh.
#pragma once

#include "stint.cuh"

/// Input and output pixels as one list of numbers with padding.
template <class L>
struct PaddedPixels {
  static constexpr int kReachH = (L::kKH - 1) * L::kDH, kReachW = (L::kKW - 1) * L::kDW;
  static __device__ constexpr int larger(int a, int b) { return a > b ? a : b; }
  // All columns of the input and of the output, and so many that a tap beyond the end meets the
  // next row's padding.
  static constexpr int kPitchW = larger(larger(L::kOW, L::kW + L::kPW), L::kOW + kReachW - L::kPW);
  static constexpr int kPitchH = larger(larger(L::kOH, L::kH + L::kPH), L::kOH + kReachH - L::kPH);
  static constexpr int kImages = L::kM / (L::kOH * L::kOW);
  static constexpr int kAll = kImages * kPitchH * kPitchW;
  /// From the first to the last tap.
  static constexpr int kReach = kReachH * kPitchW + kReachW;

  int image, row, column;

  __device__ __forceinline__ explicit PaddedPixels(int number) {
    image = number / (kPitchH * kPitchW);
    const int rest = number - image * (kPitchH * kPitchW);
    row = rest / kPitchW;
    column = rest - row * kPitchW;
  }

  static __device__ __forceinline__ int distance(int tap) {
    const int kh = tap / L::kKW;
    return kh * (L::kDH * kPitchW) + (tap - kh * L::kKW) * L::kDW;
  }
};

/// Input pixels, kStep numbers apart: only the first one takes divisions.
template <class L, int kStep>
struct InputWalk {
  typedef PaddedPixels<L> Pixels;
  typedef typename L::Offset Offset;
  static constexpr int kColumns = kStep % Pixels::kPitchW;
  static constexpr int kRows = kStep / Pixels::kPitchW % Pixels::kPitchH;
  static constexpr int kImages = kStep / Pixels::kPitchW / Pixels::kPitchH;

  Pixels pixel;
  Offset at;  // of the pixel in x, if it is inside

  __device__ __forceinline__ explicit InputWalk(int number) : pixel(number) {
    at = static_cast<Offset>(pixel.image) * static_cast<Offset>(L::kXB) +
         static_cast<Offset>(pixel.row - L::kPH) * static_cast<Offset>(L::kXH) +
         static_cast<Offset>(pixel.column - L::kPW) * static_cast<Offset>(L::kXW);
  }

  __device__ __forceinline__ void step() {
    pixel.image += kImages;
    pixel.row += kRows;
    pixel.column += kColumns;
    at += static_cast<Offset>(kImages * L::kXB + kRows * L::kXH + kColumns * L::kXW);
    if (pixel.column >= Pixels::kPitchW) {
      pixel.column -= Pixels::kPitchW;
      ++pixel.row;
      at += static_cast<Offset>(L::kXH - Pixels::kPitchW * L::kXW);
    }
    if (pixel.row >= Pixels::kPitchH) {
      pixel.row -= Pixels::kPitchH;
      ++pixel.image;
      at += static_cast<Offset>(L::kXB - Pixels::kPitchH * L::kXH);
    }
  }

  __device__ __forceinline__ bool is_inside() const {
    return pixel.image < Pixels::kImages &&
           static_cast<unsigned>(pixel.row - L::kPH) < static_cast<unsigned>(L::kH) &&
           static_cast<unsigned>(pixel.column - L::kPW) < static_cast<unsigned>(L::kW);
  }
};

/// The output pixel in a row of the tile; kM if there is none.
template <class L>
struct PaddedPlace {
  int first;
  __device__ __forceinline__ int pixel(int row) const {
    const PaddedPixels<L> p(first + row);
    const bool inside = p.image < PaddedPixels<L>::kImages && p.row < L::kOH && p.column < L::kOW;
    return inside ? (p.image * L::kOH + p.row) * L::kOW + p.column : L::kM;
  }
};
