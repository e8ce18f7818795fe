// Operations with a notion of batch, channels and spatial axes, and those of the frame.
#include <algorithm>
#include <cmath>

#include "host_builder/graph/inference_context.h"
#include "plan_schema/params/conv.h"

namespace stint::builder {

using Types = std::vector<TensorType>;

namespace {

// Kernel extents, strides, dilations and pads beyond this are errors of the file; products of two
// stay far from overflow.
constexpr int64_t kMaxWindow = int64_t{1} << 30;

struct Window {
  const std::vector<int64_t>& kernel;
  const std::vector<int64_t>& strides;
  const std::vector<int64_t>& dilations;
  const std::vector<int64_t>& pads_begin;
  const std::vector<int64_t>& pads_end;

  int64_t extent(size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
};

size_t spatial_rank_of(const InferenceContext& c) {
  const size_t rank = c.rank(0);
  c.require(rank >= 3 && rank <= 2 + kMaxSpatial,
            "needs an operand with 1 to " + std::to_string(kMaxSpatial) + " spatial axes, it is " +
                shape_text(c.shape(0)));
  return rank - 2;
}

void check_window(const InferenceContext& c, const Window& w, size_t spatial) {
  auto check = [&](const std::vector<int64_t>& values, int64_t least, const char* what) {
    c.require(values.size() == spatial, std::string(what) + " has " +
                                            std::to_string(values.size()) + " entries, needs " +
                                            std::to_string(spatial));
    for (int64_t v : values) {
      c.require(v >= least && v <= kMaxWindow,
                std::string(what) + " holds " + std::to_string(v) + ", out of range");
    }
  };
  check(w.kernel, 1, "kernel shape");
  check(w.strides, 1, "strides");
  check(w.dilations, 1, "dilations");
  check(w.pads_begin, 0, "pads");
  check(w.pads_end, 0, "pads");
}

void check_bias_and_residual(const InferenceContext& c, size_t bias, int64_t channels,
                             const Shape& result) {
  if (c.has(bias)) {
    c.require(c.in(bias).elements() == channels,
              "bias has " + std::to_string(c.in(bias).elements()) + " elements, needs " +
                  std::to_string(channels));
  }
  if (c.has(bias + 1)) {
    c.require(c.shape(bias + 1) == result, "residual is " + shape_text(c.shape(bias + 1)) +
                                               ", the result is " + shape_text(result));
  }
}

/// A convolution's second result is the first with every pixel repeated, so often as the shapes
/// say: nearest-neighbour upsampling (lowering/cuda/passes/upsample_as_addressing.h).
void check_repeated(const InferenceContext& c, const Shape& result) {
  const Shape& repeated = c.declared[1].shape;
  const std::string what =
      shape_text(repeated) + " does not repeat the pixels of " + shape_text(result);
  c.require(repeated.size() == result.size(), what);
  for (size_t i = 0; i < result.size(); ++i) {
    const bool is_spatial_axis = i != 0 && i != c.channel_axis(result.size());
    c.require(repeated[i] == result[i] ||
                  (is_spatial_axis && result[i] > 0 && repeated[i] % result[i] == 0),
              what);
  }
}

}  // namespace

Types infer_conv(const InferenceContext& c) {
  c.operand_count(2, 4);
  c.same_dtype(0, 1);
  const auto& a = c.as<ConvAttributes>();
  const size_t spatial = spatial_rank_of(c);
  const Window window{a.kernel, a.strides, a.dilations, a.pads_begin, a.pads_end};
  check_window(c, window, spatial);
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
  c.require(w.size() == spatial + 2, "weights " + shape_text(w) +
                                         " do not have the operand's rank " +
                                         std::to_string(spatial + 2));
  c.require(std::equal(a.kernel.begin(), a.kernel.end(), w.begin() + 2),
            "kernel shape " + shape_text(a.kernel) + " differs from the weights " + shape_text(w));
  const int64_t channels = x[c.channel_axis(x.size())];
  c.require(
      a.groups >= 1 && w[0] % a.groups == 0 && channels % a.groups == 0 &&
          w[1] == channels / a.groups,
      std::to_string(channels) + " channels, weights " + shape_text(w) + " and " +
          std::to_string(a.groups) +
          " groups do not fit together: weights must be [outputs, channels / groups, kernel...]");
  std::vector<int64_t> extents;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t room = x[c.spatial_axis(i)] + a.pads_begin[i] + a.pads_end[i] - window.extent(i);
    c.require(room >= 0, "the kernel " + shape_text(a.kernel) +
                             " is larger than the padded input " + shape_text(x));
    extents.push_back(room / a.strides[i] + 1);
  }
  const Shape result = c.spatial_shape(x[0], w[0], extents);
  check_bias_and_residual(c, 2, w[0], result);
  if (c.declared.size() < 2) return {{c.dtype(0), result}};
  check_repeated(c, result);
  return {{c.dtype(0), result}, {c.dtype(0), c.declared[1].shape}};
}

Types infer_conv_transpose(const InferenceContext& c) {
  c.operand_count(2, 4);
  c.same_dtype(0, 1);
  const auto& a = c.as<ConvTransposeAttributes>();
  const size_t spatial = spatial_rank_of(c);
  const Window window{a.kernel, a.strides, a.dilations, a.pads_begin, a.pads_end};
  check_window(c, window, spatial);
  c.require(a.output_padding.size() == spatial, "output_padding needs one entry per spatial axis");
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
  c.require(w.size() == spatial + 2, "weights " + shape_text(w) +
                                         " do not have the operand's rank " +
                                         std::to_string(spatial + 2));
  c.require(std::equal(a.kernel.begin(), a.kernel.end(), w.begin() + 2),
            "kernel shape " + shape_text(a.kernel) + " differs from the weights " + shape_text(w));
  const int64_t channels = x[c.channel_axis(x.size())];
  c.require(
      a.groups >= 1 && channels % a.groups == 0 && w[0] == channels &&
          w[1] <= kMaxElements / a.groups,
      std::to_string(channels) + " channels, weights " + shape_text(w) + " and " +
          std::to_string(a.groups) +
          " groups do not fit together: weights must be [channels, outputs / groups, kernel...]");
  std::vector<int64_t> extents;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t extent = x[c.spatial_axis(i)];
    c.require(extent >= 1 && extent <= kMaxWindow,
              "spatial extent " + std::to_string(extent) + " is out of range");
    c.require(a.output_padding[i] >= 0 && a.output_padding[i] <= kMaxWindow,
              "output_padding is out of range");
    const int64_t result = (extent - 1) * a.strides[i] + a.output_padding[i] + window.extent(i) -
                           a.pads_begin[i] - a.pads_end[i];
    c.require(result >= 1, "padding removes the whole result");
    extents.push_back(result);
  }
  const int64_t outputs = w[1] * a.groups;
  const Shape result = c.spatial_shape(x[0], outputs, extents);
  check_bias_and_residual(c, 2, outputs, result);
  return {{c.dtype(0), result}};
}

