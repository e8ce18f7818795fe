#include "kernels/cpu/resize_tables.h"

#include <cmath>

namespace stint::cpu {
namespace {

/// Coordinates closer than this to a whole or half number are taken as meant to be one: scales such
/// as 1/3 are not exact.
constexpr double kCoordinateNoise = 1e-9;

double without_noise(double x) {
  const double twice = std::nearbyint(2.0 * x);
  return std::fabs(2.0 * x - twice) < kCoordinateNoise ? twice / 2.0 : x;
}

/// Position in the input of output position `x`, by the formulas of the ONNX operator, but for
/// align_corners: its text and its reference divide by the real length scale * in - 1, so that with
/// a scale of 1.5 and 7 elements (10 of 10.5) the last one misses the corner. PyTorch, which
/// exports such models, TensorRT and onnxruntime align the corners of the integer extents; so do
/// we.
double coordinate(const ResizeParams& p, const ResizeAxis& a, int axis, int64_t position) {
  const auto x = static_cast<double>(position), in = static_cast<double>(a.in),
             out = static_cast<double>(a.out);
  // Half a pixel's symmetry is that of the real length, as the operator's reference has it.
  const double length = a.scale * in;
  switch (p.coordinate) {
    case CoordinateMode::kHalfPixel:
      return (x + 0.5) / a.scale - 0.5;
    case CoordinateMode::kHalfPixelSymmetric:
      return in / 2 * (1.0 - out / length) + (x + 0.5) / a.scale - 0.5;
    case CoordinateMode::kPytorchHalfPixel:
      return a.out > 1 ? (x + 0.5) / a.scale - 0.5 : 0.0;
    case CoordinateMode::kAlignCorners:
      return a.out > 1 ? x * (in - 1.0) / (out - 1.0) : 0.0;
    case CoordinateMode::kAsymmetric:
      return x / a.scale;
    case CoordinateMode::kTfHalfPixelForNn:
      return (x + 0.5) / a.scale;
    case CoordinateMode::kTfCropAndResize: {
      const double begin = p.roi_start[axis], end = p.roi_end[axis];
      return a.out > 1 ? begin * (in - 1.0) + x * (end - begin) * (in - 1.0) / (out - 1.0)
                       : 0.5 * (begin + end) * (in - 1.0);
    }
  }
  return 0.0;
}

double nearest(NearestMode mode, double x) {
  const double low = std::floor(x);
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return x - low <= 0.5 ? low : low + 1.0;
    case NearestMode::kRoundPreferCeil:
      return x - low < 0.5 ? low : low + 1.0;
    case NearestMode::kFloor:
      return low;
    case NearestMode::kCeil:
      return std::ceil(x);
  }
  return low;
}

/// The triangle and Keys's cubic, over the distance in (widened) samples.
double filter(const ResizeParams& p, double distance) {
  const double d = std::fabs(distance);
  if (p.mode == ResizeMode::kLinear) return d < 1.0 ? 1.0 - d : 0.0;
  const double a = p.cubic_a;
  if (d <= 1.0) return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
  return d < 2.0 ? ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a : 0.0;
}

bool widened(const ResizeParams& p, double scale) { return p.antialias != 0 && scale < 1.0; }

int32_t clamp_index(double v, int64_t in) {
  return v < 0.0 ? 0
                 : static_cast<int32_t>(
                       v > static_cast<double>(in - 1) ? static_cast<double>(in - 1) : v);
}

}  // namespace

ResizeAxis describe_axis(const ResizeParams& p, int axis, int64_t in, int64_t out) {
  ResizeAxis a;
  a.in = in;
  a.out = out;
  a.scale = p.scales[axis];
  if (in > 0 && out > 0) {
    // A size was asked for, and its quotient rounded to float on the way.
    const double exact = static_cast<double>(out) / static_cast<double>(in);
    if (std::fabs(a.scale - exact) <= 1e-6 * exact) a.scale = exact;
  }
  const bool crops = p.coordinate == CoordinateMode::kTfCropAndResize &&
                     (p.roi_start[axis] != 0.0f || p.roi_end[axis] != 1.0f);
  a.identity = in == out && a.scale == 1.0 && !crops;
  if (a.identity || p.mode == ResizeMode::kNearest) return a;
  const double radius = p.mode == ResizeMode::kLinear ? 1.0 : 2.0;
  const double reach = widened(p, a.scale) ? radius / a.scale : radius;
  // Real resizes have a scale of about out / in: then all taps together are a few times the axis's
  // extents.
  const double most = 16.0 * (static_cast<double>(in) + static_cast<double>(out)) + 64.0;
  if (!(2.0 * (reach + 1.0) * static_cast<double>(out) <= most + 8.0 * static_cast<double>(out))) {
    a.taps = -1;
    return a;
  }
  a.first_tap = static_cast<int64_t>(std::floor(-reach)) + 1;
  a.taps = 2 - 2 * a.first_tap;
  return a;
}

uint64_t resize_workspace_bytes(const ResizeParams& p, int rank, const int64_t* in,
                                const int64_t* out) {
  uint64_t bytes = 0;
  for (int i = 0; i < rank; ++i) {
    const ResizeAxis a = describe_axis(p, i, in[i], out[i]);
    if (!a.identity && a.taps > 0) bytes += table_bytes(a.out, a.taps);
  }
  return bytes;
}

void fill_axis(const ResizeParams& p, int axis, const ResizeAxis& a) {
  const double stretch = widened(p, a.scale) ? a.scale : 1.0;
  const auto last = static_cast<double>(a.in - 1);
  for (int64_t o = 0; o < a.out; ++o) {
    int32_t* index = a.index + o * a.taps;
    float* weight = a.weight + o * a.taps;
    const double x = without_noise(coordinate(p, a, axis, o));
    if (p.coordinate == CoordinateMode::kTfCropAndResize && (x < 0.0 || x > last)) {
      for (int64_t t = 0; t < a.taps; ++t) {
        index[t] = -1;
        weight[t] = 0.0f;
      }
      continue;
    }
    if (p.mode == ResizeMode::kNearest) {
      index[0] = clamp_index(nearest(p.nearest, x), a.in);
      weight[0] = 1.0f;
      continue;
    }
    const double base = std::floor(x) + static_cast<double>(a.first_tap);
    const auto raw = [&](int64_t t) {
      const double at = base + static_cast<double>(t);
      if (p.exclude_outside && (at < 0.0 || at > last)) return 0.0;
      return filter(p, (at - x) * stretch);
    };
    double sum = 0.0;
    for (int64_t t = 0; t < a.taps; ++t) sum += raw(t);
    // Unscaled filters add up to 1 by themselves.
    const bool normalise = (p.exclude_outside || stretch != 1.0) && sum != 0.0;
    for (int64_t t = 0; t < a.taps; ++t) {
      index[t] = clamp_index(base + static_cast<double>(t), a.in);
      weight[t] = static_cast<float>(normalise ? raw(t) / sum : raw(t));
    }
  }
}

}  // namespace stint::cpu
