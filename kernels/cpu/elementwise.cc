// One element-wise operation on any element type with numpy broadcasting. f32 networks use the
// pointwise kernel instead, which fuses and vectorises; this one has no holes.
#include "plan_schema/params/elementwise.h"
#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/elementwise_ops.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"

namespace stint::cpu {
namespace {

/// A condition is not a number: only the values it chooses between decide how the step computes.
ComputeType type_of_step(const StepArgs& args, EltOp op) {
  const uint32_t first = op == EltOp::kWhere ? 1 : 0;
  ComputeType type = compute_type(args.inputs[first].dtype);
  for (uint32_t i = first + 1; i < args.input_count; ++i)
    type = common_type(type, compute_type(args.inputs[i].dtype));
  return type;
}

}  // namespace

Status check_elementwise(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<ElementwiseParams>(args));
  const auto& p = params_of<ElementwiseParams>(args);
  const int operands = elt_operands(p.op);
  if (operands == 0)
    return corrupt("unknown element-wise operation", static_cast<int64_t>(p.op), 0);
  STINT_RETURN_IF_ERROR(
      check_operands(args, static_cast<uint32_t>(operands), static_cast<uint32_t>(operands), 1));
  for (uint32_t i = 0; i < args.input_count; ++i)
    STINT_RETURN_IF_ERROR(check_broadcast(args.inputs[i], args.outputs[0]));
  const ComputeType type = type_of_step(args, p.op);
  if (!elt_defined(p.op, type == ComputeType::kFloat || type == ComputeType::kDouble))
    return corrupt("element-wise operation is not defined for this type",
                   static_cast<int64_t>(args.inputs[0].dtype), static_cast<int64_t>(p.op));
  return ok_status();
}

void run_elementwise(const StepArgs& args) {
  const auto& p = params_of<ElementwiseParams>(args);
  const TensorView& y = args.outputs[0];
  if (y.elements() == 0) return;
  const int operands = static_cast<int>(args.input_count);
  StridedLoop<4> loop;
  for (int a = 0; a < y.rank; ++a) {
    int64_t strides[4] = {0, 0, 0, y.strides[a]};
    for (int k = 0; k < operands; ++k) strides[k] = broadcast_stride(args.inputs[k], y.rank, a);
    loop.add_axis(y.shape[a], strides);
  }
  loop.collapse();
  with_type(type_of_step(args, p.op), [&](auto zero) {
    using C = decltype(zero);
    parallel_ranges(
        args.parallel, loop.elements(), 8 * kBlock, [&](int64_t begin, int64_t end, uint32_t) {
          C buffers[3][kBlock];
          C result[kBlock];
          loop.for_range(begin, end, [&](const int64_t* offsets, int64_t run) {
            for (int64_t at = 0; at < run; at += kBlock) {
              const int64_t n = run - at < kBlock ? run - at : kBlock;
              const C* in[3] = {};
              for (int k = 0; k < operands; ++k) {
                const TensorView& x = args.inputs[k];
                const int64_t stride = loop.inner_stride(k);
                in[k] = block_of(x.dtype, x.data, offsets[k] + at * stride, stride, n, buffers[k]);
              }
              apply_elementwise(p, in[0], in[1], in[2], n, result);
              const int64_t stride = loop.inner_stride(3);
              store_block(y.dtype, y.data, offsets[3] + at * stride, stride, n, result);
            }
          });
        });
  });
}

}  // namespace stint::cpu
