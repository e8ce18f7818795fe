// Resize and Upsample.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

ResizeMode resize_mode(const NodeTranslation& n, const std::string& mode) {
  if (mode == "nearest") return ResizeMode::kNearest;
  if (mode == "linear" || mode == "bilinear") return ResizeMode::kLinear;
  if (mode == "cubic") return ResizeMode::kCubic;
  n.fail("attribute 'mode' is '" + mode + "', needs nearest, linear or cubic", kCheckModel);
}

CoordinateMode coordinate_mode(const NodeTranslation& n, const std::string& mode) {
  if (mode == "half_pixel") return CoordinateMode::kHalfPixel;
  if (mode == "half_pixel_symmetric") return CoordinateMode::kHalfPixelSymmetric;
  if (mode == "pytorch_half_pixel") return CoordinateMode::kPytorchHalfPixel;
  if (mode == "align_corners") return CoordinateMode::kAlignCorners;
  if (mode == "asymmetric") return CoordinateMode::kAsymmetric;
  if (mode == "tf_crop_and_resize") return CoordinateMode::kTfCropAndResize;
  if (mode == "tf_half_pixel_for_nn") return CoordinateMode::kTfHalfPixelForNn;
  n.fail("attribute 'coordinate_transformation_mode' is '" + mode + "', which is not known",
         kCheckModel);
}

NearestMode nearest_mode(const NodeTranslation& n, const std::string& mode) {
  if (mode == "round_prefer_floor") return NearestMode::kRoundPreferFloor;
  if (mode == "round_prefer_ceil") return NearestMode::kRoundPreferCeil;
  if (mode == "floor") return NearestMode::kFloor;
  if (mode == "ceil") return NearestMode::kCeil;
  n.fail("attribute 'nearest_mode' is '" + mode + "', which is not known", kCheckModel);
}

void check_scales(const NodeTranslation& n, const std::vector<double>& scales, size_t count) {
  if (scales.size() != count)
    n.fail("has " + std::to_string(scales.size()) + " scales, needs " + std::to_string(count),
           kCheckModel);
  for (double scale : scales) {
    if (!(scale > 0.0) || scale > 1e6)
      n.fail("a scale of " + std::to_string(scale) + " is out of range", kCheckModel);
  }
}

/// Extents from scales: rounded down in single precision, as ONNX's own shape inference does.
int64_t scaled_extent(int64_t extent, double factor) {
  return static_cast<int64_t>(std::floor(static_cast<float>(extent) * static_cast<float>(factor)));
}

void emit_resize(NodeTranslation& n, ResizeAttributes a, const Shape& result) {
  const bool nothing =
      result == n.shape(0) && a.coordinate != CoordinateMode::kTfCropAndResize &&
      std::all_of(a.scales.begin(), a.scales.end(), [](float s) { return s == 1.0f; });
  n.bind(0, nothing
                ? n.in(0)
                : n.network().add(Op::kResize, std::move(a), {n.in(0)}, {{n.dtype(0), result}}));
}

/// Upsample, and Resize before opset 11: no choice of coordinates, nearest takes the lower
/// neighbour.
void translate_upsample(NodeTranslation& n) {
  ResizeAttributes a;
  a.mode = resize_mode(n, n.text("mode", "nearest"));
  a.coordinate = CoordinateMode::kAsymmetric;
  a.nearest = NearestMode::kFloor;
  std::vector<double> scales;
  if (n.opset() < 9) {
    const auto values = n.numbers("scales");
    scales.assign(values.begin(), values.end());
  } else {
    scales = n.constant_numbers(1, "the scales");
  }
  check_scales(n, scales, n.rank(0));
  a.scales.assign(scales.begin(), scales.end());
  Shape result = n.shape(0);
  for (size_t i = 0; i < result.size(); ++i) result[i] = scaled_extent(result[i], scales[i]);
  emit_resize(n, std::move(a), result);
}

std::vector<int64_t> resized_axes(NodeTranslation& n) {
  std::vector<int64_t> axes(n.rank(0));
  std::iota(axes.begin(), axes.end(), 0);
  if (n.opset() >= 18 && n.has_attribute("axes")) axes = n.integers("axes");
  for (int64_t& axis : axes) axis = normalize_axis(axis, n.rank(0), "an axis");
  std::vector<int64_t> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    n.fail("an axis is listed twice", kCheckModel);
  return axes;
}

