// Checks that the convolutions on 8-bit integers share.
#pragma once

#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/quantized/quantized_epilogue.h"

namespace stint::cpu {

/// Everything but the weights' packing, of a 2-D convolution.
inline Status check_quantized_conv_shapes(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<QuantizedConvParams>(args));
  const QuantizedConvParams& q = params_of<QuantizedConvParams>(args);
  const ConvParams& p = q.conv;
  STINT_RETURN_IF_ERROR(check_operands(args, 4, kQuantizedMostInputs, 1));
  STINT_RETURN_IF_ERROR(check_window(p.spatial_rank, p.kernel, p.stride, p.dilation, p.pad_begin));
  if (p.spatial_rank != 2) return corrupt("quantised convolution is 2-D", p.spatial_rank, 2);
  STINT_RETURN_IF_ERROR(check_activation_shapes(args, p.spatial_rank));
  STINT_RETURN_IF_ERROR(check_quantized_operands(args, q, p.epilogue));
  return check_groups(args, p);
}

}  // namespace stint::cpu
