// Attributes of every kind, and every change of one of their fields. A field that is added to
// attributes.h does not compile here until it is named.
#pragma once

#include <type_traits>
#include <vector>

#include "host_builder/graph/attributes.h"

namespace stint::builder::test {

template <typename F>
void each_field(std::monostate&, F) {}
template <typename F>
void each_field(Epilogue& x, F f) {
  auto& [act, alpha, beta, residual_after_act] = x;
  f(act), f(alpha), f(beta), f(residual_after_act);
}
template <typename F>
void each_field(ConvAttributes& x, F f) {
  auto& [kernel, strides, dilations, pads_begin, pads_end, groups, epilogue] = x;
  f(kernel), f(strides), f(dilations), f(pads_begin), f(pads_end), f(groups), f(epilogue);
}
template <typename F>
void each_field(ConvTransposeAttributes& x, F f) {
  auto& [kernel, strides, dilations, pads_begin, pads_end, output_padding, groups, epilogue] = x;
  f(kernel), f(strides), f(dilations), f(pads_begin), f(pads_end), f(output_padding);
  f(groups), f(epilogue);
}
template <typename F>
void each_field(MatMulAttributes& x, F f) {
  auto& [epilogue] = x;
  f(epilogue);
}
template <typename F>
void each_field(PoolAttributes& x, F f) {
  auto& [kind, kernel, strides, dilations, pads_begin, pads_end, count_pad, column_major] = x;
  f(kind), f(kernel), f(strides), f(dilations), f(pads_begin), f(pads_end);
  f(count_pad), f(column_major);
}
template <typename F>
void each_field(UnaryAttributes& x, F f) {
  auto& [op, alpha, beta] = x;
  f(op), f(alpha), f(beta);
}
template <typename F>
void each_field(BinaryAttributes& x, F f) {
  auto& [op] = x;
  f(op);
}
template <typename F>
void each_field(PointwiseInstruction& x, F f) {
  auto& [op, a, b, c, alpha, beta] = x;
  f(op), f(a);
  if (op == EltOp::kWhere)
    f(b), f(c);
  else
    f(alpha), f(beta);
}
template <typename F>
void each_field(PointwiseAttributes& x, F f) {
  auto& [program] = x;
  f(program);
}
template <typename F>
void each_field(QuantizeAttributes& x, F f) {
  auto& [scale, zero_point] = x;
  f(scale), f(zero_point);
}
template <typename F>
void each_field(ReduceAttributes& x, F f) {
  auto& [op, axes, keep_dims] = x;
  f(op), f(axes), f(keep_dims);
}
template <typename F>
void each_field(ArgReduceAttributes& x, F f) {
  auto& [is_max, axis, keep_dims, select_last] = x;
  f(is_max), f(axis), f(keep_dims), f(select_last);
}
template <typename F>
void each_field(TopKAttributes& x, F f) {
  auto& [axis, largest, sorted] = x;
  f(axis), f(largest), f(sorted);
}
template <typename F>
void each_field(CumulativeAttributes& x, F f) {
  auto& [product, axis, exclusive, reverse] = x;
  f(product), f(axis), f(exclusive), f(reverse);
}
template <typename F>
void each_field(SoftmaxAttributes& x, F f) {
  auto& [axis, log] = x;
  f(axis), f(log);
}
template <typename F>
void each_field(NormAttributes& x, F f) {
  auto& [epsilon, axis] = x;
  f(epsilon), f(axis);
}
template <typename F>
void each_field(LrnAttributes& x, F f) {
  auto& [size, alpha, beta, bias, axis] = x;
  f(size), f(alpha), f(beta), f(bias), f(axis);
}
template <typename F>
void each_field(AxisAttributes& x, F f) {
  auto& [axis] = x;
  f(axis);
}
template <typename F>
void each_field(SliceAttributes& x, F f) {
  auto& [starts, steps] = x;
  f(starts), f(steps);
}
template <typename F>
void each_field(PadAttributes& x, F f) {
  auto& [mode, begin, end, value] = x;
  f(mode), f(begin), f(end), f(value);
}
template <typename F>
void each_field(TransposeAttributes& x, F f) {
  auto& [perm] = x;
  f(perm);
}
template <typename F>
void each_field(DepthToSpaceAttributes& x, F f) {
  auto& [block, crd] = x;
  f(block), f(crd);
}
template <typename F>
void each_field(ResizeAttributes& x, F f) {
  auto& [mode, coordinate, nearest, scales, roi, cubic_a, extrapolation, exclude, antialias] = x;
  f(mode), f(coordinate), f(scales), f(roi), f(extrapolation), f(exclude), f(antialias);
  if (mode == ResizeMode::kNearest) f(nearest);
  if (mode == ResizeMode::kCubic) f(cubic_a);
}
template <typename F>
void each_field(NmsAttributes& x, F f) {
  auto& [most, iou, score, has_score, center] = x;
  f(most), f(iou), f(score), f(has_score), f(center);
}
template <typename F>
void each_field(PreprocessAttributes& x, F f) {
  auto& [width, height, channels, fit, bgr, pad, mean, scale, image] = x;
  f(width), f(height), f(channels), f(fit), f(bgr), f(pad), f(mean), f(scale), f(image);
}
template <typename F>
void each_field(DecodeAttributes& x, F f) {
  auto& [kind, score, iou, most, classes, first, strides, anchors, variances, normalized, center,
         agnostic, multi, sigmoid, softmax, transposed, scaled, major, y_first, labels, counts,
         no_object, candidates, width, height, fit, image, rotated] = x;
  f(kind), f(score), f(iou), f(most), f(classes), f(first), f(strides), f(anchors), f(variances);
  f(normalized), f(center), f(agnostic), f(multi), f(sigmoid), f(softmax), f(transposed);
  f(scaled), f(major), f(y_first), f(labels), f(counts), f(no_object), f(candidates), f(width);
  f(height), f(fit), f(image), f(rotated);
}
template <typename F>
void each_field(DetectionDetailAttributes& x, F f) {
  auto& [column, values, threshold, transposed, center, normalized, width, height, fit, image] = x;
  f(column), f(values), f(threshold), f(transposed), f(center), f(normalized);
  f(width), f(height), f(fit), f(image);
}

template <typename T, typename Seen>
void vary(std::vector<T>& x, Seen seen);

/// Calls `seen` with every field changed, one at a time; `x` is as before in the end.
template <typename T, typename Seen>
void vary(T& x, Seen seen) {
  const T before = x;
  if constexpr (std::is_enum_v<T>) {
    const auto i = static_cast<int>(x);
    x = static_cast<T>(i == 0 ? 1 : i - 1);
    seen();
  } else if constexpr (std::is_same_v<T, bool>) {
    x = !x;
    seen();
  } else if constexpr (std::is_floating_point_v<T>) {
    x = x + T(0.0009765625);
    seen();
  } else if constexpr (std::is_integral_v<T>) {
    x = static_cast<T>(x + 1);
    seen();
  } else {
    each_field(x, [&](auto& field) { vary(field, seen); });
  }
  x = before;
}
template <typename T, typename Seen>
void vary(std::vector<T>& x, Seen seen) {
  const std::vector<T> before = x;
  for (T& element : x) vary(element, seen);
  x.push_back(x.empty() ? T{} : x.back());
  seen();
  x = before;
}
template <typename Seen>
void vary(Attributes& x, Seen seen) {
  std::visit([&](auto& attributes) { vary(attributes, seen); }, x);
}

/// Of every kind one or more, with contents such that every field matters.
inline std::vector<Attributes> example_attributes() {
  const Epilogue clip = {Activation::kClip, 0.25f, 0.5f, true};
  ResizeAttributes nearest;
  nearest.scales = {1, 1, 2, 2}, nearest.roi = {0, 0, 0, 0, 1, 1, 1, 1};
  nearest.coordinate = CoordinateMode::kTfCropAndResize;
  ResizeAttributes cubic = nearest;
  cubic.mode = ResizeMode::kCubic;
  PreprocessAttributes frame;
  frame.mean = {1, 2, 3}, frame.scale = {1, 2, 3};
  DecodeAttributes decode;
  decode.strides = {8, 16}, decode.anchors = {1, 2}, decode.variances = {0.125f, 0.25f};
  return {
      std::monostate(),
      ConvAttributes{{3, 3}, {2, 2}, {2, 2}, {1, 1}, {1, 1}, 2, clip},
      ConvTransposeAttributes{{3, 3}, {2, 2}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 2, clip},
      MatMulAttributes{clip},
      PoolAttributes{PoolKind::kAverage, {3, 3}, {2, 2}, {2, 2}, {1, 1}, {1, 1}, true, true},
      UnaryAttributes{EltOp::kLeakyRelu, 0.25f, 0.5f},
      BinaryAttributes{EltOp::kSub},
      PointwiseAttributes{{{EltOp::kLeakyRelu, 0, 0, 0, 0.25f, 0.5f}, {EltOp::kWhere, 0, 1, 2}}},
      QuantizeAttributes{0.25f, 3},
      ReduceAttributes{ReduceOp::kMax, {1, 2}, true},
      ArgReduceAttributes{},
      TopKAttributes{},
      CumulativeAttributes{},
      SoftmaxAttributes{},
      NormAttributes{},
      LrnAttributes{},
      AxisAttributes{},
      SliceAttributes{{1, 2}, {2, 2}},
      PadAttributes{PadMode::kConstant, {1, 2}, {3, 4}, 0.5},
      TransposeAttributes{{1, 0}},
      DepthToSpaceAttributes{},
      nearest,
      cubic,
      NmsAttributes{10, 0.5f, 0.25f, true, true},
      frame,
      decode,
      DetectionDetailAttributes{},
  };
}

}  // namespace stint::builder::test
