// Numbers as 8-bit integers.
#pragma once

#include <cstdint>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// The integer nearest to x / scale (ties to even) plus the zero point, within i8 or u8. NaN gives
/// the zero point. As kernels store (plan_schema/params/quantized.h).
int32_t quantised(float x, float scale, int32_t zero_point, DType dtype);

/// Elements of an f32 constant as integers; one scale a tensor.
std::vector<std::byte> quantised_constant(const Value& value, const Quantisation& q, DType dtype);

/// The numbers of a constant that is f32, or of integers that stand for such.
std::vector<float> real_numbers(const Value& constant);

/// Whether operand `i`'s numbers are the result's numbers, in another place or more often: integers
/// go through such a node as they are, if operand and result have one quantisation.
bool moves_numbers(const Node& node, size_t i);
/// Whether it moves any operand's.
bool moves_numbers(const Node& node);

/// One scale, one zero point, each the same.
bool same_quantisation(const Quantisation& a, const Quantisation& b);

/// Both are quantised in the same way, in the same type, or neither is.
bool same_storage(const Value& a, const Value& b);

inline int32_t zero_point_of(const Quantisation& q) {
  return q.zero_points.empty() ? 0 : q.zero_points.front();
}

}  // namespace stint::builder
