// Checks that the convolutions share.
#pragma once

#include <initializer_list>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/epilogue.h"
#include "plan_schema/params/conv.h"

namespace stint::cpu {

/// Of kernel, stride, dilation and padding each.
inline constexpr int32_t kMaxKernelExtent = 1 << 16;

/// Ranges of the parameters, so that every index product below fits 64 bits.
inline Status check_window(int spatial_rank, const int32_t* kernel, const int32_t* stride,
                           const int32_t* dilation, const int32_t* pad) {
  if (spatial_rank < 1 || spatial_rank > kMaxSpatial)
    return corrupt("spatial rank is outside 1..3", spatial_rank, kMaxSpatial);
  for (int i = 0; i < kMaxSpatial; ++i) {
    if (kernel[i] < 1 || kernel[i] > kMaxKernelExtent)
      return corrupt("kernel extent is out of range", kernel[i], kMaxKernelExtent);
    if (stride[i] < 1) return corrupt("stride is not positive", stride[i], 1);
    if (dilation[i] < 1) return corrupt("dilation is not positive", dilation[i], 1);
    if (pad[i] < 0 || pad[i] > (1 << 24))
      return corrupt("padding is out of range", pad[i], 1 << 24);
    if (i >= spatial_rank && (kernel[i] != 1 || stride[i] != 1 || dilation[i] != 1 || pad[i] != 0))
      return corrupt("an unused spatial axis has a window", kernel[i], 1);
  }
  return ok_status();
}

/// x and y have spatial_rank + 2 axes, the same batch, dense channels, and moderate extents.
inline Status check_activation_shapes(const StepArgs& args, int spatial_rank) {
  for (const TensorView* t : {&args.inputs[0], &args.outputs[0]}) {
    if (t->rank != spatial_rank + 2)
      return corrupt("activation does not have the spatial axes of the step", t->rank,
                     spatial_rank + 2);
    STINT_RETURN_IF_ERROR(check_inner_dense(*t));
    for (int i = 0; i < t->rank; ++i)
      if (t->shape[i] > (int64_t{1} << 31)) return corrupt("extent is too large", t->shape[i], 1);
  }
  if (args.outputs[0].elements() > (int64_t{1} << 31))
    return corrupt("output has too many elements", args.outputs[0].elements(), int64_t{1} << 31);
  if (args.inputs[0].shape[0] != args.outputs[0].shape[0])
    return corrupt("batch of input and output differ", args.outputs[0].shape[0],
                   args.inputs[0].shape[0]);
  return ok_status();
}

/// The same where both are f32.
inline Status check_activations(const StepArgs& args, int spatial_rank) {
  for (const TensorView* t : {&args.inputs[0], &args.outputs[0]})
    STINT_RETURN_IF_ERROR(check_dtype(*t, DType::kF32));
  return check_activation_shapes(args, spatial_rank);
}

inline int64_t kernel_positions(const ConvParams& p) {
  return int64_t{p.kernel[0]} * p.kernel[1] * p.kernel[2];
}

inline Status check_groups(const StepArgs& args, const ConvParams& p) {
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (p.groups < 1 || x.shape[x.rank - 1] % p.groups != 0 || y.shape[y.rank - 1] % p.groups != 0)
    return corrupt("channels do not divide into groups", x.shape[x.rank - 1], p.groups);
  if (x.shape[x.rank - 1] == 0) return corrupt("input has no channels", 0, 1);
  return ok_status();
}

/// Everything but the weights' packing.
inline Status check_conv(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<ConvParams>(args));
  const ConvParams& p = params_of<ConvParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 2, 4, 1));
  STINT_RETURN_IF_ERROR(check_window(p.spatial_rank, p.kernel, p.stride, p.dilation, p.pad_begin));
  STINT_RETURN_IF_ERROR(check_activations(args, p.spatial_rank));
  STINT_RETURN_IF_ERROR(check_epilogue(args, p.epilogue, 2));
  STINT_RETURN_IF_ERROR(check_dtype(args.inputs[1], DType::kF32));
  return check_groups(args, p);
}

/// A packed constant of exactly this shape, without gaps.
inline Status check_packed(const TensorView& w, int64_t a, int64_t b, int64_t c) {
  if (w.rank != 3 || w.shape[0] != a || w.shape[1] != b || w.shape[2] != c)
    return corrupt("packed weights do not have the size the step needs", w.elements(), a * b * c);
  if (!is_dense(w)) return corrupt("packed weights have gaps", w.strides[0], b * c);
  return ok_status();
}

}  // namespace stint::cpu
