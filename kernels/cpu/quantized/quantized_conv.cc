// 2-D convolution on 8-bit integers: conv.cc with quads for floats (quantized_blocking.h).
#include "kernels/cpu/conv_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/quantized/quantized_blocking.h"
#include "kernels/cpu/quantized/quantized_conv_check.h"

namespace stint::cpu {

Status check_quantized_conv(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_quantized_conv_shapes(args));
  const ConvParams& p = params_of<QuantizedConvParams>(args).conv;
  const int64_t taps = kernel_positions(p);
  const int64_t group_in = args.inputs[0].shape[3] / p.groups;
  const int64_t group_out = args.outputs[0].shape[3] / p.groups;
  GemmScratch scratch;
  int64_t panels = 0;
  if (!quantized_conv_scratch(taps, group_in, &scratch) ||
      !checked_mul(panels_for(group_out), int64_t{p.groups}, &panels))
    return corrupt("quantised convolution is too large", taps, group_in);
  STINT_RETURN_IF_ERROR(
      check_packed(args.inputs[1], panels, quantized_panel_rows(taps * group_in), kQuadRow));
  return check_worker_scratch(args, scratch.bytes);
}

void run_quantized_conv(const StepArgs& args) {
  const QuantizedConvParams& q = params_of<QuantizedConvParams>(args);
  const ConvParams& p = q.conv;
  ConvProduct<QuantizedProduct> c(p, args);
  const int64_t taps = kernel_positions(p);
  const int64_t group_in = c.x.shape[3] / p.groups;
  const QuantizedEpilogue epilogue = resolve_quantized_epilogue(args, q, p.epilogue);
  c.residual = epilogue_operands(args, p.epilogue, kQuantizedFixedInputs).residual;
  c.gather = quantized_conv_gathers(taps, group_in);
  c.outside = static_cast<uint8_t>(q.x.zero_point);
  quantized_conv_scratch(taps, group_in, &c.scratch);
  c.panel_stride = quantized_panel_rows(taps * group_in) * kPanelColumns;
  c.weights = args.inputs[1].as<Quad>();
  c.epilogue = &epilogue;
  const QuantizedTiles tiles = quantized_tiles();
  for_each_block(c, args, tiles.rows, [&](const QuantizedBlock& block) {
    for_each_tile(block, tiles.rows, tiles.panels, tiles.run);
  });
}

}  // namespace stint::cpu
