// Slice, Split and Pad: operators that choose a part of a tensor or surround it.
#include <algorithm>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

struct SliceRequest {
  std::vector<int64_t> starts, ends, axes, steps;
};

SliceRequest read_slice(NodeTranslation& n) {
  SliceRequest r;
  if (n.opset() < 10) {
    r.starts = n.integers("starts");
    r.ends = n.integers("ends");
    r.axes = n.integers("axes");
  } else {
    r.starts = n.constant_integers(1, "the starts");
    r.ends = n.constant_integers(2, "the ends");
    if (n.has(3)) r.axes = n.constant_integers(3, "the axes");
    if (n.has(4)) r.steps = n.constant_integers(4, "the steps");
  }
  if (r.axes.empty()) {
    for (size_t i = 0; i < r.starts.size(); ++i) r.axes.push_back(static_cast<int64_t>(i));
  }
  if (r.steps.empty()) r.steps.assign(r.starts.size(), 1);
  if (r.ends.size() != r.starts.size() || r.axes.size() != r.starts.size() ||
      r.steps.size() != r.starts.size()) {
    n.fail("starts, ends, axes and steps differ in length", kCheckModel);
  }
  return r;
}

void translate_slice(NodeTranslation& n) {
  const SliceRequest r = read_slice(n);
  Shape result = n.shape(0);
  SliceAttributes a{std::vector<int64_t>(n.rank(0), 0), std::vector<int64_t>(n.rank(0), 1)};
  for (size_t k = 0; k < r.starts.size(); ++k) {
    const int64_t axis = normalize_axis(r.axes[k], n.rank(0), "an axis");
    const int64_t extent = n.shape(0)[axis];
    int64_t start = r.starts[k], end = r.ends[k], step = r.steps[k];
    if (step == 0) n.fail("the step of axis " + std::to_string(axis) + " is 0", kCheckModel);
    // Beyond the extent every step means the same; this keeps the arithmetic below small.
    step = std::clamp(step, -extent - 1, extent + 1);
    if (step == 0) step = r.steps[k] > 0 ? 1 : -1;
    if (start < 0) start += extent;
    if (end < 0) end += extent;
    if (extent == 0) {
      start = end = 0;
    } else if (step > 0) {
      start = std::clamp<int64_t>(start, 0, extent);
      end = std::clamp<int64_t>(end, 0, extent);
    } else {
      start = std::clamp<int64_t>(start, 0, extent - 1);
      end = std::clamp<int64_t>(end, -1, extent - 1);
    }
    const int64_t distance = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    const int64_t count = distance > 0 ? (distance + stride - 1) / stride : 0;
    a.starts[axis] = count > 0 ? start : 0;
    a.steps[axis] = step;
    result[axis] = count;
  }
  if (result == n.shape(0) &&
      std::all_of(a.steps.begin(), a.steps.end(), [](int64_t s) { return s > 0; })) {
    n.bind(0, n.in(0));
    return;
  }
  n.bind(0, n.network().add(Op::kSlice, std::move(a), {n.in(0)}, {{n.dtype(0), result}}));
}

std::vector<int64_t> split_lengths(NodeTranslation& n, int64_t extent) {
  if (n.opset() < 13 && n.has_attribute("split")) return n.integers("split");
  if (n.opset() >= 13 && n.has(1)) return n.constant_integers(1, "the split");
  int64_t parts = static_cast<int64_t>(n.output_count());
  if (n.opset() >= 18) {
    parts = n.integer("num_outputs", parts);
    if (parts != static_cast<int64_t>(n.output_count()))
      n.fail("num_outputs is " + std::to_string(parts) + ", the node has " +
                 std::to_string(n.output_count()) + " results",
             kCheckModel);
  } else if (parts > 0 && extent % parts != 0) {
    n.fail("an extent of " + std::to_string(extent) + " cannot be split into " +
               std::to_string(parts) + " equal parts",
           kCheckModel);
  }
  if (parts < 1) n.fail("has no result", kCheckModel);
  const int64_t length = (extent + parts - 1) / parts;
  std::vector<int64_t> lengths;
  for (int64_t i = 0, left = extent; i < parts; ++i) {
    lengths.push_back(std::min(length, left));
    left -= lengths.back();
  }
  return lengths;
}

