// The epilogue of products of 8-bit integers: its operands, its checks and its resolved form.
// Inputs are x, weights, multiplier, bias, [residual].
#pragma once

#include "kernels/cpu/epilogue.h"
#include "kernels/cpu/quantized/quantized_tile.h"
#include "kernels/cpu/quantized/quantized_types.h"

namespace stint::cpu {

/// Inputs in front of the epilogue's own.
inline constexpr uint32_t kQuantizedFixedInputs = 3;
inline constexpr uint32_t kQuantizedMostInputs = 5;

/// P: the kernel's parameters (x, y, residual). x, weights and y have been checked as tensors.
template <typename P>
Status check_quantized_operands(const StepArgs& args, const P& p, const EpilogueParams& epilogue) {
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_dtype(args.inputs[0], DType::kU8));
  STINT_RETURN_IF_ERROR(check_quantized(args.inputs[0], p.x));
  STINT_RETURN_IF_ERROR(check_dtype(args.inputs[1], DType::kI8));
  STINT_RETURN_IF_ERROR(check_quantized(y, p.y));
  if (epilogue.has_bias != 1) return corrupt("quantised product without a bias", 0, 1);
  STINT_RETURN_IF_ERROR(check_epilogue_shapes(args, epilogue, kQuantizedFixedInputs));
  const TensorView& multiplier = args.inputs[2];
  STINT_RETURN_IF_ERROR(check_dtype(multiplier, DType::kF32));
  STINT_RETURN_IF_ERROR(check_inner_dense(multiplier));
  if (multiplier.rank != 1 || multiplier.shape[0] != y.shape[y.rank - 1])
    return corrupt("multiplier does not have one value per output channel", multiplier.elements(),
                   y.shape[y.rank - 1]);
  const TensorView* residual = epilogue_operands(args, epilogue, kQuantizedFixedInputs).residual;
  return residual != nullptr ? check_quantized(*residual, p.residual) : ok_status();
}

template <typename P>
QuantizedEpilogue resolve_quantized_epilogue(const StepArgs& args, const P& p,
                                             const EpilogueParams& epilogue) {
  QuantizedEpilogue e;
  e.real = resolve_epilogue(args, epilogue, kQuantizedFixedInputs);
  e.multiplier = args.inputs[2].as<float>();
  e.y_type = args.outputs[0].dtype;
  e.inverse = 1.0f / p.y.scale;
  e.y_zero = p.y.zero_point;
  const TensorView* residual = epilogue_operands(args, epilogue, kQuantizedFixedInputs).residual;
  e.in_registers = residual == nullptr && e.y_type == DType::kU8 && e.real.act == Activation::kNone;
  if (residual == nullptr) return e;
  e.residual_type = residual->dtype;
  e.residual_scale = p.residual.scale;
  e.residual_zero = p.residual.zero_point;
  return e;
}

}  // namespace stint::cpu
