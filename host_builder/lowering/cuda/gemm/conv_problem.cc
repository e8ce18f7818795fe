#include "host_builder/lowering/cuda/gemm/conv_problem.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <vector>

#include "host_builder/graph/quantisation.h"
#include "host_builder/graph/views.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

constexpr int64_t kMaxPixels = int64_t{1} << 30;

/// Extents and strides of everything but the channels, outermost first.
struct Axes {
  Shape extents;
  std::vector<Shape> strides;  // one list per operand
};

bool stores_reals(const Value& v) {
  if (v.quant) return v.quant->axis == -1;
  return v.dtype == DType::kF32 || v.dtype == DType::kF16;
}

bool channels_are_adjacent(const Value& v) {
  return !v.shape.empty() && stores_reals(v) && !v.is_constant() &&
         (v.shape.back() == 1 || strides_of(v).back() == 1);
}

/// Largest power of two of adjacent channels, at most 16 bytes, that divides every stride, the
/// offset and the channels of a group.
int64_t packet_of(const Value& v, int64_t channels_per_group) {
  int64_t packet = 16 / dtype_bytes(v.dtype);
  const auto must_divide = [&](int64_t n) {
    while (n % packet != 0) packet /= 2;
  };
  must_divide(channels_per_group);
  must_divide(v.view ? v.view->offset : 0);
  const Shape strides = strides_of(v);
  for (size_t i = 0; i + 1 < v.shape.size(); ++i)
    if (v.shape[i] > 1) must_divide(strides[i]);
  return packet;
}

PixelView pixel_view(const Graph& graph, ValueId id, int64_t channels_per_group) {
  const Value& v = graph.value(id);
  PixelView view;
  view.id = id;
  view.dtype = v.dtype;
  view.quant = v.quant;
  view.packet = packet_of(v, channels_per_group);
  return view;
}

/// f32, or integers that stand for such.
bool has_real_weights(const Value& w) {
  return w.is_constant() && (w.dtype == DType::kF32 || w.quant);
}

/// Padding is a byte of zero, and a sum of products takes one factor.
bool are_integers(const Value& x, const Value& w, size_t channel_axis) {
  const auto has_zero_point = [](const Quantisation& q) {
    return std::any_of(q.zero_points.begin(), q.zero_points.end(),
                       [](int32_t z) { return z != 0; });
  };
  return x.quant && w.quant && w.dtype == DType::kI8 && !has_zero_point(*x.quant) &&
         !has_zero_point(*w.quant) &&
         (w.quant->axis == -1 || w.quant->axis == static_cast<int>(channel_axis));
}

/// Joins neighbouring axes that every operand walks as one and drops those of extent 1.
Axes merged(const Axes& axes) {
  Axes result;
  result.strides.resize(axes.strides.size());
  for (size_t i = 0; i < axes.extents.size(); ++i) {
    if (axes.extents[i] == 1) continue;
    bool joins = !result.extents.empty();
    for (size_t o = 0; joins && o < axes.strides.size(); ++o)
      joins = result.strides[o].back() == axes.extents[i] * axes.strides[o][i];
    if (joins) {
      result.extents.back() *= axes.extents[i];
      for (size_t o = 0; o < axes.strides.size(); ++o)
        result.strides[o].back() = axes.strides[o][i];
      continue;
    }
    result.extents.push_back(axes.extents[i]);
    for (size_t o = 0; o < axes.strides.size(); ++o)
      result.strides[o].push_back(axes.strides[o][i]);
  }
  return result;
}

/// Every operand whose pixels are the output's, or correspond to them.
std::vector<PixelView*> present_views(ConvProblem& p) {
  std::vector<PixelView*> views = {&p.x, &p.y};
  for (PixelView* view : {&p.residual, &p.copies.view})
    if (view->present()) views.push_back(view);
  return views;
}

