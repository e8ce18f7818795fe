// Strided copy of any element type: transpose, slice, expand, tile, concatenation, depth/space
// shuffles, reshape.
#include <cstring>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/copy.h"

namespace stint::cpu {
namespace {

constexpr int64_t kGrainBytes = 64 * 1024;  // a range that is worth a thread's wake-up
constexpr int64_t kTile = 16;  // edge of a transposition block: two tiles of f64 fit in L1

/// Bounds of a tensor's index on each axis while the loop nest runs.
struct IndexRange {
  int64_t low[kMaxRank];
  int64_t high[kMaxRank];
};

Status extend(IndexRange* range, int8_t axis, int64_t step, int64_t extent) {
  int64_t reach = 0;
  if (!checked_mul(extent - 1, step, &reach)) return corrupt("copy step overflows", step, extent);
  int64_t* bound = reach < 0 ? &range->low[axis] : &range->high[axis];
  if (!checked_add(*bound, reach, bound)) return corrupt("copy step overflows", step, extent);
  return ok_status();
}

Status check_inside(const IndexRange& range, const TensorView& t) {
  for (int i = 0; i < t.rank; ++i) {
    if (range.low[i] < 0) return corrupt("copy starts before the tensor", range.low[i], 0);
    if (range.high[i] >= t.shape[i])
      return corrupt("copy reaches beyond the tensor", range.high[i], t.shape[i] - 1);
  }
  return ok_status();
}

Status check_mapped(const StepArgs& args, const CopyParams& p) {
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR((check_trailing<CopyParams, CopyAxis>(args, p.axis_count)));
  if (p.axis_count > kMaxCopyAxes)
    return corrupt("copy has too many axes", p.axis_count, kMaxCopyAxes);
  const CopyAxis* axes = trailing_of<CopyParams, CopyAxis>(args);
  int64_t total = 1;
  for (int i = 0; i < p.axis_count; ++i) {
    if (axes[i].extent < 0 || !checked_mul(total, axes[i].extent, &total))
      return corrupt("copy has an impossible extent", axes[i].extent, 0);
    if (axes[i].x_axis < -1 || axes[i].x_axis >= x.rank)
      return corrupt("copy axis is outside the input", axes[i].x_axis, x.rank);
    if (axes[i].y_axis < -1 || axes[i].y_axis >= y.rank)
      return corrupt("copy axis is outside the output", axes[i].y_axis, y.rank);
  }
  if (total != y.elements()) return corrupt("copy does not fill its output", total, y.elements());
  if (total == 0) return ok_status();
  IndexRange in{};
  IndexRange out{};
  for (int i = 0; i < kMaxRank; ++i) {
    in.low[i] = in.high[i] = p.x_start[i];
    out.low[i] = out.high[i] = p.y_start[i];
  }
  for (int i = 0; i < p.axis_count; ++i) {
    if (axes[i].x_axis >= 0)
      STINT_RETURN_IF_ERROR(extend(&in, axes[i].x_axis, axes[i].x_step, axes[i].extent));
    if (axes[i].y_axis >= 0)
      STINT_RETURN_IF_ERROR(extend(&out, axes[i].y_axis, axes[i].y_step, axes[i].extent));
  }
  STINT_RETURN_IF_ERROR(check_inside(in, x));
  return check_inside(out, y);
}

Status check_concat(const StepArgs& args, const CopyParams& p) {
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.concat_axis, y));
  int64_t along = 0;
  for (uint32_t i = 0; i < args.input_count; ++i) {
    const TensorView& x = args.inputs[i];
    if (x.rank != y.rank) return corrupt("parts of a concatenation differ in rank", x.rank, y.rank);
    for (int a = 0; a < y.rank; ++a)
      if (a != p.concat_axis && x.shape[a] != y.shape[a])
        return corrupt("parts of a concatenation differ in shape", x.shape[a], y.shape[a]);
    if (!checked_add(along, x.shape[p.concat_axis], &along))
      return corrupt("concatenation is too large", x.shape[p.concat_axis], 0);
  }
  if (along != y.shape[p.concat_axis])
    return corrupt("parts of a concatenation do not fill it", along, y.shape[p.concat_axis]);
  return ok_status();
}

