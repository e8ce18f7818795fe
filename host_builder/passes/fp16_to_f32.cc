// The CPU computes in f32: 16-bit floats become f32 inside the graph. They stay at its border, with
// a cast behind every input and before every output. A cast to f16 that the model asks for keeps
// its rounding.
#include <cstring>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

bool is_16_bit_float(DType t) { return t == DType::kF16 || t == DType::kBF16; }

float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  uint32_t exponent = (h >> 10) & 31u, mantissa = h & 1023u, bits;
  if (exponent == 31) {
    bits = sign | 0x7F800000u | (mantissa << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // subnormal: exact in f32
    std::memcpy(&bits, &magnitude, sizeof bits);
    bits |= sign;
  }
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

float bf16_to_float(uint16_t h) {
  const uint32_t bits = static_cast<uint32_t>(h) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

void widen_constant(Value& value) {
  auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(value.elements()) * 4);
  for (size_t i = 0; i < bytes->size() / 4; ++i) {
    uint16_t h;
    std::memcpy(&h, value.constant->data() + 2 * i, sizeof h);
    const float f = value.dtype == DType::kF16 ? half_to_float(h) : bf16_to_float(h);
    std::memcpy(bytes->data() + 4 * i, &f, sizeof f);
  }
  value.constant = std::move(bytes);
  value.dtype = DType::kF32;
}

/// `x` (f32) rounded to `type` and back.
void keep_rounding(Graph& graph, NodeId cast, DType type) {
  const ValueId rounded = graph.node(cast).outputs[0];
  const Value& like = graph.value(rounded);
  const ValueId narrow =
      insert_before(graph, cast, like.name + "_rounded", Op::kCast, std::monostate(),
                    {graph.node(cast).inputs[0]}, type, like.shape);
  graph.node(cast).inputs[0] = narrow;
}

}  // namespace

size_t fp16_to_f32(Graph& graph) {
  std::vector<bool> border(graph.value_count(), false);
  for (ValueId id : graph.inputs) border[id] = is_16_bit_float(graph.value(id).dtype);
  const size_t value_count = graph.value_count();
  std::vector<DType> before(value_count);
  size_t changes = 0;
  for (ValueId id = 0; id < value_count; ++id) {
    before[id] = graph.value(id).dtype;
    if (!is_16_bit_float(before[id]) || border[id]) continue;
    Value& value = graph.value(id);
    if (value.constant)
      widen_constant(value);
    else
      value.dtype = DType::kF32;
    ++changes;
  }

  // Explicit casts between wider types and 16 bits round; everything else simply computes in f32.
  for (NodeId n : std::vector<NodeId>(graph.order())) {
    const Node& node = graph.node(n);
    if (node.op != Op::kCast) continue;
    const DType to = before[node.outputs[0]];
    if (is_16_bit_float(to) && before[node.inputs[0]] != to) keep_rounding(graph, n, to);
  }

  for (ValueId id : graph.inputs) {
    if (!border[id]) continue;
    const std::vector<NodeId> readers = graph.consumers(id);
    if (readers.empty()) continue;
    const Value& value = graph.value(id);
    const ValueId wide = insert_before(graph, graph.order().front(), value.name + "_f32", Op::kCast,
                                       std::monostate(), {id}, DType::kF32, value.shape);
    for (NodeId n : readers) {
      for (ValueId& operand : graph.node(n).inputs)
        if (operand == id) operand = wide;
    }
    ++changes;
  }

  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    if (id >= value_count || !is_16_bit_float(before[id]) || border[id]) continue;
    const std::string name = graph.value(id).name;
    graph.value(id).name = graph.unique_name(name + "_f32");
    const ValueId narrow = graph.add_value(name, before[id], graph.value(id).shape);
    Node node;
    node.name = graph.unique_name(name + "_cast");
    node.op = Op::kCast;
    node.inputs = {id};
    node.outputs = {narrow};
    graph.add_node(std::move(node));
    graph.outputs[i] = narrow;
    ++changes;
  }
  return changes;
}

/// Requires: 16-bit floats appear anywhere. Ensures: only graph inputs, graph outputs and explicit
/// casts are 16-bit floats.
const Pass kFp16ToF32Pass = {"fp16-to-f32", false,
                             [](Graph& graph, const PassContext&) { return fp16_to_f32(graph); }};

}  // namespace stint::builder