/// Output pixels as batch x row x column where input and output pixels correspond one to one.
bool set_pixels(ConvProblem& p, const Axes& all) {
  Axes axes = merged(all);
  if (axes.extents.size() > 3) return false;
  while (axes.extents.size() < 3) {
    axes.extents.insert(axes.extents.begin(), 1);
    for (Shape& s : axes.strides) s.insert(s.begin(), 0);
  }
  p.batch = axes.extents[0];
  p.in_h = p.out_h = axes.extents[1];
  p.in_w = p.out_w = axes.extents[2];
  const std::vector<PixelView*> views = present_views(p);
  for (size_t o = 0; o < axes.strides.size(); ++o) {
    views[o]->batch = axes.strides[o][0];
    views[o]->row = axes.strides[o][1];
    views[o]->column = axes.strides[o][2];
  }
  return true;
}

/// Steps from one of the output's pixels to the next along every axis but the channels.
Shape pixel_strides(const Graph& graph, const ConvProblem& p, const PixelView& view) {
  Shape strides = strides_of(graph.value(view.id));
  strides.pop_back();
  if (&view == &p.copies.view) {
    strides.back() *= p.copies.columns;
    if (strides.size() > 2) strides[1] *= p.copies.rows;
  }
  return strides;
}

/// Bias and residual, the same for both operators.
bool set_epilogue(ConvProblem& p, const Graph& graph, const Node& node, const Epilogue& epilogue) {
  p.epilogue = epilogue;
  const Value& y = graph.value(p.y.id);
  if (has_operand(node, 2)) {
    p.bias = node.inputs[2];
    const Value& bias = graph.value(p.bias);
    // It is read before the step's predecessors have ended: only a constant may be.
    if (!bias.is_constant() || bias.dtype != DType::kF32 || bias.elements() != y.shape.back())
      return false;
  }
  if (has_operand(node, 3)) {
    const Value& r = graph.value(node.inputs[3]);
    if (!channels_are_adjacent(r) || r.shape != y.shape) return false;
    p.residual = pixel_view(graph, node.inputs[3], p.out_channels);
  }
  return true;
}

/// A convolution's second result, if it has one. False where it is no repetition of the first.
bool set_copies(ConvProblem& p, const Graph& graph, const Node& node) {
  if (node.outputs.size() < 2) return true;
  const Value& y = graph.value(p.y.id);
  const Value& copies = graph.value(node.outputs[1]);
  if (y.elements() == 0 || copies.dtype != y.dtype ||
      copies.quant.has_value() != y.quant.has_value() || !channels_are_adjacent(copies))
    return false;
  const size_t column = y.shape.size() - 2;
  const Shape steps = strides_of(copies);
  p.copies.view = pixel_view(graph, node.outputs[1], p.out_channels);
  p.copies.columns = copies.shape[column] / y.shape[column];
  p.copies.column_step = steps[column];
  if (column > 1) {
    p.copies.rows = copies.shape[1] / y.shape[1];
    p.copies.row_step = steps[1];
  }
  const Shape strides = pixel_strides(graph, p, p.copies.view);
  const auto offset = [](const Value& v) { return v.view ? v.view->offset : 0; };
  p.copies.holds_y = root_of(graph, p.y.id) == root_of(graph, p.copies.view.id) &&
                     offset(y) == offset(copies) && pixel_strides(graph, p, p.y) == strides;
  return true;
}

Axes axes_of(const Graph& graph, ConvProblem& p) {
  const Value& y = graph.value(p.y.id);
  Axes axes;
  axes.extents.assign(y.shape.begin(), y.shape.end() - 1);
  for (const PixelView* view : present_views(p)) {
    Shape strides = pixel_strides(graph, p, *view);
    // A matrix operand may have fewer leading axes than the result: those have extent 1.
    while (strides.size() < axes.extents.size()) strides.insert(strides.begin(), 0);
    axes.strides.push_back(std::move(strides));
  }
  return axes;
}