/// One run along the innermost axis.
template <typename T>
void copy_run(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t n) {
  if (x_stride == 1 && y_stride == 1) {
    if (n * static_cast<int64_t>(sizeof(T)) >= 64) {
      // A hostile plan may copy in place with a shift; that must stay within the tensor, whatever
      // it gives.
      std::memmove(y, x, static_cast<size_t>(n) * sizeof(T));
    } else {
      for (int64_t i = 0; i < n; ++i) y[i] = x[i];
    }
  } else if (x_stride == 0 && y_stride == 1) {
    const T value = *x;
    for (int64_t i = 0; i < n; ++i) y[i] = value;
  } else if (y_stride == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i * x_stride];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i * y_stride] = x[i * x_stride];
  }
}

/// The input's dense axis is not the output's: walks both in square blocks so that each cache line
/// is used whole.
template <typename T>
void copy_transposed(const StepArgs& args, const StridedLoop<2>& loop, int dense_axis, const T* x,
                     T* y) {
  StridedLoop<2> outer;
  const int inner = loop.rank - 1;
  const int64_t rows = loop.shape[dense_axis];
  const int64_t columns = loop.shape[inner];
  const int64_t row_blocks = (rows + kTile - 1) / kTile;
  for (int i = 0; i < inner; ++i) {
    if (i == dense_axis) continue;
    const int64_t strides[2] = {loop.strides[0][i], loop.strides[1][i]};
    outer.add_axis(loop.shape[i], strides);
  }
  const int64_t block_strides[2] = {kTile * loop.strides[0][dense_axis],
                                    kTile * loop.strides[1][dense_axis]};
  outer.add_axis(row_blocks, block_strides);
  const int64_t y_row = loop.strides[1][dense_axis];
  const int64_t x_column = loop.strides[0][inner];
  const int64_t block_bytes = kTile * columns * static_cast<int64_t>(sizeof(T));
  const int64_t grain = 1 + kGrainBytes / (block_bytes + 1);
  parallel_ranges(args.parallel, outer.elements(), grain,
                  [&](int64_t begin, int64_t end, uint32_t) {
                    for (int64_t block = begin; block < end; ++block) {
                      const int64_t first_row = block % row_blocks * kTile;
                      const int64_t row_count = rows - first_row < kTile ? rows - first_row : kTile;
                      outer.for_range(block, block + 1, [&](const int64_t* offsets, int64_t) {
                        const T* from = x + offsets[0];
                        T* to = y + offsets[1];
                        for (int64_t c0 = 0; c0 < columns; c0 += kTile) {
                          const int64_t c1 = c0 + kTile < columns ? c0 + kTile : columns;
                          for (int64_t r = 0; r < row_count; ++r)
                            for (int64_t c = c0; c < c1; ++c)
                              to[r * y_row + c] = from[c * x_column + r];
                        }
                      });
                    }
                  });
}

template <typename T>
void copy_loop(const StepArgs& args, StridedLoop<2> loop, const void* x_data, void* y_data) {
  const T* x = static_cast<const T*>(x_data);
  T* y = static_cast<T*>(y_data);
  const int64_t total = loop.elements();
  if (total == 0) return;
  loop.collapse();
  const int inner = loop.rank - 1;
  if (loop.inner_stride(0) != 1 && loop.inner_stride(0) != 0 && loop.inner_stride(1) == 1) {
    for (int i = 0; i < inner; ++i)
      if (loop.strides[0][i] == 1) return copy_transposed(args, loop, i, x, y);
  }
  const int64_t grain = kGrainBytes / static_cast<int64_t>(sizeof(T));
  parallel_ranges(args.parallel, total, grain, [&](int64_t begin, int64_t end, uint32_t) {
    loop.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
      copy_run(x + offsets[0], loop.inner_stride(0), y + offsets[1], loop.inner_stride(1), n);
    });
  });
}

