// Nodes that many translations add.
#include <algorithm>

#include "host_builder/network/network_builder.h"

namespace stint::builder {
namespace {

std::vector<ValueId> with_bias(ValueId x, ValueId weights, ValueId bias) {
  std::vector<ValueId> operands{x, weights};
  if (bias != kNoValue) operands.push_back(bias);
  return operands;
}

/// A window without kernel has the extents of the weights.
void take_kernel(Window& window, const Shape& weights) {
  if (window.kernel.empty() && weights.size() > 2)
    window.kernel.assign(weights.begin() + 2, weights.end());
}

}  // namespace

ValueId NetworkBuilder::unary(EltOp op, ValueId x, float alpha, float beta) {
  return add(Op::kUnary, UnaryAttributes{op, alpha, beta}, {x});
}

ValueId NetworkBuilder::binary(EltOp op, ValueId a, ValueId b) {
  return add(Op::kBinary, BinaryAttributes{op}, {a, b});
}

ValueId NetworkBuilder::reshape(ValueId x, Shape shape) {
  const Value& value = graph_.value(x);
  if (value.shape == shape) return x;
  const DType dtype = value.dtype;
  return add(Op::kReshape, {}, {x}, {{dtype, std::move(shape)}});
}

ValueId NetworkBuilder::transpose(ValueId x, std::vector<int64_t> perm) {
  if (std::is_sorted(perm.begin(), perm.end()) && perm.size() == graph_.value(x).shape.size())
    return x;
  return add(Op::kTranspose, TransposeAttributes{std::move(perm)}, {x});
}

ValueId NetworkBuilder::cast(ValueId x, DType dtype) {
  const Value& value = graph_.value(x);
  if (value.dtype == dtype) return x;
  return add(Op::kCast, {}, {x}, {{dtype, value.shape}});
}

ValueId NetworkBuilder::slice(ValueId x, Shape starts, Shape extents) {
  const Value& value = graph_.value(x);
  if (value.shape == extents) return x;
  const DType dtype = value.dtype;
  SliceAttributes a{std::move(starts), Shape(extents.size(), 1)};
  return add(Op::kSlice, std::move(a), {x}, {{dtype, std::move(extents)}});
}

ValueId NetworkBuilder::conv(ValueId x, ValueId weights, ValueId bias, Window window,
                             int64_t groups) {
  take_kernel(window, graph_.value(weights).shape);
  Window w = resolved(std::move(window), graph_.value(x).shape);
  ConvAttributes a{std::move(w.kernel),
                   std::move(w.strides),
                   std::move(w.dilations),
                   std::move(w.pads_begin),
                   std::move(w.pads_end),
                   groups,
                   {}};
  return add(Op::kConv, std::move(a), with_bias(x, weights, bias));
}

ValueId NetworkBuilder::conv_transpose(ValueId x, ValueId weights, ValueId bias, Window window,
                                       int64_t groups, std::vector<int64_t> output_padding,
                                       const std::vector<int64_t>& extents) {
  take_kernel(window, graph_.value(weights).shape);
  Window w = resolved_transposed(std::move(window), graph_.value(x).shape, extents, output_padding);
  ConvTransposeAttributes a{std::move(w.kernel),
                            std::move(w.strides),
                            std::move(w.dilations),
                            std::move(w.pads_begin),
                            std::move(w.pads_end),
                            std::move(output_padding),
                            groups,
                            {}};
  return add(Op::kConvTranspose, std::move(a), with_bias(x, weights, bias));
}

ValueId NetworkBuilder::pool(PoolKind kind, ValueId x, const Window& window, bool count_padding) {
  const Value& value = graph_.value(x);
  const Window w = resolved(window, value.shape);
  PoolAttributes a = pool_attributes(kind, w);
  a.count_include_pad = count_padding;
  std::vector<TensorType> declared;
  if (w.round_up) declared.push_back({value.dtype, rounded_up(w, value.shape)});
  return add(Op::kPool, std::move(a), {x}, std::move(declared));
}

}  // namespace stint::builder
