// The epilogue of a convolution or matrix product, resolved for the inner loops: activations that
// are a clamp stay in registers, the others are a second pass over the tile while it is in L1.
#pragma once

#include <limits>

#include "kernels/cpu/check_helpers.h"
#include "plan_schema/params/epilogue.h"

namespace stint::cpu {

struct Epilogue {
  const float* bias = nullptr;  // one per output channel
  bool residual_before = false;
  bool residual_after = false;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  Activation act = Activation::kNone;  // what is left after the clamp
  float alpha = 0.0f;
  float beta = 0.0f;
};

/// Operands of the epilogue: they follow the first `fixed` inputs.
struct EpilogueOperands {
  const TensorView* bias = nullptr;
  const TensorView* residual = nullptr;
};

inline EpilogueOperands epilogue_operands(const StepArgs& args, const EpilogueParams& p,
                                          uint32_t fixed) {
  EpilogueOperands operands;
  if (p.has_bias) operands.bias = &args.inputs[fixed++];
  if (p.has_residual) operands.residual = &args.inputs[fixed];
  return operands;
}

/// Checks everything the epilogue reads but the residual's type; y has been checked. Inputs are
/// counted here.
inline Status check_epilogue_shapes(const StepArgs& args, const EpilogueParams& p, uint32_t fixed) {
  if (p.has_bias > 1 || p.has_residual > 1 || p.residual_after_act > 1)
    return corrupt("epilogue flag is neither 0 nor 1", p.has_bias | p.has_residual, 1);
  if (p.act > Activation::kElu)
    return corrupt("unknown activation", static_cast<int64_t>(p.act),
                   static_cast<int64_t>(Activation::kElu));
  const uint32_t needed = fixed + p.has_bias + p.has_residual;
  if (args.input_count != needed)
    return corrupt("wrong number of inputs for the epilogue", args.input_count, needed);
  const TensorView& y = args.outputs[0];
  const EpilogueOperands operands = epilogue_operands(args, p, fixed);
  if (operands.bias != nullptr) {
    const TensorView& bias = *operands.bias;
    STINT_RETURN_IF_ERROR(check_dtype(bias, DType::kF32));
    STINT_RETURN_IF_ERROR(check_inner_dense(bias));
    if (bias.rank != 1 || y.rank == 0 || bias.shape[0] != y.shape[y.rank - 1])
      return corrupt("bias does not have one value per output channel", bias.elements(),
                     y.rank == 0 ? 0 : y.shape[y.rank - 1]);
  }
  if (operands.residual != nullptr) {
    STINT_RETURN_IF_ERROR(check_inner_dense(*operands.residual));
    STINT_RETURN_IF_ERROR(check_same_shape(*operands.residual, y));
  }
  return ok_status();
}

/// The same where the residual is f32.
inline Status check_epilogue(const StepArgs& args, const EpilogueParams& p, uint32_t fixed) {
  STINT_RETURN_IF_ERROR(check_epilogue_shapes(args, p, fixed));
  const TensorView* residual = epilogue_operands(args, p, fixed).residual;
  return residual != nullptr ? check_dtype(*residual, DType::kF32) : ok_status();
}

inline Epilogue resolve_epilogue(const StepArgs& args, const EpilogueParams& p, uint32_t fixed) {
  const EpilogueOperands operands = epilogue_operands(args, p, fixed);
  Epilogue e;
  if (operands.bias != nullptr) e.bias = operands.bias->as<float>();
  e.residual_before = operands.residual != nullptr && !p.residual_after_act;
  e.residual_after = operands.residual != nullptr && p.residual_after_act;
  e.alpha = p.alpha;
  e.beta = p.beta;
  if (p.act == Activation::kRelu) {
    e.low = 0.0f;
  } else if (p.act == Activation::kClip) {
    e.low = p.alpha;
    e.high = p.beta;
  } else {
    e.act = p.act;
  }
  return e;
}

}  // namespace stint::cpu