Types infer_pool(const InferenceContext& c) {
  c.operand_count(1, 1);
  const auto& a = c.as<PoolAttributes>();
  const size_t spatial = spatial_rank_of(c);
  const Window window{a.kernel, a.strides, a.dilations, a.pads_begin, a.pads_end};
  check_window(c, window, spatial);
  const Shape& x = c.shape(0);
  std::vector<int64_t> extents;
  for (size_t i = 0; i < spatial; ++i) {
    const size_t axis = c.spatial_axis(i);
    const int64_t room = x[axis] + a.pads_begin[i] + a.pads_end[i] - window.extent(i);
    int64_t extent = room >= 0 ? room / a.strides[i] + 1 : 0;
    if (!c.declared.empty() && c.declared[0].shape.size() == x.size() && room > -a.strides[i]) {
      // ceil_mode: one more window, as long as it starts inside the input or its leading padding.
      const int64_t wanted = c.declared[0].shape[axis];
      if (wanted == extent + 1 && (wanted - 1) * a.strides[i] < x[axis] + a.pads_begin[i])
        extent = wanted;
    }
    c.require(extent >= 1, "the window " + shape_text(a.kernel) +
                               " is larger than the padded input " + shape_text(x));
    extents.push_back(extent);
  }
  const Shape result = c.spatial_shape(x[0], x[c.channel_axis(x.size())], extents);
  return {{c.dtype(0), result}, {DType::kI64, result}};
}

