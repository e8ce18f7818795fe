// Element-wise steps: fused programs, single operations on any type, conversions.
#include <stdexcept>

#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "plan_schema/params/pointwise.h"

namespace stint::builder {
namespace {

constexpr int kOperands = kMaxPointwiseInputs + 1;

/// Function of kernels/cuda/generic/operations.cuh, and whether it takes alpha and beta.
struct Function {
  const char* name;
  bool parameters;
};

Function function_of(EltOp op) {
  switch (op) {
    // clang-format off
    case EltOp::kCopy: return {"op_copy", false};
    case EltOp::kNeg: return {"op_neg", false};
    case EltOp::kAbs: return {"op_abs", false};
    case EltOp::kSqrt: return {"op_sqrt", false};
    case EltOp::kExp: return {"op_exp", false};
    case EltOp::kLog: return {"op_log", false};
    case EltOp::kFloor: return {"op_floor", false};
    case EltOp::kCeil: return {"op_ceil", false};
    case EltOp::kRound: return {"op_round", false};
    case EltOp::kErf: return {"op_erf", false};
    case EltOp::kRelu: return {"op_relu", false};
    case EltOp::kSigmoid: return {"op_sigmoid", false};
    case EltOp::kTanh: return {"op_tanh", false};
    case EltOp::kHardSwish: return {"op_hard_swish", false};
    case EltOp::kSoftplus: return {"op_softplus", false};
    case EltOp::kMish: return {"op_mish", false};
    case EltOp::kGelu: return {"op_gelu", false};
    case EltOp::kGeluTanh: return {"op_gelu_tanh", false};
    case EltOp::kSilu: return {"op_silu", false};
    case EltOp::kNot: return {"op_not", false};
    case EltOp::kReciprocal: return {"op_reciprocal", false};
    case EltOp::kSign: return {"op_sign", false};
    case EltOp::kSin: return {"op_sin", false};
    case EltOp::kCos: return {"op_cos", false};
    case EltOp::kIsNan: return {"op_is_nan", false};
    case EltOp::kSoftsign: return {"op_softsign", false};
    case EltOp::kClip: return {"op_clip", true};
    case EltOp::kLeakyRelu: return {"op_leaky_relu", true};
    case EltOp::kElu: return {"op_elu", true};
    case EltOp::kHardSigmoid: return {"op_hard_sigmoid", true};
    case EltOp::kSelu: return {"op_selu", true};
    case EltOp::kThresholdedRelu: return {"op_thresholded_relu", true};
    case EltOp::kCelu: return {"op_celu", true};
    case EltOp::kIsInf: return {"op_is_inf", true};
    case EltOp::kBitNot: return {"op_bit_not", false};
    case EltOp::kTan: return {"op_tan", false};
    case EltOp::kAdd: return {"op_add", false};
    case EltOp::kSub: return {"op_sub", false};
    case EltOp::kMul: return {"op_mul", false};
    case EltOp::kDiv: return {"op_div", false};
    case EltOp::kPow: return {"op_pow", false};
    case EltOp::kMin: return {"op_min", false};
    case EltOp::kMax: return {"op_max", false};
    case EltOp::kPRelu: return {"op_prelu", false};
    case EltOp::kEqual: return {"op_equal", false};
    case EltOp::kLess: return {"op_less", false};
    case EltOp::kLessOrEqual: return {"op_less_or_equal", false};
    case EltOp::kGreater: return {"op_greater", false};
    case EltOp::kGreaterOrEqual: return {"op_greater_or_equal", false};
    case EltOp::kAnd: return {"op_and", false};
    case EltOp::kOr: return {"op_or", false};
    case EltOp::kXor: return {"op_xor", false};
    case EltOp::kMod: return {"op_mod", false};
    case EltOp::kFMod: return {"op_fmod", false};
    case EltOp::kBitAnd: return {"op_bit_and", false};
    case EltOp::kBitOr: return {"op_bit_or", false};
    case EltOp::kBitXor: return {"op_bit_xor", false};
    case EltOp::kWhere: return {"op_where", false};
      // clang-format on
  }
  throw std::logic_error("unknown element-wise operation");
}

DType number_type(cpu::ComputeType type) {
  switch (type) {
    case cpu::ComputeType::kFloat:
      return DType::kF32;
    case cpu::ComputeType::kDouble:
      return DType::kF64;
    case cpu::ComputeType::kInt:
      return DType::kI64;
    case cpu::ComputeType::kUnsigned:
      return DType::kU64;
  }
  return DType::kF32;
}

/// What a value's elements are computed in.
cpu::ComputeType compute_type(const Value& value) {
  return value.quant ? cpu::ComputeType::kFloat : cpu::compute_type(value.dtype);
}

/// Writes a program over the step's operands.
void map(Graph& graph, StepSpec& step, DType number, const std::vector<PointwiseOp>& program) {
  GenericSource source(graph, step);
  const size_t inputs = source.input_count();
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<kOperands> loop;
  for (int a = 0; a < y.rank; ++a) {
    int64_t strides[kOperands] = {};
    for (size_t k = 0; k < inputs; ++k)
      strides[k] = cpu::broadcast_stride(source.input(k), y.rank, a);
    strides[inputs] = y.strides[a];
    loop.add_axis(y.shape[a], strides);
  }
  loop.collapse();
  std::vector<PackOperand> operands;
  for (size_t k = 0; k < inputs; ++k)
    operands.push_back({dtype_bytes(source.input(k).dtype), source.input_alignment(k), true});
  operands.push_back({dtype_bytes(y.dtype), source.output_alignment(0), false});
  // The unused operands behind the output have stride 0 everywhere.
  const int64_t pack = y.elements() == 0 ? 1 : divide_into_packs(loop, operands);
  const auto packed = [&](size_t k) {
    return pack > 1 && loop.inner_stride(static_cast<int>(k)) != 0;
  };

  source.number(number);
  source.constant("kPack", pack);
  std::string read, result, members;
  for (size_t k = 0; k < inputs; ++k) {
    const std::string n = std::to_string(k);
    const std::string type = packed(k) ? "Pack<In" + n + ", kPack>" : "In" + n;
    members += "  " + type + " x" + n + ";\n";
    read += "    x" + n + " = *reinterpret_cast<const " + type + "*>(in" + n + "(args) + offset[" +
            n + "]);\n";
    result +=
        "    const Number v" + n + " = load<Number>(x" + n + (packed(k) ? ".item[k]" : "") + ");\n";
  }
  size_t next = inputs;
  for (const PointwiseOp& op : program) {
    const Function f = function_of(op.op);
    const int count = elt_operands(op.op);
    std::string text = "    const Number v" + std::to_string(next++) + " = " + f.name + "(v" +
                       std::to_string(op.a);
    if (count > 1) text += ", v" + std::to_string(op.b);
    if (count > 2) text += ", v" + std::to_string(op.c);
    if (f.parameters)
      text += ", " + CudaSource::literal(op.alpha) + ", " + CudaSource::literal(op.beta);
    result += text + ");\n";
  }
  source.loop("Elements", loop, {}, static_cast<int>(inputs) + 1);
  source.line(
      "struct Operands {\n" + members +
      "  __device__ __forceinline__ void read(const Args& args, const index_t* offset) {\n" + read +
      "  }\n  __device__ __forceinline__ Number result(int k) const {\n" + result +
      "    (void)k;\n    return v" + std::to_string(next - 1) + ";\n  }\n};");
  source.include("generic/map.cuh");
  allow_generic_in_place(graph, step, 0, inputs);
  step.launch = source.finish_flat("map", loop.elements());
}

}  // namespace

void generic_pointwise(Graph& graph, const Node&, StepSpec& step) {
  const auto params = params_of_step<PointwiseParams>(step);
  std::vector<PointwiseOp> program(params.instruction_count);
  std::memcpy(program.data(), step.params.data() + sizeof params,
              program.size() * sizeof(PointwiseOp));
  map(graph, step, DType::kF32, program);
}

void generic_elementwise(Graph& graph, const Node&, StepSpec& step) {
  const auto params = params_of_step<ElementwiseParams>(step);
  PointwiseOp op;
  op.op = params.op;
  op.a = 0, op.b = 1, op.c = 2;
  op.alpha = params.alpha;
  op.beta = params.beta;
  // A condition is not a number: only the values it chooses between decide how the step computes.
  const size_t first = op.op == EltOp::kWhere ? 1 : 0;
  cpu::ComputeType type = compute_type(graph.value(step.inputs.at(first)));
  for (size_t i = first + 1; i < step.inputs.size(); ++i)
    type = cpu::common_type(type, compute_type(graph.value(step.inputs[i])));
  map(graph, step, number_type(type), {op});
}

void generic_cast(Graph& graph, const Node&, StepSpec& step) {
  map(graph, step, number_type(compute_type(graph.value(step.inputs.at(0)))), {PointwiseOp{}});
}

void generic_quantisation(const Graph& graph, const Node& node, StepSpec& step) {
  // A conversion between operands that say how they are quantised.
  const auto& a = node.as<QuantizeAttributes>();
  const Quantisation q = {{a.scale}, -1, {a.zero_point}};
  Graph typed;
  Value x = graph.value(node.inputs.at(0)), y = graph.value(node.outputs.at(0));
  (node.op == Op::kQuantize ? y : x).quant = q;
  StepSpec map_step = step;
  map_step.inputs = {typed.add_value(std::move(x))};
  map_step.outputs = {typed.add_value(std::move(y))};
  map(typed, map_step, DType::kF32, {PointwiseOp{}});
  step.launch = std::move(map_step.launch);
  step.in_place = std::move(map_step.in_place);
}

void allow_generic_in_place(const Graph& graph, StepSpec& step, size_t first, size_t count) {
  step.in_place.clear();
  const Value& y = graph.value(step.outputs.at(0));
  for (size_t i = first; i < first + count; ++i) {
    const Value& x = graph.value(step.inputs.at(i));
    if (x.shape == y.shape && dtype_bytes(x.dtype) == dtype_bytes(y.dtype))
      step.in_place.emplace_back(static_cast<uint32_t>(i), 0u);
  }
}

}  // namespace stint::builder
