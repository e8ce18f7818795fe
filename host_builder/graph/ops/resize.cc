// Interpolation to another size.
#include <cmath>

#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_resize(const InferenceContext& c) {
  const auto& a = c.as<ResizeAttributes>();
  const Shape& x = c.shape(0);
  const Shape& wanted = c.declared_output().shape;
  const bool crop = a.coordinate == CoordinateMode::kTfCropAndResize;
  c.require(
      wanted.size() == x.size() && a.scales.size() == x.size(),
      "scales and the result need one entry for each of " + std::to_string(x.size()) + " axes");
  c.require(!crop || a.roi.size() == 2 * x.size(),
            "tf_crop_and_resize needs a region with two entries per axis");
  for (size_t i = 0; i < x.size(); ++i) {
    c.require(std::isfinite(a.scales[i]) && a.scales[i] > 0.0f,
              "the scale of axis " + std::to_string(i) + " is not positive");
    c.require(wanted[i] >= 0 && (x[i] > 0 || wanted[i] == 0),
              "axis " + std::to_string(i) + " is empty and cannot be resized");
    // A wanted size was turned into a scale in float, so it is met to within rounding only.
    const double expected = static_cast<double>(x[i]) * a.scales[i];
    c.require(crop || std::abs(expected - static_cast<double>(wanted[i])) <= 1.0 + 1e-5 * expected,
              shape_text(x) + " scaled does not give " + shape_text(wanted));
  }
  return {{c.dtype(0), wanted}};
}

void permute_axes(Attributes& attributes, const std::vector<int64_t>& perm) {
  auto& a = std::get<ResizeAttributes>(attributes);
  a.scales = reordered(a.scales, perm);
  if (a.roi.size() != 2 * perm.size()) return;
  const auto middle = a.roi.begin() + static_cast<std::ptrdiff_t>(perm.size());
  const std::vector<float> starts(a.roi.begin(), middle), ends(middle, a.roi.end());
  a.roi = reordered(starts, perm);
  for (const float end : reordered(ends, perm)) a.roi.push_back(end);
}

std::string print_resize(const Attributes& attributes) {
  static constexpr const char* kModes[] = {"nearest", "linear", "cubic"};
  static constexpr const char* kCoordinates[] = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
      "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
  static constexpr const char* kNearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                             "ceil"};
  const auto& a = std::get<ResizeAttributes>(attributes);
  Words w;
  w.add("mode", kModes[static_cast<int>(a.mode)]);
  w.add("coordinate", kCoordinates[static_cast<int>(a.coordinate)]).list("scales", a.scales);
  if (a.mode == ResizeMode::kNearest) w.add("nearest", kNearest[static_cast<int>(a.nearest)]);
  if (a.mode == ResizeMode::kCubic) w.add("cubic_a", a.cubic_a);
  if (a.coordinate == CoordinateMode::kTfCropAndResize)
    w.list("roi", a.roi).add("extrapolation", a.extrapolation);
  return w.flag("exclude_outside", a.exclude_outside).flag("antialias", a.antialias).text();
}

MovedSamples move_resize(const BatchMove& m, const BatchPlace& at) {
  return kept_unless(
      m.node.as<ResizeAttributes>().scales[at.axis] != 1.0f || m.out()[at.axis] != m.in(0)[at.axis],
      at);
}

double resize_folding_work(const Graph& graph, const Node& node) {
  return elements_of(graph, node.outputs) * 64 + elements_of(graph, node.inputs) * 64;
}

}  // namespace

constinit const OpDef ops::kResize = {
    .name = "Resize",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<ResizeAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_resize,
    .layout = {has_spatial_axes, {0}, permute_axes},
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_resize),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = resize_folding_work,
    .print = print_resize,
};

}  // namespace stint::builder