template <typename T>
void copy_mapped(const StepArgs& args, const CopyParams& p) {
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (y.elements() == 0) return;
  const CopyAxis* axes = trailing_of<CopyParams, CopyAxis>(args);
  StridedLoop<2> loop;
  for (int i = 0; i < p.axis_count; ++i) {
    if (axes[i].extent == 1) continue;  // its steps are never taken, so nothing bounds them
    const int64_t strides[2] = {
        axes[i].x_axis < 0 ? 0 : axes[i].x_step * x.strides[axes[i].x_axis],
        axes[i].y_axis < 0 ? 0 : axes[i].y_step * y.strides[axes[i].y_axis]};
    loop.add_axis(axes[i].extent, strides);
  }
  int64_t x_offset = 0;
  int64_t y_offset = 0;
  for (int i = 0; i < x.rank; ++i) x_offset += p.x_start[i] * x.strides[i];
  for (int i = 0; i < y.rank; ++i) y_offset += p.y_start[i] * y.strides[i];
  copy_loop<T>(args, loop, x.as<T>() + x_offset, y.as<T>() + y_offset);
}

template <typename T>
void copy_concat(const StepArgs& args, const CopyParams& p) {
  const TensorView& y = args.outputs[0];
  T* to = y.as<T>();
  for (uint32_t i = 0; i < args.input_count; ++i) {
    const TensorView& x = args.inputs[i];
    StridedLoop<2> loop;
    for (int a = 0; a < y.rank; ++a) loop.add_axis(x.shape[a], {x.strides[a], y.strides[a]});
    copy_loop<T>(args, loop, x.data, to);
    to += x.shape[p.concat_axis] * y.strides[p.concat_axis];
  }
}

template <typename T>
void copy_reshape(const StepArgs& args) {
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  StridedLoop<1> from;
  StridedLoop<1> to;
  for (int i = 0; i < x.rank; ++i) from.add_axis(x.shape[i], {x.strides[i]});
  for (int i = 0; i < y.rank; ++i) to.add_axis(y.shape[i], {y.strides[i]});
  const int64_t total = to.elements();
  if (total == 0) return;
  from.collapse();
  to.collapse();
  const int64_t grain = kGrainBytes / static_cast<int64_t>(sizeof(T));
  parallel_ranges(args.parallel, total, grain, [&](int64_t begin, int64_t end, uint32_t) {
    int64_t at = begin;
    to.for_range(begin, end, [&](const int64_t* y_offset, int64_t n) {
      T* run = y.as<T>() + y_offset[0];
      from.for_range(at, at + n, [&](const int64_t* x_offset, int64_t m) {
        copy_run(x.as<T>() + x_offset[0], from.inner_stride(0), run, to.inner_stride(0), m);
        run += m * to.inner_stride(0);
      });
      at += n;
    });
  });
}

template <typename T>
void copy_elements(const StepArgs& args) {
  const CopyParams& p = params_of<CopyParams>(args);
  switch (p.mode) {
    case CopyMode::kMapped:
      return copy_mapped<T>(args, p);
    case CopyMode::kConcat:
      return copy_concat<T>(args, p);
    case CopyMode::kReshape:
      return copy_reshape<T>(args);
  }
}

}  // namespace

Status check_copy(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<CopyParams>(args));
  const CopyParams& p = params_of<CopyParams>(args);
  const bool concat = p.mode == CopyMode::kConcat;
  STINT_RETURN_IF_ERROR(check_operands(args, 1, concat ? 0xFFFFFFFFu : 1u, 1));
  for (uint32_t i = 0; i < args.input_count; ++i)
    STINT_RETURN_IF_ERROR(check_dtype(args.inputs[i], args.outputs[0].dtype));
  switch (p.mode) {
    case CopyMode::kMapped:
      return check_mapped(args, p);
    case CopyMode::kConcat:
      return check_concat(args, p);
    case CopyMode::kReshape:
      if (args.inputs[0].elements() != args.outputs[0].elements())
        return corrupt("reshape changes the number of elements", args.inputs[0].elements(),
                       args.outputs[0].elements());
      return ok_status();
  }
  return corrupt("unknown copy mode", static_cast<int64_t>(p.mode), 2);
}

void run_copy(const StepArgs& args) {
  switch (dtype_bytes(args.outputs[0].dtype)) {
    case 1:
      return copy_elements<uint8_t>(args);
    case 2:
      return copy_elements<uint16_t>(args);
    case 4:
      return copy_elements<uint32_t>(args);
    case 8:
      return copy_elements<uint64_t>(args);
    default:
      return;
  }
}

}  // namespace stint::cpu
