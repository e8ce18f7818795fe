#include "host_builder/lowering/cuda/source/cuda_source.h"

#include <cmath>
#include <cstdio>
#include <cstring>

#include "host_builder/graph/quantisation.h"
#include "host_builder/graph/views.h"
#include "host_builder/support/error.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {

CudaSource::CudaSource(const std::string& first_header)
    : first_include_("#include \"" + first_header + "\"\n") {}

CudaSource& CudaSource::line(const std::string& text) {
  text_ += text + "\n";
  return *this;
}

CudaSource& CudaSource::include(const std::string& header) {
  return line("#include \"" + header + "\"");
}

CudaSource& CudaSource::begin_struct(const std::string& name) {
  in_struct_ = true;
  return line("struct " + name + " {");
}

CudaSource& CudaSource::end_struct() {
  in_struct_ = false;
  return line("};");
}

CudaSource& CudaSource::member(const std::string& type, const std::string& name,
                               const std::string& value) {
  return line((in_struct_ ? "  static constexpr " : "constexpr ") + type + " " + name + " = " +
              value + ";");
}

CudaSource& CudaSource::constant(const std::string& name, int64_t value) {
  if (value > INT32_MAX || value < INT32_MIN) return constant64(name, value);
  return member("int", name, std::to_string(value));
}

CudaSource& CudaSource::constant64(const std::string& name, int64_t value) {
  if (in_struct_) return member("long long", name, std::to_string(value));
  return member("int64_t", name, literal(value));
}

CudaSource& CudaSource::flag(const std::string& name, bool value) {
  return member("bool", name, value ? "true" : "false");
}

CudaSource& CudaSource::real(const std::string& name, float value) {
  if (in_struct_) return member("float", name, literal(value));
  return line("#define " + name + " " + literal(value));
}

CudaSource& CudaSource::type(const std::string& name, const char* text) {
  return line(std::string(in_struct_ ? "  typedef " : "typedef ") + text + " " + name + ";");
}

CudaSource& CudaSource::type(const std::string& name, DType dtype,
                             const std::optional<Quantisation>& quant) {
  if (!quant) return type(name, type_name(dtype));
  if (quant->axis != -1)
    throw InternalError("an operand '" + name + "' with a scale for each channel has no type");
  quantised_ = true;
  uint32_t bits;
  std::memcpy(&bits, &quant->scales.front(), sizeof bits);
  char text[64];
  std::snprintf(text, sizeof text, "quantised_t<%s, 0x%08xu, %d>", type_name(dtype), bits,
                static_cast<int>(zero_point_of(*quant)));
  return type(name, text);
}

CudaSource& CudaSource::nhwc(const std::string& prefix, const Value& value) {
  type(prefix, value.dtype, value.quant);
  const std::array<int64_t, 4> strides = nhwc_strides(value);
  // 32-bit offsets wherever they suffice: 64-bit index arithmetic costs registers and time.
  int64_t last = 0;
  for (size_t i = 0; i < 4; ++i) last += strides[i] * (value.shape.at(i) - 1);
  for (size_t i = 0; i < 4; ++i)
    member(last <= INT32_MAX ? "int" : "int64_t", "k" + prefix + "NHWC"[i],
           std::to_string(strides[i]));
  return *this;
}

CudaSource& CudaSource::epilogue_constants(const Node& node, const Epilogue& e) {
  const bool residual = has_operand(node, 3);
  flag("kHasBias", has_operand(node, 2));
  flag("kHasResidual", residual);
  flag("kResidualAfterAct", residual && e.residual_after_act);
  constant("kAct", static_cast<int64_t>(e.act));
  real("kAlpha", e.alpha);
  real("kBeta", e.beta);
  optional_pointer(has_operand(node, 2), "const float*", "bias");
  return optional_pointer(residual, "const R*", "residual");
}

CudaSource& CudaSource::epilogue(const Graph& graph, const Node& node, const Epilogue& e) {
  const Value& y = graph.value(node.outputs.at(0));
  nhwc("Y", y);
  nhwc("R", has_operand(node, 3) ? graph.value(node.inputs[3]) : y);
  return epilogue_constants(node, e);
}

