#include "host_builder/graph/quantisation.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace stint::builder {

int32_t quantised(float x, float scale, int32_t zero_point, DType dtype) {
  if (std::isnan(x)) return zero_point;
  const int32_t lowest = dtype == DType::kI8 ? -128 : 0;
  const float place = std::nearbyint(x / scale) + static_cast<float>(zero_point);
  return static_cast<int32_t>(
      std::clamp(place, static_cast<float>(lowest), static_cast<float>(lowest + 255)));
}

std::vector<std::byte> quantised_constant(const Value& value, const Quantisation& q, DType dtype) {
  std::vector<std::byte> bytes(static_cast<size_t>(value.elements()));
  for (size_t i = 0; i < bytes.size(); ++i) {
    float x;
    std::memcpy(&x, value.constant->data() + i * sizeof x, sizeof x);
    bytes[i] = static_cast<std::byte>(quantised(x, q.scales.front(), zero_point_of(q), dtype));
  }
  return bytes;
}

std::vector<float> real_numbers(const Value& value) {
  std::vector<float> numbers(static_cast<size_t>(value.elements()));
  if (!value.quant) {
    if (!numbers.empty())
      std::memcpy(numbers.data(), value.constant->data(), numbers.size() * sizeof(float));
    return numbers;
  }
  const Quantisation& q = *value.quant;
  int64_t inner = 1;  // elements that share a place along the axis
  for (size_t i = static_cast<size_t>(q.axis + 1); i < value.shape.size(); ++i)
    inner *= value.shape[i];
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t channel = q.axis == -1 ? 0 : i / static_cast<size_t>(inner) % q.scales.size();
    const auto byte = static_cast<uint8_t>((*value.constant)[i]);
    const int integer = value.dtype == DType::kI8 ? static_cast<int8_t>(byte) : byte;
    const int zero = q.zero_points.empty() ? 0 : q.zero_points[channel];
    numbers[i] = static_cast<float>(integer - zero) * q.scales[channel];
  }
  return numbers;
}

bool moves_numbers(const Node& node, size_t i) {
  switch (node.op) {
    case Op::kIdentity:
    case Op::kSlice:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kGather:
    case Op::kExpand:
    case Op::kTile:
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return i == 0;
    case Op::kConcat:
      return true;
    case Op::kPool:
      return i == 0 && node.as<PoolAttributes>().kind == PoolKind::kMax && node.outputs.size() == 1;
    case Op::kResize:  // linear ones lie between the operand's
      return i == 0 && (node.as<ResizeAttributes>().mode == ResizeMode::kNearest ||
                        node.as<ResizeAttributes>().mode == ResizeMode::kLinear);
    case Op::kPad:
      return i == 0 && (node.as<PadAttributes>().mode != PadMode::kConstant ||
                        node.as<PadAttributes>().value == 0.0);
    default:
      return false;
  }
}

bool moves_numbers(const Node& node) { return moves_numbers(node, 0); }

bool same_quantisation(const Quantisation& a, const Quantisation& b) {
  return a.axis == -1 && b.axis == -1 && a.scales == b.scales &&
         zero_point_of(a) == zero_point_of(b);
}

bool same_storage(const Value& a, const Value& b) {
  if (a.quant.has_value() != b.quant.has_value()) return false;
  return !a.quant || (a.dtype == b.dtype && same_quantisation(*a.quant, *b.quant));
}

}  // namespace stint::builder
