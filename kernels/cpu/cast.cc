// y = x converted to y's element type; element_blocks.h states the rounding. Also the conversion at
// the borders of a network with 16-bit inputs and outputs.
#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"

namespace stint::cpu {

Status check_cast(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  return check_same_shape(args.inputs[0], args.outputs[0]);
}

void run_cast(const StepArgs& args) {
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (x.elements() == 0) return;
  StridedLoop<2> loop;
  for (int i = 0; i < y.rank; ++i) loop.add_axis(y.shape[i], {x.strides[i], y.strides[i]});
  loop.collapse();
  const int64_t x_stride = loop.inner_stride(0);
  const int64_t y_stride = loop.inner_stride(1);
  with_type(compute_type(x.dtype), [&](auto zero) {
    using C = decltype(zero);
    parallel_ranges(
        args.parallel, loop.elements(), 16 * kBlock, [&](int64_t begin, int64_t end, uint32_t) {
          C buffer[kBlock];
          loop.for_range(begin, end, [&](const int64_t* offsets, int64_t run) {
            for (int64_t at = 0; at < run; at += kBlock) {
              const int64_t n = run - at < kBlock ? run - at : kBlock;
              const C* in =
                  block_of(x.dtype, x.data, offsets[0] + at * x_stride, x_stride, n, buffer);
              store_block(y.dtype, y.data, offsets[1] + at * y_stride, y_stride, n, in);
            }
          });
        });
  });
}

}  // namespace stint::cpu
