// Where every output position of one axis takes its value from: indices and weights for all of ONNX
// Resize's modes.
#pragma once

#include "kernels/cpu/kernel.h"
#include "plan_schema/params/resize.h"

namespace stint::cpu {

/// How one axis is resampled.
struct ResizeAxis {
  int64_t in = 0, out = 0;
  double scale = 1.0;
  int64_t taps = 1;       // per output position
  int64_t first_tap = 0;  // of a position's taps, relative to floor(coordinate)
  bool identity = false;  // nothing happens along this axis
  // Filled by fill_axis: [out][taps]. An index of -1: the position lies outside and gets the
  // extrapolation value.
  int32_t* index = nullptr;
  float* weight = nullptr;
};

/// Describes an axis; taps is -1 if the scale asks for more of them than any real resize does.
ResizeAxis describe_axis(const ResizeParams& params, int axis, int64_t in, int64_t out);

/// Bytes of an axis's two arrays, each rounded up to 64.
constexpr uint64_t table_bytes(int64_t out, int64_t taps) {
  const uint64_t one =
      (static_cast<uint64_t>(out) * static_cast<uint64_t>(taps) * 4 + 63) / 64 * 64;
  return 2 * one;
}

/// Workspace of kResize, bytes.
uint64_t resize_workspace_bytes(const ResizeParams& params, int rank, const int64_t* in,
                                const int64_t* out);

/// Computes indices and weights.
void fill_axis(const ResizeParams& params, int axis, const ResizeAxis& table);

}  // namespace stint::cpu