std::optional<ConvProblem> conv_of(const Graph& graph, const Node& node) {
  const auto& a = node.as<ConvAttributes>();
  const size_t spatial = a.kernel.size();
  const Value& x = graph.value(node.inputs.at(0));
  const Value& w = graph.value(node.inputs.at(1));
  const Value& y = graph.value(node.outputs.at(0));
  if (!graph.channels_last || spatial < 1 || spatial > 2 || x.shape.size() != spatial + 2 ||
      !has_real_weights(w) || !channels_are_adjacent(x) || !channels_are_adjacent(y))
    return std::nullopt;
  ConvProblem p;
  p.groups = a.groups;
  p.in_channels = w.shape[1];
  p.out_channels = w.shape[0] / a.groups;
  p.weights = node.inputs[1];
  p.integers = are_integers(x, w, 0);
  const auto at = [&](const std::vector<int64_t>& list, size_t i, int64_t otherwise) {
    return list.empty() ? otherwise : list.at(i);
  };
  const size_t last = spatial - 1;
  p.kernel_w = a.kernel[last];
  p.stride_w = at(a.strides, last, 1);
  p.dilation_w = at(a.dilations, last, 1);
  p.pad_w = at(a.pads_begin, last, 0);
  if (spatial == 2) {
    p.kernel_h = a.kernel[0];
    p.stride_h = at(a.strides, 0, 1);
    p.dilation_h = at(a.dilations, 0, 1);
    p.pad_h = at(a.pads_begin, 0, 0);
  }
  p.x = pixel_view(graph, node.inputs[0], p.in_channels);
  p.y = pixel_view(graph, node.outputs[0], p.out_channels);
  if (!set_epilogue(p, graph, node, a.epilogue) || !set_copies(p, graph, node)) return std::nullopt;

  if (p.taps() == 1 && p.stride_h == 1 && p.stride_w == 1 && p.pad_h == 0 && p.pad_w == 0 &&
      x.shape[1] == y.shape[1] && x.shape[spatial] == y.shape[spatial])
    return set_pixels(p, axes_of(graph, p)) ? std::optional(p) : std::nullopt;

  p.batch = x.shape[0];
  p.in_w = x.shape[spatial];
  p.out_w = y.shape[spatial];
  if (spatial == 2) {
    p.in_h = x.shape[1];
    p.out_h = y.shape[1];
  }
  for (PixelView* view : present_views(p)) {
    const Shape strides = pixel_strides(graph, p, *view);
    view->batch = strides[0];
    view->column = strides[spatial];
    view->row = spatial == 2 ? strides[1] : 0;
  }
  p.inside = p.pad_h <= 0 && p.pad_w <= 0 &&
             (p.out_h - 1) * p.stride_h - p.pad_h + (p.kernel_h - 1) * p.dilation_h < p.in_h &&
             (p.out_w - 1) * p.stride_w - p.pad_w + (p.kernel_w - 1) * p.dilation_w < p.in_w;
  return p;
}

std::optional<ConvProblem> matmul_of(const Graph& graph, const Node& node) {
  const Value& a = graph.value(node.inputs.at(0));
  const Value& b = graph.value(node.inputs.at(1));
  const Value& y = graph.value(node.outputs.at(0));
  if (!has_real_weights(b) || b.shape.size() < 2 || !channels_are_adjacent(a) ||
      !channels_are_adjacent(y) || y.shape.size() < a.shape.size())
    return std::nullopt;
  for (size_t i = 0; i + 2 < b.shape.size(); ++i)
    if (b.shape[i] != 1) return std::nullopt;
  // A vector on the left loses its axis in the result.
  if (a.shape.size() == 1 && y.shape.size() != b.shape.size() - 1) return std::nullopt;
  ConvProblem p;
  p.in_channels = a.shape.back();
  p.out_channels = b.shape.back();
  p.weights = node.inputs[1];
  p.weights_are_columns = true;
  p.integers = are_integers(a, b, b.shape.size() - 1);
  p.x = pixel_view(graph, node.inputs[0], p.in_channels);
  p.y = pixel_view(graph, node.outputs[0], p.out_channels);
  if (!set_epilogue(p, graph, node, node.as<MatMulAttributes>().epilogue)) return std::nullopt;
  return set_pixels(p, axes_of(graph, p)) ? std::optional(p) : std::nullopt;
}