void translate_split(NodeTranslation& n) {
  const int64_t axis = normalize_axis(n.integer("axis", 0), n.rank(0), "axis");
  const int64_t extent = n.shape(0)[axis];
  const std::vector<int64_t> lengths = split_lengths(n, extent);
  if (lengths.size() != n.output_count()) {
    n.fail("lists " + std::to_string(lengths.size()) + " parts for " +
               std::to_string(n.output_count()) + " results",
           kCheckModel);
  }
  int64_t start = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 0 || lengths[i] > extent - start)
      n.fail("its parts do not add up to the extent " + std::to_string(extent), kCheckModel);
    Shape part = n.shape(0);
    part[axis] = lengths[i];
    if (n.wants(i)) {
      Shape starts(part.size(), 0);
      starts[axis] = lengths[i] > 0 ? start : 0;
      n.bind(i, n.network().slice(n.in(0), starts, part));
    }
    start += lengths[i];
  }
  if (start != extent)
    n.fail("its parts do not add up to the extent " + std::to_string(extent), kCheckModel);
}

PadMode pad_mode(const NodeTranslation& n, const std::string& mode) {
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "edge") return PadMode::kEdge;
  if (mode == "wrap") return PadMode::kWrap;
  n.fail("attribute 'mode' is '" + mode + "', needs constant, reflect, edge or wrap", kCheckModel);
}

void translate_pad(NodeTranslation& n) {
  PadAttributes a;
  a.mode = pad_mode(n, n.text("mode", "constant"));
  std::vector<int64_t> pads, axes;
  if (n.opset() < 11) {
    pads = n.integers("pads");
    a.value = n.number("value", 0.0f);
  } else {
    pads = n.constant_integers(1, "the pads");
    if (n.has(2)) a.value = n.constant_number(2, "the constant value");
    if (n.has(3)) axes = n.constant_integers(3, "the axes");
  }
  if (axes.empty() && !n.has(3)) {
    for (size_t i = 0; i < n.rank(0); ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (pads.size() != 2 * axes.size()) {
    n.fail("has " + std::to_string(pads.size()) + " pads, needs two for each of " +
               std::to_string(axes.size()) + " axes",
           kCheckModel);
  }
  a.begin.assign(n.rank(0), 0);
  a.end.assign(n.rank(0), 0);
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t axis = normalize_axis(axes[k], n.rank(0), "an axis");
    a.begin[axis] = pads[k];
    a.end[axis] = pads[k + axes.size()];
  }
  const bool nothing = std::all_of(pads.begin(), pads.end(), [](int64_t pad) { return pad == 0; });
  n.bind(0, nothing ? n.in(0) : n.network().add(Op::kPad, std::move(a), {n.in(0)}));
}

/// The middle of an axis, or zeros around it; an odd rest goes to the end.
void translate_center_crop_pad(NodeTranslation& n) {
  const Shape x = n.shape(0);
  const auto wanted = n.constant_integers(1, "the shape");
  std::vector<int64_t> axes = n.integers("axes");
  if (!n.has_attribute("axes"))
    for (size_t i = 0; i < x.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (axes.size() != wanted.size())
    n.fail(
        "has " + std::to_string(wanted.size()) + " extents, needs " + std::to_string(axes.size()),
        kCheckModel);
  SliceAttributes crop{std::vector<int64_t>(x.size(), 0), std::vector<int64_t>(x.size(), 1)};
  PadAttributes pad;
  pad.begin.assign(x.size(), 0);
  pad.end.assign(x.size(), 0);
  Shape cropped = x, result = x;
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t axis = normalize_axis(axes[k], x.size(), "an axis");
    const int64_t more = wanted[k] - x[axis];
    if (wanted[k] < 0 || wanted[k] > kMaxElements)
      n.fail("an extent of " + std::to_string(wanted[k]) + " is not possible", kCheckModel);
    cropped[axis] = std::min(x[axis], wanted[k]);
    result[axis] = wanted[k];
    if (more > 0) pad.begin[axis] = more / 2, pad.end[axis] = more - more / 2;
    if (more < 0 && wanted[k] > 0) crop.starts[axis] = -more / 2;
  }
  NetworkBuilder& net = n.network();
  ValueId y = n.in(0);
  if (cropped != x) y = net.add(Op::kSlice, std::move(crop), {y}, {{n.dtype(0), cropped}});
  if (cropped != result) y = net.add(Op::kPad, std::move(pad), {y});
  n.bind(0, y);
}

}  // namespace

const std::vector<OperatorEntry> kSliceOperators = {
    {"Slice", 1, kNewestOpset, translate_slice},
    {"Split", 2, kNewestOpset, translate_split},
    {"Pad", 2, kNewestOpset, translate_pad},
    {"CenterCropPad", 18, kNewestOpset, translate_center_crop_pad},
};

}  // namespace stint::builder
