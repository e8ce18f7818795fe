#include "host_builder/network/quantisation.h"

#include <cmath>
#include <cstring>
#include <optional>

#include "host_builder/graph/shape.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

constexpr Action kCheckQuantisation =
    "export the model again with scales and zero points that fit the tensor that they are of";

const Value& value(NetworkBuilder& net, ValueId id) { return net.graph().value(id); }

bool is_byte(DType dtype) { return dtype == DType::kI8 || dtype == DType::kU8; }

/// A parameter in a shape that broadcasts against x.
ValueId spread(NetworkBuilder& net, ValueId parameter, ValueId x, const QuantOperands& q) {
  const Shape shape = value(net, x).shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const Value& p = value(net, parameter);
  if (p.elements() == 1 && q.block == 0) return net.reshape(parameter, Shape(shape.size(), 1));
  const int64_t axis = q.axis < 0 ? q.axis + rank : q.axis;
  const auto refuse = [&] {
    throw Refusal("its scales or zero points are " + shape_text(p.shape) + ", the tensor " +
                      shape_text(shape) + " (axis " + std::to_string(q.axis) +
                      (q.block > 0 ? ", blocks of " + std::to_string(q.block) : "") + ")",
                  kCheckQuantisation);
  };
  if (axis < 0 || axis >= rank) refuse();
  const auto at = static_cast<size_t>(axis);
  if (q.block == 0) {
    if (p.elements() != shape[at]) refuse();
    Shape along(shape.size(), 1);
    along[at] = shape[at];
    return net.reshape(parameter, along);
  }
  // Each entry repeated over its block; the last block may be cut off.
  Shape blocks = shape;
  blocks[at] = (shape[at] + q.block - 1) / q.block;
  if (p.shape != blocks) refuse();
  Shape apart = blocks, wide = blocks, joined = blocks;
  apart.insert(apart.begin() + axis + 1, 1);
  wide.insert(wide.begin() + axis + 1, q.block);
  joined[at] *= q.block;
  const DType dtype = p.dtype;
  const ValueId repeated = net.reshape(
      net.add(Op::kExpand, {}, {net.reshape(parameter, apart)}, {{dtype, wide}}), joined);
  if (joined == shape) return repeated;
  const SliceAttributes all{Shape(shape.size(), 0), Shape(shape.size(), 1)};
  return net.add(Op::kSlice, all, {repeated}, {{dtype, shape}});
}

/// The one scale and zero point of the whole tensor, if they are known.
std::optional<QuantizeAttributes> of_tensor(NetworkBuilder& net, const QuantOperands& q) {
  const auto known = [&](ValueId id) {
    return value(net, id).is_constant() && value(net, id).elements() == 1;
  };
  const Value& scale = value(net, q.scale);
  if (!known(q.scale) || scale.dtype != DType::kF32 || q.block != 0) return std::nullopt;
  QuantizeAttributes a;
  std::memcpy(&a.scale, scale.constant->data(), sizeof a.scale);
  if (!(a.scale > 0.0f) || !std::isfinite(a.scale)) return std::nullopt;
  if (q.zero_point == kNoValue) return a;
  const Value& zero = value(net, q.zero_point);
  if (!known(q.zero_point) || !is_byte(zero.dtype)) return std::nullopt;
  const auto byte = std::to_integer<uint8_t>(zero.constant->front());
  a.zero_point = zero.dtype == DType::kI8 ? static_cast<int8_t>(byte) : byte;
  return a;
}

/// One scale for the tensor or for each place of one axis, as the graph notes it.
std::optional<Quantisation> grid_of(NetworkBuilder& net, ValueId x, const QuantOperands& q) {
  const Value& scale = value(net, q.scale);
  if (!is_byte(value(net, x).dtype) || !scale.is_constant() || q.block != 0 ||
      scale.dtype != DType::kF32)
    return std::nullopt;
  Quantisation grid;
  const auto count = static_cast<size_t>(scale.elements());
  grid.scales.resize(count);
  std::memcpy(grid.scales.data(), scale.constant->data(), count * sizeof(float));
  for (const float each : grid.scales)
    if (!(each > 0.0f) || !std::isfinite(each)) return std::nullopt;
  if (count != 1) {
    const auto rank = static_cast<int64_t>(value(net, x).shape.size());
    grid.axis = static_cast<int>(q.axis < 0 ? q.axis + rank : q.axis);
  }
  if (q.zero_point == kNoValue) return grid;
  const Value& zero = value(net, q.zero_point);
  if (!zero.is_constant() || zero.elements() != static_cast<int64_t>(count) ||
      zero.dtype != value(net, x).dtype)
    return std::nullopt;
  for (const std::byte byte : *zero.constant) {
    const auto bits = std::to_integer<uint8_t>(byte);
    grid.zero_points.push_back(zero.dtype == DType::kI8 ? static_cast<int8_t>(bits) : bits);
  }
  return grid;
}

}  // namespace

ValueId quantised(NetworkBuilder& net, ValueId x, const QuantOperands& q, DType dtype, int bits) {
  if (bits == 0) bits = static_cast<int>(dtype_bytes(dtype)) * 8;
  const bool is_signed = dtype == DType::kI8 || dtype == DType::kI16;
  const bool whole = bits == static_cast<int>(dtype_bytes(dtype)) * 8;
  x = net.cast(x, DType::kF32);
  if (const auto a = of_tensor(net, q);
      a && whole && is_byte(dtype) && !value(net, x).is_constant()) {
    const Shape shape = value(net, x).shape;
    return net.add(Op::kQuantize, *a, {x}, {{dtype, shape}});
  }
  const ValueId scale = spread(net, net.cast(q.scale, DType::kF32), x, q);
  ValueId y = net.unary(EltOp::kRound, net.binary(EltOp::kDiv, x, scale));
  if (q.zero_point != kNoValue)
    y = net.binary(EltOp::kAdd, y, spread(net, net.cast(q.zero_point, DType::kF32), x, q));
  const float lowest = is_signed ? -std::exp2(static_cast<float>(bits - 1)) : 0.0f;
  const float highest = lowest + std::exp2(static_cast<float>(bits)) - 1.0f;
  return net.cast(net.unary(EltOp::kClip, y, lowest, highest), dtype);
}

ValueId dequantised(NetworkBuilder& net, ValueId x, const QuantOperands& q) {
  if (const auto a = of_tensor(net, q);
      a && is_byte(value(net, x).dtype) && !value(net, x).is_constant())
    return net.add(Op::kDequantize, *a, {x});
  ValueId y = net.cast(x, DType::kF32);
  if (q.zero_point != kNoValue)
    y = net.binary(EltOp::kSub, y, spread(net, net.cast(q.zero_point, DType::kF32), x, q));
  y = net.binary(EltOp::kMul, y, spread(net, net.cast(q.scale, DType::kF32), x, q));
  if (value(net, y).is_constant())
    if (auto grid = grid_of(net, x, q)) net.set_grid(y, std::move(*grid));
  return y;
}

}  // namespace stint::builder
