#include "plan_schema/params/pad.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"
#include "plan_schema/half.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph&, const Node& node) { return node.op == Op::kPad; }

template <typename T>
uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

uint64_t element_bits(DType dtype, double value) {
  switch (dtype) {
    case DType::kF32:
      return bits_of(static_cast<float>(value));
    case DType::kF16:
      return to_f16(to_float_odd(value)).bits;
    case DType::kF64:
      return bits_of(value);
    case DType::kBF16:
      return to_bf16(to_float_odd(value)).bits;
    case DType::kBool:
      return value != 0 ? 1 : 0;
    case DType::kU64:
      return static_cast<uint64_t>(value);
    default:
      return bits_of(
          static_cast<int64_t>(value));  // little-endian: the narrow integer is in the lowest bytes
  }
}

PadFill fill_of(PadMode mode) {
  switch (mode) {
    case PadMode::kConstant:
      return PadFill::kConstant;
    case PadMode::kReflect:
      return PadFill::kReflect;
    case PadMode::kEdge:
      return PadFill::kEdge;
    case PadMode::kWrap:
      return PadFill::kWrap;
  }
  return PadFill::kConstant;
}

StepSpec lower(Graph& graph, const Node& node) {
  const auto& attributes = node.as<PadAttributes>();
  PadParams params;
  params.fill = fill_of(attributes.mode);
  const Value& y = graph.value(node.outputs.at(0));
  params.value = element_bits(
      y.dtype, has_quantized(graph, node) ? stored_integer(y, attributes.value) : attributes.value);
  for (size_t i = 0; i < attributes.begin.size() && i < kMaxRank; ++i)
    params.begin[i] = attributes.begin[i];
  StepSpec step = step_for(node, KernelId::kPad, "pad");
  step.inputs.resize(1);
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kPadFamily = one_way<can_implement, lower, memory_bound_us>("pad");

}  // namespace stint::builder