Types infer_resize(const InferenceContext& c) {
  c.operand_count(1, 1);
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

Types infer_depth_space(const InferenceContext& c) {
  c.operand_count(1, 1);
  c.require(c.rank(0) == 4, "needs an operand of rank 4, it is " + shape_text(c.shape(0)));
  const int64_t block = c.as<DepthToSpaceAttributes>().block;
  const Shape& x = c.shape(0);
  const int64_t channels = x[c.channel_axis(4)], h = x[c.spatial_axis(0)], w = x[c.spatial_axis(1)];
  c.require(block >= 1 && block <= 65536,
            "the block size " + std::to_string(block) + " is out of range");
  if (c.op == Op::kDepthToSpace) {
    c.require(channels % (block * block) == 0, std::to_string(channels) +
                                                   " channels cannot be split into blocks of " +
                                                   std::to_string(block));
    return {
        {c.dtype(0), c.spatial_shape(x[0], channels / (block * block), {h * block, w * block})}};
  }
  c.require(h % block == 0 && w % block == 0,
            shape_text(x) + " cannot be divided into blocks of " + std::to_string(block));
  return {{c.dtype(0), c.spatial_shape(x[0], channels * block * block, {h / block, w / block})}};
}

Types infer_nms(const InferenceContext& c) {
  c.operand_count(2, 2);
  const auto& a = c.as<NmsAttributes>();
  const Shape& boxes = c.shape(0);
  const Shape& scores = c.shape(1);
  c.require(boxes.size() == 3 && boxes[2] == 4,
            "boxes must be [batches, boxes, 4], they are " + shape_text(boxes));
  c.require(scores.size() == 3 && scores[0] == boxes[0] && scores[2] == boxes[1],
            "scores must be [batches, classes, boxes], they are " + shape_text(scores) +
                " for boxes " + shape_text(boxes));
  const int64_t per_class = std::clamp<int64_t>(a.max_output_per_class, 0, boxes[1]);
  // scores has batches * classes * boxes elements, so the product cannot overflow.
  return {{DType::kI64, {boxes[0] * scores[1] * per_class, 3}}};
}

Types infer_preprocess(const InferenceContext& c) {
  c.operand_count(0, 0);
  const auto& a = c.as<PreprocessAttributes>();
  const TensorType& wanted = c.declared_output();
  c.require(a.width > 0 && a.height > 0 && a.channels > 0, "the network input has no extent");
  const auto frame = checked_elements({c.graph.batch, a.height, a.width, a.channels});
  c.require(frame && checked_elements(wanted.shape) == frame,
            "the network input " + shape_text(wanted.shape) + " does not hold " +
                std::to_string(c.graph.batch) + " frame(s) of " + std::to_string(a.width) + "x" +
                std::to_string(a.height) + "x" + std::to_string(a.channels));
  return {wanted};
}

Types infer_decode(const InferenceContext& c) {
  c.require(!c.inputs.empty(), "needs the network's outputs");
  const auto& a = c.as<DecodeAttributes>();
  c.require(a.max_detections >= 1, "max_detections must be 1 or more");
  return {{DType::kF32, {c.graph.batch, a.max_detections, 6}},
          {DType::kI32, {c.graph.batch}},
          {DType::kI32, {c.graph.batch, a.max_detections}}};
}

Types infer_argmax_mask(const InferenceContext& c) {
  c.operand_count(1, 1);
  const int64_t axis = normalize_axis(c.as<AxisAttributes>().axis, c.rank(0), "axis");
  Shape removed = c.shape(0), kept = c.shape(0);
  removed.erase(removed.begin() + axis);
  kept[axis] = 1;
  if (!c.declared.empty() && c.declared[0].shape == kept) return {{DType::kU8, kept}};
  return {{DType::kU8, removed}};
}

}  // namespace stint::builder
