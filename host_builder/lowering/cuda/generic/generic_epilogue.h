// The epilogue of generic convolutions and matrix products (kernels/cuda/generic/finish.cuh).
#pragma once

#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "plan_schema/params/epilogue.h"

namespace stint::builder {

/// Bias and residual follow the first two inputs.
inline void write_epilogue(GenericSource& source, const EpilogueParams& p) {
  source.constant("kAct", static_cast<int64_t>(p.act));
  source.flag("kLateResidual", p.residual_after_act != 0);
  source.real_function("alpha", p.alpha);
  source.real_function("beta", p.beta);
  const auto operand = [&](const char* name, bool present, size_t input) {
    source.line(std::string("__device__ __forceinline__ float ") + name +
                "(const Args& args, index_t at) {\n  (void)args, (void)at;\n  return " +
                (present ? "load<float>(in" + std::to_string(input) + "(args)[at])" : "0.0f") +
                ";\n}");
  };
  operand("bias_at", p.has_bias != 0, 2);
  operand("residual_at", p.has_residual != 0, p.has_bias != 0 ? 3 : 2);
  source.include("generic/finish.cuh");
}

}  // namespace stint::builder
