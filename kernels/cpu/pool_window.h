// The cells of x that each output pixel of a pooling sees. For every element type.
#pragma once

#include "kernels/cpu/conv_check.h"
#include "plan_schema/params/pool.h"

namespace stint::cpu {

/// A 1-D or 2-D problem with unit axes in front, so that every loop nest has three.
struct PoolShape {
  PoolShape(const StepArgs& args, const PoolParams& params)
      : p(params), x(args.inputs[0]), y(args.outputs[0]) {
    indices = args.output_count > 1 ? &args.outputs[1] : nullptr;
    for (int i = 0; i < kMaxSpatial; ++i) {
      const int axis = i - (kMaxSpatial - p.spatial_rank);
      const bool real = axis >= 0;
      kernel[i] = real ? p.kernel[axis] : 1;
      stride[i] = real ? p.stride[axis] : 1;
      dilation[i] = real ? p.dilation[axis] : 1;
      pad[i] = real ? p.pad_begin[axis] : 0;
      pad_end[i] = real ? p.pad_end[axis] : 0;
      in[i] = real ? x.shape[axis + 1] : 1;
      out[i] = real ? y.shape[axis + 1] : 1;
      in_stride[i] = real ? x.strides[axis + 1] : 0;
      out_stride[i] = real ? y.strides[axis + 1] : 0;
      index_stride[i] = real && indices != nullptr ? indices->strides[axis + 1] : 0;
    }
    channels = y.shape[y.rank - 1];
  }
  const PoolParams& p;
  const TensorView& x;
  const TensorView& y;
  const TensorView* indices;
  int64_t kernel[3], stride[3], dilation[3], pad[3], pad_end[3], in[3], out[3];
  int64_t in_stride[3], out_stride[3], index_stride[3];
  int64_t channels;
};

/// Kernel positions [begin, end) of an output position that lie inside the input.
inline void inside(const PoolShape& s, int axis, int64_t o, int64_t* first, int64_t* begin,
                   int64_t* end) {
  *first = o * s.stride[axis] - s.pad[axis];
  const int64_t d = s.dilation[axis];
  *begin = *first >= 0 ? 0 : (-*first + d - 1) / d;
  const int64_t room = s.in[axis] - *first;  // positions k with k * d < room
  *end = room <= 0 ? 0 : (room + d - 1) / d;
  if (*end > s.kernel[axis]) *end = s.kernel[axis];
  if (*begin > *end) *begin = *end;
}

/// Cells of a window that an average over padding counts: inside the input or the declared padding.
inline int64_t padded_cells(const PoolShape& s, int axis, int64_t first) {
  const int64_t room = s.in[axis] + s.pad_end[axis] - first;
  const int64_t cells = room <= 0 ? 0 : (room + s.dilation[axis] - 1) / s.dilation[axis];
  return cells < s.kernel[axis] ? cells : s.kernel[axis];
}

/// Cells to visit: pointers of the window are base + k0 * step[0] + k1 * step[1] + k2 * step[2].
template <typename T>
struct PoolWindow {
  /// Of an output pixel, counted through batch and spatial axes.
  PoolWindow(const PoolShape& s, int64_t pixel) : n(pixel) {
    int64_t o[3];
    for (int i = 2; i >= 0; --i) {
      o[i] = n % s.out[i];
      n /= s.out[i];
    }
    base = s.x.as<T>() + n * s.x.strides[0];
    y_offset = n * s.y.strides[0];
    for (int i = 0; i < 3; ++i) {
      int64_t end = 0;
      inside(s, i, o[i], &first[i], &begin[i], &end);
      count[i] = end - begin[i];
      step[i] = s.dilation[i] * s.in_stride[i];
      if (count[i] > 0) base += (first[i] + begin[i] * s.dilation[i]) * s.in_stride[i];
      cells *= s.p.count_include_pad ? padded_cells(s, i, first[i]) : count[i];
      y_offset += o[i] * s.out_stride[i];
      if (s.indices != nullptr) index_offset += o[i] * s.index_stride[i];
    }
    if (s.indices != nullptr) index_offset += n * s.indices->strides[0];
  }

  const T* base;
  int64_t count[3], step[3];
  int64_t first[3], begin[3];  // position of the window, and its first kernel position inside
  int64_t n;
  int64_t cells = 1;  // that an average divides by
  int64_t y_offset, index_offset = 0;
};

/// Positions of the shape's y that have windows of their own.
inline int64_t pool_pixels(const PoolShape& s) { return s.y.elements() / s.channels; }

/// Pixels that are worth waking a worker for.
inline int64_t pool_grain(const PoolShape& s) {
  const int64_t work = s.channels * s.kernel[0] * s.kernel[1] * s.kernel[2] / 4;
  return work > 50000 ? 1 : 50000 / (work + 1) + 1;
}

/// Parameters and shapes; not the element types.
inline Status check_pool_shapes(const StepArgs& args, const PoolParams& p) {
  if (p.is_max > 1 || p.count_include_pad > 1 || p.column_major_indices > 1)
    return corrupt("pooling flag is neither 0 nor 1", p.is_max, 1);
  STINT_RETURN_IF_ERROR(check_window(p.spatial_rank, p.kernel, p.stride, p.dilation, p.pad_begin));
  for (int i = 0; i < kMaxSpatial; ++i)
    if (p.pad_end[i] < 0 || p.pad_end[i] > (1 << 24))
      return corrupt("padding is out of range", p.pad_end[i], 1 << 24);
  STINT_RETURN_IF_ERROR(check_activation_shapes(args, p.spatial_rank));
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (x.shape[x.rank - 1] != y.shape[y.rank - 1])
    return corrupt("pooling changes the channels", y.shape[y.rank - 1], x.shape[x.rank - 1]);
  return ok_status();
}

}  // namespace stint::cpu
