// 2-D convolution of any stride, dilation, padding and grouping as an indirect matrix product:
// output pixels are rows, kernel positions are taps (gemm_tile-inl.h). Weights: [groups *
// panels][kh * kw * C/groups][16], panels = ceil(O/groups / 16), zero filled.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include "kernels/cpu/conv_blocking.h"
#include "kernels/cpu/conv_blocks.h"
#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/gemm_block-inl.h"
#include "kernels/cpu/kernel_table.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

void conv_run(const StepArgs& args) {
  const ConvParams& p = params_of<ConvParams>(args);
  ConvProduct<FloatProduct> c(p, args);
  const int64_t taps = kernel_positions(p);
  const int64_t group_in = c.x.shape[3] / p.groups;
  const Epilogue epilogue = resolve_epilogue(args, p.epilogue, 2);
  c.residual = epilogue_operands(args, p.epilogue, 2).residual;
  c.gather = conv_gathers(taps, group_in);
  conv_scratch(taps, group_in, &c.scratch);
  c.panel_stride = taps * group_in * kPanelColumns;
  c.weights = args.inputs[1].as<float>();
  c.epilogue = &epilogue;
  for_each_block(c, args, kTileRows, run_gemm_block);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_conv_packed(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_conv(args));
  const ConvParams& p = params_of<ConvParams>(args);
  if (p.spatial_rank != 2) return corrupt("packed convolution is 2-D", p.spatial_rank, 2);
  const int64_t taps = kernel_positions(p);
  const int64_t group_in = args.inputs[0].shape[3] / p.groups;
  const int64_t group_out = args.outputs[0].shape[3] / p.groups;
  int64_t depth = 0, panels = 0;
  GemmScratch scratch;
  if (!checked_mul(taps, group_in, &depth) || depth > kMaxElements ||
      !checked_mul(panels_for(group_out), int64_t{p.groups}, &panels) ||
      !conv_scratch(taps, group_in, &scratch))
    return corrupt("convolution is too large", taps, group_in);
  STINT_RETURN_IF_ERROR(check_packed(args.inputs[1], panels, depth, kPanelColumns));
  return check_worker_scratch(args, scratch.bytes);
}

void run_conv_packed(const StepArgs& args) { STINT_SIMD(conv_run)(args); }

}  // namespace stint::cpu
#endif