template <typename Weights>
auto reader_of(const ConvProblem& p, Weights w) {
  typedef std::decay_t<decltype(w[0])> Weight;
  const int64_t n = p.out_channels, c = p.in_channels, taps = p.taps();
  const bool columns = p.weights_are_columns;
  return std::function<Weight(int64_t, int64_t, int64_t)>(
      [=, w = std::move(w)](int64_t g, int64_t o, int64_t k) {
        const int64_t at = columns ? k * n + o : ((g * n + o) * c + k % c) * taps + k / c;
        return w[static_cast<size_t>(at)];
      });
}

}  // namespace

double ConvProblem::flops() const {
  return 2.0 * static_cast<double>(pixels()) * static_cast<double>(groups * out_channels) *
         static_cast<double>(depth());
}

std::optional<ConvProblem> conv_problem(const Graph& graph, const Node& node) {
  std::optional<ConvProblem> p;
  if (node.op == Op::kConv) p = conv_of(graph, node);
  if (node.op == Op::kMatMul) p = matmul_of(graph, node);
  if (!p || p->pixels() <= 0 || p->pixels() > kMaxPixels || p->depth() <= 0 ||
      p->out_channels <= 0 || p->depth() > kMaxPixels / 256 || p->out_channels > kMaxPixels / 256)
    return std::nullopt;
  return p;
}

std::function<float(int64_t, int64_t, int64_t)> weight_reader(const Graph& graph,
                                                              const ConvProblem& p) {
  const Value& weights = graph.value(p.weights);
  if (weights.quant) return reader_of(p, real_numbers(weights));
  return reader_of(p, reinterpret_cast<const float*>(weights.constant->data()));
}

std::function<int8_t(int64_t, int64_t, int64_t)> integer_weight_reader(const Graph& graph,
                                                                       const ConvProblem& p) {
  return reader_of(p, reinterpret_cast<const int8_t*>(graph.value(p.weights).constant->data()));
}

ValueId add_channel_factors(Graph& graph, const ConvProblem& p) {
  const Quantisation& w = *graph.value(p.weights).quant;
  std::vector<float> bias;
  if (p.bias != kNoValue) bias = real_numbers(graph.value(p.bias));
  std::vector<float> factors;
  for (size_t i = 0; i < static_cast<size_t>(p.groups * p.out_channels); ++i) {
    factors.push_back(p.x.quant->scales.front() * w.scales[w.axis == -1 ? 0 : i]);
    factors.push_back(bias.empty() ? 0.0f : bias[i]);
  }
  return graph.add_constant(graph.unique_name(graph.value(p.weights).name + ".factors"),
                            DType::kF32, {p.groups * p.out_channels, 2}, factors);
}

StepSpec conv_step(const Graph& graph, const Node& node, const ConvProblem& p, ValueId packed,
                   ValueId bias) {
  StepSpec step;
  step.name = node.name;
  step.inputs = {p.x.id, packed};
  if (bias != kNoValue) step.inputs.push_back(bias);
  if (p.residual.present()) {
    // A run of the residual is read by the thread that then writes it.
    if (!p.copies.holds_y && dtype_bytes(p.residual.dtype) == dtype_bytes(p.y.dtype))
      step.in_place.emplace_back(static_cast<uint32_t>(step.inputs.size()), 0u);
    step.inputs.push_back(p.residual.id);
  }
  if (!p.copies.holds_y) step.outputs.push_back(p.y.id);
  if (p.copies.view.present()) step.outputs.push_back(p.copies.view.id);
  step.flops = p.flops();
  step.bytes = moved_bytes(graph, node) - static_cast<double>(graph.value(p.weights).bytes()) +
               static_cast<double>(graph.value(packed).bytes());
  return step;
}

}  // namespace stint::builder