/// Wanted sizes -> result and scales. keep_aspect_ratio_policy may change the sizes.
void apply_sizes(NodeTranslation& n, const std::vector<int64_t>& axes, ResizeAttributes& a,
                 Shape& result) {
  auto sizes = n.constant_integers(3, "the sizes");
  if (sizes.size() != axes.size())
    n.fail("has " + std::to_string(sizes.size()) + " sizes, needs " + std::to_string(axes.size()),
           kCheckModel);
  const std::string policy =
      n.opset() >= 18 ? n.text("keep_aspect_ratio_policy", "stretch") : "stretch";
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller") {
    n.fail("attribute 'keep_aspect_ratio_policy' is '" + policy + "', which is not known",
           kCheckModel);
  }
  for (size_t k = 0; k < axes.size(); ++k)
    sizes[k] = n.network().batch().written_extent(n.in(0), static_cast<size_t>(axes[k]), sizes[k]);
  double common = 0.0;
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t extent = n.shape(0)[axes[k]];
    if (extent < 1 || sizes[k] < 0 || sizes[k] > kMaxElements)
      n.fail("cannot resize " + std::to_string(extent) + " to " + std::to_string(sizes[k]),
             kCheckModel);
    const double ratio = static_cast<double>(sizes[k]) / static_cast<double>(extent);
    common = k == 0                   ? ratio
             : policy == "not_larger" ? std::min(common, ratio)
                                      : std::max(common, ratio);
  }
  for (size_t k = 0; k < axes.size(); ++k) {
    const auto extent = static_cast<double>(n.shape(0)[axes[k]]);
    const bool stretch = policy == "stretch";
    const double ratio = stretch ? static_cast<double>(sizes[k]) / extent : common;
    result[axes[k]] = stretch ? sizes[k] : static_cast<int64_t>(std::floor(common * extent + 0.5));
    a.scales[axes[k]] = static_cast<float>(ratio);
  }
}

void apply_scales(NodeTranslation& n, const std::vector<int64_t>& axes, ResizeAttributes& a,
                  Shape& result) {
  const auto scales = n.constant_numbers(2, "the scales");
  check_scales(n, scales, axes.size());
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t axis = axes[k];
    a.scales[axis] = static_cast<float>(scales[k]);
    double factor = scales[k];
    if (a.coordinate == CoordinateMode::kTfCropAndResize)
      factor *= static_cast<double>(a.roi[axis + static_cast<int64_t>(n.rank(0))] - a.roi[axis]);
    if (!(factor >= 0.0) || factor > 1e6)
      n.fail("its region of interest is out of range", kCheckModel);
    result[axis] = scaled_extent(result[axis], factor);
  }
}

void read_region(NodeTranslation& n, const std::vector<int64_t>& axes, ResizeAttributes& a) {
  if (a.coordinate != CoordinateMode::kTfCropAndResize) return;
  const auto roi = n.constant_numbers(1, "the region of interest");
  if (roi.size() != 2 * axes.size())
    n.fail("needs a region of interest with two entries per axis", kCheckModel);
  a.roi.assign(2 * n.rank(0), 0.0f);
  std::fill(a.roi.begin() + static_cast<std::ptrdiff_t>(n.rank(0)), a.roi.end(), 1.0f);
  for (size_t k = 0; k < axes.size(); ++k) {
    a.roi[axes[k]] = static_cast<float>(roi[k]);
    a.roi[axes[k] + static_cast<int64_t>(n.rank(0))] = static_cast<float>(roi[k + axes.size()]);
  }
}

void translate_resize(NodeTranslation& n) {
  if (n.opset() < 11) {
    translate_upsample(n);
    return;
  }
  ResizeAttributes a;
  a.mode = resize_mode(n, n.text("mode", "nearest"));
  a.coordinate = coordinate_mode(n, n.text("coordinate_transformation_mode", "half_pixel"));
  a.nearest = nearest_mode(n, n.text("nearest_mode", "round_prefer_floor"));
  a.cubic_a = n.number("cubic_coeff_a", -0.75f);
  a.extrapolation = n.number("extrapolation_value", 0.0f);
  a.exclude_outside = n.integer("exclude_outside", 0) != 0;
  if (n.opset() >= 18) a.antialias = n.integer("antialias", 0) != 0;
  n.ignore("keep_aspect_ratio_policy");  // matters with sizes only
  a.scales.assign(n.rank(0), 1.0f);
  const std::vector<int64_t> axes = resized_axes(n);
  read_region(n, axes, a);
  Shape result = n.shape(0);
  // Opset 11 requires the scales operand; it is empty when sizes are given.
  if (n.has(3))
    apply_sizes(n, axes, a, result);
  else
    apply_scales(n, axes, a, result);
  emit_resize(n, std::move(a), result);
}

}  // namespace

const std::vector<OperatorEntry> kResizeOperators = {
    {"Resize", 10, kNewestOpset, translate_resize},
    {"Upsample", 7, 9, translate_upsample},
};

}  // namespace stint::builder
