// What the lowering of convolutions, matrix products and pooling shares.
#pragma once

#include "host_builder/lowering/cpu/lowering.h"
#include "host_builder/support/error.h"
#include "plan_schema/params/pool.h"

namespace stint::builder {

inline bool is_f32(const Graph& graph, ValueId id) {
  return id == kNoValue || graph.value(id).dtype == DType::kF32;
}

inline bool all_f32(const Graph& graph, const Node& node) {
  for (const ValueId id : node.inputs)
    if (!is_f32(graph, id)) return false;
  return is_f32(graph, node.outputs.at(0));
}

inline int32_t checked_int32(int64_t value, const Node& node, const char* what) {
  if (value < INT32_MIN || value > INT32_MAX)
    throw BuildError("node '" + node.name + "': " + what + " " + std::to_string(value) +
                     " does not fit 32 bits");
  return static_cast<int32_t>(value);
}

inline EpilogueParams epilogue_params(const Node& node, const Epilogue& e) {
  EpilogueParams p;
  p.has_bias = has_operand(node, 2);
  p.has_residual = has_operand(node, 3);
  p.residual_after_act = p.has_residual && e.residual_after_act;
  p.act = e.act;
  p.alpha = e.alpha;
  p.beta = e.beta;
  return p;
}

/// Fills kernel, stride, dilation and leading pads of any window parameters from attributes of that
/// shape.
template <typename Params, typename Attr>
void set_window(Params& p, const Attr& a, const Node& node) {
  if (a.kernel.size() > kMaxSpatial)
    throw BuildError("node '" + node.name + "': " + std::to_string(a.kernel.size()) +
                     " spatial axes, at most 3 are supported");
  p.spatial_rank = static_cast<uint8_t>(a.kernel.size());
  for (size_t i = 0; i < a.kernel.size(); ++i) {
    p.kernel[i] = checked_int32(a.kernel[i], node, "kernel extent");
    p.stride[i] = a.strides.empty() ? 1 : checked_int32(a.strides.at(i), node, "stride");
    p.dilation[i] = a.dilations.empty() ? 1 : checked_int32(a.dilations.at(i), node, "dilation");
    p.pad_begin[i] = a.pads_begin.empty() ? 0 : checked_int32(a.pads_begin.at(i), node, "padding");
  }
}

inline ConvParams conv_params(const Node& node) {
  const auto& a = node.as<ConvAttributes>();
  ConvParams p;
  set_window(p, a, node);
  p.groups = checked_int32(a.groups, node, "groups");
  p.epilogue = epilogue_params(node, a.epilogue);
  return p;
}

/// Of one output element of a convolution.
inline double conv_terms(const Graph& graph, const Node& node) {
  const Shape& w = graph.value(node.inputs.at(1)).shape;
  double terms = 1;
  for (size_t i = 1; i < w.size(); ++i) terms *= static_cast<double>(w[i]);
  return terms;
}

/// Multiplications and additions of a window operation over the whole output.
inline double window_flops(const Graph& graph, const Node& node, double terms_per_output) {
  return 2.0 * static_cast<double>(graph.value(node.outputs.at(0)).elements()) * terms_per_output;
}

inline double matmul_flops(const Graph& graph, const Node& node) {
  return window_flops(graph, node,
                      static_cast<double>(graph.value(node.inputs.at(0)).shape.back()));
}

inline PoolParams pool_params(const Node& node) {
  const auto& a = node.as<PoolAttributes>();
  PoolParams p;
  set_window(p, a, node);
  for (size_t i = 0; i < a.pads_end.size(); ++i)
    p.pad_end[i] = checked_int32(a.pads_end[i], node, "padding");
  p.is_max = a.kind == PoolKind::kMax;
  p.count_include_pad = a.count_include_pad;
  p.column_major_indices = a.column_major_indices;
  return p;
}

/// Comparisons or additions.
inline double pool_flops(const Graph& graph, const Node& node) {
  double cells = 1;
  for (const int64_t k : node.as<PoolAttributes>().kernel) cells *= static_cast<double>(k);
  return window_flops(graph, node, cells) / 2;
}

/// Predicted time: the larger of arithmetic at `gflops` and moved memory at 8 GB/s, and 1 us to
/// start.
inline double roofline_us(const Graph& graph, const Node& node, double flops, double gflops) {
  const double compute = flops / (gflops * 1e3);
  const double memory = moved_bytes(graph, node) / 8000.0;
  return 1.0 + (compute > memory ? compute : memory);
}

inline const float* constant_floats(const Graph& graph, ValueId id) {
  return reinterpret_cast<const float*>(graph.value(id).constant->data());
}

}  // namespace stint::builder
