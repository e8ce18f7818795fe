// Convolution and transposed convolution.
#include <algorithm>

#include "host_builder/graph/ops/window.h"

namespace stint::builder {
namespace {

constexpr size_t kBias = 2, kResidual = 3;

// The weights keep their order: families pack them as they need them.
constexpr LayoutRule kConvLayout = {has_spatial_axes, {0, kResidual}, keep_attributes};

/// Operand and weights have one rank, and the weights the kernel's shape.
void check_weights(const InferenceContext& c, const std::vector<int64_t>& kernel, size_t spatial) {
  const Shape& w = c.shape(1);
  c.require(w.size() == spatial + 2, "weights " + shape_text(w) +
                                         " do not have the operand's rank " +
                                         std::to_string(spatial + 2));
  c.require(std::equal(kernel.begin(), kernel.end(), w.begin() + 2),
            "kernel shape " + shape_text(kernel) + " differs from the weights " + shape_text(w));
}

void check_bias_and_residual(const InferenceContext& c, int64_t channels, const Shape& result) {
  if (c.has(kBias)) {
    c.require(c.in(kBias).elements() == channels,
              "bias has " + std::to_string(c.in(kBias).elements()) + " elements, needs " +
                  std::to_string(channels));
  }
  if (c.has(kResidual)) {
    c.require(c.shape(kResidual) == result, "residual is " + shape_text(c.shape(kResidual)) +
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

Types infer_conv(const InferenceContext& c) {
  c.same_dtype(0, 1);
  const auto& a = c.as<ConvAttributes>();
  const size_t spatial = spatial_rank_of(c);
  const Window window = window_of(a);
  check_window(c, window, spatial);
  check_weights(c, a.kernel, spatial);
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
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
  check_bias_and_residual(c, w[0], result);
  if (c.declared.size() < 2) return {{c.dtype(0), result}};
  check_repeated(c, result);
  return {{c.dtype(0), result}, {c.dtype(0), c.declared[1].shape}};
}

Types infer_conv_transpose(const InferenceContext& c) {
  c.same_dtype(0, 1);
  const auto& a = c.as<ConvTransposeAttributes>();
  const size_t spatial = spatial_rank_of(c);
  const Window window = window_of(a);
  check_window(c, window, spatial);
  c.require(a.output_padding.size() == spatial, "output_padding needs one entry per spatial axis");
  check_weights(c, a.kernel, spatial);
  const Shape& x = c.shape(0);
  const Shape& w = c.shape(1);
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
  check_bias_and_residual(c, outputs, result);
  return {{c.dtype(0), result}};
}

/// Every element of `scanned` meets the weights of one channel.
double window_products(const Graph& graph, const Node& node, ValueId scanned) {
  const Shape& w = graph.value(node.inputs.at(1)).shape;
  double terms = 1;
  for (size_t i = 1; i < w.size(); ++i) terms *= static_cast<double>(w[i]);
  return elements_of(graph, scanned) * terms;
}

double conv_products(const Graph& graph, const Node& node) {
  return window_products(graph, node, node.outputs.at(0));
}

double conv_transpose_products(const Graph& graph, const Node& node) {
  return window_products(graph, node, node.inputs.at(0));
}

std::string print_conv(const Attributes& attributes) {
  const auto& a = std::get<ConvAttributes>(attributes);
  Words w = window_words(window_of(a));
  if (a.groups != 1) w.add("groups", a.groups);
  return w.epilogue(a.epilogue).text();
}

std::string print_conv_transpose(const Attributes& attributes) {
  const auto& a = std::get<ConvTransposeAttributes>(attributes);
  Words w = window_words(window_of(a));
  w.list_unless("output_padding", a.output_padding, 0);
  if (a.groups != 1) w.add("groups", a.groups);
  return w.epilogue(a.epilogue).text();
}

MovedSamples move_conv(const BatchMove& m, const BatchPlace& at) {
  return kept_unless(at.axis == 1 || mixes_windows(m.node.as<ConvAttributes>(), at), at);
}

MovedSamples move_conv_transpose(const BatchMove& m, const BatchPlace& at) {
  const auto& a = m.node.as<ConvTransposeAttributes>();
  return kept_unless(
      at.axis == 1 || mixes_windows(a, at) || (at.axis > 1 && a.output_padding[at.axis - 2] != 0),
      at);
}

double conv_folding_work(const Graph& graph, const Node& node) {
  return elements_of(graph, node.outputs) * elements_of(graph, node.inputs[1]) +
         elements_of(graph, node.inputs);
}

double conv_transpose_folding_work(const Graph& graph, const Node& node) {
  return elements_of(graph, node.inputs[0]) * elements_of(graph, node.inputs[1]) +
         elements_of(graph, node.outputs);
}

}  // namespace

constinit const OpDef ops::kConv = {
    .name = "Conv",
    .arity = {2, 4, 1, 2},
    .has_its_attributes = has<ConvAttributes>,
    .types = {kProductOperands, kQuantizable},
    .infer = infer_conv,
    .layout = kConvLayout,
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_conv),
    .doubles = Doubles::kAsFloats,
    .products = conv_products,
    .folding_work = conv_folding_work,
    .print = print_conv,
};

constinit const OpDef ops::kConvTranspose = {
    .name = "ConvTranspose",
    .arity = {2, 4, 1, 1},
    .has_its_attributes = has<ConvTransposeAttributes>,
    .types = {kNumbers, kNumbers},
    .infer = infer_conv_transpose,
    .layout = kConvLayout,
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_conv_transpose),
    .doubles = Doubles::kAsFloats,
    .products = conv_transpose_products,
    .folding_work = conv_transpose_folding_work,
    .print = print_conv_transpose,
};

}  // namespace stint::builder
