// Parameters of the strided copy: one kernel for everything that only moves elements.
//
//   kMapped    input x, output y. A loop nest over `axis_count` axes (a CopyAxis each, right after
//              this struct) maps every coordinate to one element of y and one of x:
//                y index on axis a = y_start[a] + sum of coordinate * y_step over the loop axes
//                                    with y_axis == a
//                x index on axis a = x_start[a] + sum of coordinate * x_step over the loop axes
//                                    with x_axis == a
//              (axis -1: the coordinate does not move that tensor). Steps may be negative.
//   kConcat    inputs x0..xn one after the other along `concat_axis` of y.
//   kReshape   the elements of x in row-major order are those of y.
#pragma once

#include <cstdint>

#include "plan_schema/types.h"

namespace stint {

inline constexpr int kMaxCopyAxes = 2 * kMaxRank;  // tile and depth/space split every axis in two

enum class CopyMode : uint8_t { kMapped = 0, kConcat = 1, kReshape = 2 };

struct CopyParams {
  CopyMode mode = CopyMode::kMapped;
  uint8_t axis_count = 0;
  uint8_t concat_axis = 0;
  uint8_t reserved[5] = {};
  int64_t x_start[kMaxRank] = {};
  int64_t y_start[kMaxRank] = {};
};
static_assert(sizeof(CopyParams) == 136);

struct CopyAxis {
  int64_t extent = 1;
  int64_t x_step = 0;
  int64_t y_step = 0;
  int8_t x_axis = -1;
  int8_t y_axis = -1;
  uint8_t reserved[6] = {};
};
static_assert(sizeof(CopyAxis) == 32);

}  // namespace stint
