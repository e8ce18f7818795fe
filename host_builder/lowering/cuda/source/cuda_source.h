// Writes the CUDA source of one step, for every family: the node's constants, operand types and
// strides, the parameter block, and the kernel with its launch. What is computed with them stands
// in kernels/cuda/.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "host_builder/lowering/step_spec.h"

namespace stint::builder {

/// How a kernel is launched.
struct KernelShape {
  std::array<int64_t, 3> grid = {1, 1, 1};
  int64_t threads = 128;
  int64_t cluster = 1;       // blocks
  int64_t dynamic_smem = 0;  // bytes
};

/// Text in the order of the calls; only the parameter block comes where the kernel needs it.
class CudaSource {
 public:
  explicit CudaSource(const std::string& first_header = "stint.cuh");

  CudaSource& line(const std::string& text);
  CudaSource& include(const std::string& header);
  /// What is written until end_struct() are members of the struct.
  CudaSource& begin_struct(const std::string& name);
  CudaSource& end_struct();

  /// An int, which is cheapest to divide by, where the value fits; else as constant64.
  CudaSource& constant(const std::string& name, int64_t value);
  CudaSource& constant64(const std::string& name, int64_t value);
  CudaSource& flag(const std::string& name, bool value);
  /// A float member; outside of structs a macro, because no constexpr float is infinite or NaN.
  CudaSource& real(const std::string& name, float value);
  /// "typedef half_t X;", or one that knows what its integers stand for:
  /// "typedef quantised_t<int8_t, 0x3c23d70au, 0> X;" (kernels/cuda/quantised.cuh).
  CudaSource& type(const std::string& name, DType dtype,
                   const std::optional<Quantisation>& quant = std::nullopt);
  CudaSource& type(const std::string& name, const char* text);
  /// Strides of a channels-last operand: kXN, kXH, kXW, kXC for prefix "X", and its type.
  CudaSource& nhwc(const std::string& prefix, const Value& value);
  /// kHasBias, kHasResidual, kResidualAfterAct, kAct, kAlpha, kBeta, and the pointers "bias" and
  /// "residual" of those that are there.
  CudaSource& epilogue_constants(const Node& node, const Epilogue& epilogue);
  /// The same, and the residual's and output's types and channels-last strides.
  CudaSource& epilogue(const Graph& graph, const Node& node, const Epilogue& epilogue);

  /// A pointer of the parameter block: "const X*" "x".
  CudaSource& pointer(const std::string& type, const std::string& name);
  /// The same, or an operand that is absent: it has a name and no place in the parameter block.
  CudaSource& optional_pointer(bool present, const std::string& type, const std::string& name);
  /// struct Args of the pointers so far.
  CudaSource& parameter_block();

  /// Ends the source with the kernel `symbol`, whose body uses `args`.
  GpuLaunch kernel(const std::string& symbol, const KernelShape& shape, const std::string& body);
  /// Ends it with the parameter block and NAME.cuh, which defines the kernel as STINT_KERNEL; its
  /// symbol is stint_NAME.
  GpuLaunch kernel_of_header(const std::string& name, const KernelShape& shape);

  /// "half_t".
  static const char* type_name(DType dtype);
  /// Literals that read back as exactly this value.
  static std::string literal(int64_t value);
  static std::string literal(float value);

 private:
  CudaSource& member(const std::string& type, const std::string& name, const std::string& value);

  std::string prologue() const;

  std::string first_include_, text_, pointers_;
  bool quantised_ = false;  // a type is
  bool in_struct_ = false;
};

/// N, H, W, C strides of a rank-4 value, elements.
std::array<int64_t, 4> nhwc_strides(const Value& value);

}  // namespace stint::builder