CudaSource& CudaSource::pointer(const std::string& type, const std::string& name) {
  pointers_ += "  " + type + " " + name + ";\n";
  return *this;
}

CudaSource& CudaSource::optional_pointer(bool present, const std::string& type,
                                         const std::string& name) {
  return present ? pointer(type, name) : pointer("static constexpr " + type, name + " = nullptr");
}

CudaSource& CudaSource::parameter_block() {
  text_ += "struct Args {\n" + pointers_ + "};\n";
  return *this;
}

namespace {

GpuLaunch launch_of(std::string source, const std::string& symbol, const KernelShape& shape) {
  GpuLaunch launch;
  launch.source = std::move(source);
  launch.symbol = symbol;
  for (size_t i = 0; i < 3; ++i) {
    if (shape.grid[i] > INT32_MAX)
      throw BuildError("a step needs " + std::to_string(shape.grid[i]) +
                       " blocks of threads, at most 2147483647 are possible: its tensors are too "
                       "large");
    launch.grid[i] = static_cast<uint32_t>(shape.grid[i] < 1 ? 1 : shape.grid[i]);
  }
  launch.block = {static_cast<uint32_t>(shape.threads), 1, 1};
  launch.dynamic_smem = static_cast<uint32_t>(shape.dynamic_smem);
  return launch;
}

}  // namespace

GpuLaunch CudaSource::kernel(const std::string& symbol, const KernelShape& shape,
                             const std::string& body) {
  std::string entry = "\nextern \"C\" __global__ void ";
  if (shape.cluster > 1) entry += "__cluster_dims__(" + std::to_string(shape.cluster) + ", 1, 1) ";
  entry += "__launch_bounds__(" + std::to_string(shape.threads) + ")\n" + symbol +
           "(const __grid_constant__ Args args) {\n  " + body + "\n}\n";
  return launch_of(prologue() + text_ + entry, symbol, shape);
}

GpuLaunch CudaSource::kernel_of_header(const std::string& name, const KernelShape& shape) {
  const std::string symbol = "stint_" + name;
  parameter_block();
  include(name + ".cuh");
  return launch_of(prologue() + "#define STINT_KERNEL " + symbol + "\n" + text_, symbol, shape);
}

std::string CudaSource::prologue() const {
  return first_include_ + (quantised_ ? "#include \"quantised.cuh\"\n" : "");
}

const char* CudaSource::type_name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float";
    case DType::kF16:
      return "half_t";
    case DType::kF64:
      return "double";
    case DType::kBF16:
      return "bhalf_t";
    case DType::kI8:
      return "int8_t";
    case DType::kU8:
      return "uint8_t";
    case DType::kI16:
      return "int16_t";
    case DType::kU16:
      return "uint16_t";
    case DType::kI32:
      return "int32_t";
    case DType::kU32:
      return "uint32_t";
    case DType::kI64:
      return "int64_t";
    case DType::kU64:
      return "uint64_t";
    case DType::kBool:
      return "bool_t";
  }
  return "?";
}

std::string CudaSource::literal(int64_t value) {
  if (value == INT64_MIN) return "(-9223372036854775807ll - 1)";
  return std::to_string(value) + "ll";
}

std::string CudaSource::literal(float value) {
  char text[48];
  if (std::isfinite(value)) {
    std::snprintf(text, sizeof text, "%af", static_cast<double>(value));
    return text;
  }
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  std::snprintf(text, sizeof text, "__int_as_float(0x%08x)", bits);
  return text;
}

std::array<int64_t, 4> nhwc_strides(const Value& value) {
  const Shape strides = strides_of(value);
  std::array<int64_t, 4> result = {};
  // A stride that is never taken may be anything: 0 keeps equal layers equal.
  for (size_t i = 0; i < 4; ++i) result[i] = value.shape.at(i) == 1 ? 0 : strides.at(i);
  if (value.shape[3] == 1) result[3] = 1;
  return result;
}

}  // namespace stint::builder
