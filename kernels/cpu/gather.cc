// Rows of x picked by an index tensor.
#include <cstring>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/gather.h"

namespace stint::cpu {
namespace {

/// The output's axes in three groups: before the axis, of the indices, after the axis. Operands: x,
/// indices, y.
template <typename T>
void gather(const StepArgs& args) {
  const auto& p = params_of<GatherParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& indices = args.inputs[1];
  const TensorView& y = args.outputs[0];
  StridedLoop<3> loop;
  int out = 0;
  for (int i = 0; i < p.axis; ++i, ++out)
    loop.add_axis(x.shape[i], {x.strides[i], 0, y.strides[out]});
  for (int i = 0; i < indices.rank; ++i, ++out)
    loop.add_axis(indices.shape[i], {0, indices.strides[i], y.strides[out]});
  for (int i = p.axis + 1; i < x.rank; ++i, ++out)
    loop.add_axis(x.shape[i], {x.strides[i], 0, y.strides[out]});
  loop.collapse();
  const int64_t extent = x.shape[p.axis];
  const int64_t step = x.strides[p.axis];
  const bool wide = indices.dtype == DType::kI64;
  const auto position = [&](int64_t at) {
    int64_t i = wide ? indices.as<int64_t>()[at] : indices.as<int32_t>()[at];
    if (i < 0) i += extent;
    return (i < 0 ? 0 : i >= extent ? extent - 1 : i) * step;
  };
  const int64_t x_stride = loop.inner_stride(0);
  const int64_t i_stride = loop.inner_stride(1);
  const int64_t y_stride = loop.inner_stride(2);
  parallel_ranges(
      args.parallel, loop.elements(), 16 * 1024, [&](int64_t begin, int64_t end, uint32_t) {
        loop.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
          const T* from = x.as<T>() + offsets[0];
          T* to = y.as<T>() + offsets[2];
          if (i_stride != 0) {
            for (int64_t i = 0; i < n; ++i)
              to[i * y_stride] = from[i * x_stride + position(offsets[1] + i * i_stride)];
            return;
          }
          from += position(offsets[1]);
          if (x_stride == 1 && y_stride == 1) {
            std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
          } else {
            for (int64_t i = 0; i < n; ++i) to[i * y_stride] = from[i * x_stride];
          }
        });
      });
}

}  // namespace

Status check_gather(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<GatherParams>(args));
  const auto& p = params_of<GatherParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 2, 2, 1));
  const TensorView& x = args.inputs[0];
  const TensorView& indices = args.inputs[1];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.axis, x));
  STINT_RETURN_IF_ERROR(check_dtype(y, x.dtype));
  if (indices.dtype != DType::kI64 && indices.dtype != DType::kI32)
    return corrupt("indices must be i32 or i64", static_cast<int64_t>(indices.dtype),
                   static_cast<int64_t>(DType::kI64));
  if (y.rank != x.rank - 1 + indices.rank)
    return corrupt("output of a gather has the wrong rank", y.rank, x.rank - 1 + indices.rank);
  int out = 0;
  const auto next_is = [&](int64_t extent) { return y.shape[out++] == extent; };
  bool fits = true;
  for (int i = 0; i < p.axis; ++i) fits = next_is(x.shape[i]) && fits;
  for (int i = 0; i < indices.rank; ++i) fits = next_is(indices.shape[i]) && fits;
  for (int i = p.axis + 1; i < x.rank; ++i) fits = next_is(x.shape[i]) && fits;
  if (!fits) return corrupt("output of a gather has the wrong shape", p.axis, y.rank);
  if (x.shape[p.axis] == 0 && y.elements() != 0) return corrupt("gather from an empty axis", 0, 1);
  return ok_status();
}

void run_gather(const StepArgs& args) {
  if (args.outputs[0].elements() == 0) return;
  switch (dtype_bytes(args.outputs[0].dtype)) {
    case 1:
      return gather<uint8_t>(args);
    case 2:
      return gather<uint16_t>(args);
    case 4:
      return gather<uint32_t>(args);
    case 8:
      return gather<uint64_t>(args);
    default:
      return;
  }
}

}  // namespace stint::cpu
