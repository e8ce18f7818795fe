// ONNX Resize: every axis by its own table of taps, the innermost axis in whole rows where nothing
// happens along it (the channels of an image).
#include <cmath>
#include <cstring>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/resize_tables.h"
#include "kernels/cpu/strided_loop.h"

namespace stint::cpu {
namespace {

/// Source rows that are mixed in one pass over the destination row.
constexpr int kRowsAtOnce = 8;

struct Job {
  const ResizeParams* params;
  TensorView x, y;
  int outer;  // axes but the innermost
  ResizeAxis axes[kMaxRank];
  int64_t row;  // output elements along the innermost axis

  const ResizeAxis& last() const { return axes[outer]; }
};

float to_float(float v) { return v; }
float to_float(uint8_t v) { return v; }
float to_float(int8_t v) { return v; }
float to_float(int32_t v) { return static_cast<float>(v); }

template <typename T>
T from_float(float v, T low, T high) {
  if (!(v == v)) return 0;
  const double r = std::nearbyint(static_cast<double>(v));
  return r < static_cast<double>(low) ? low
                                      : (r > static_cast<double>(high) ? high : static_cast<T>(r));
}
void store(float v, float* to) { *to = v; }
void store(float v, uint8_t* to) { *to = from_float<uint8_t>(v, 0, 255); }
void store(float v, int8_t* to) { *to = from_float<int8_t>(v, -128, 127); }
void store(float v, int32_t* to) { *to = from_float<int32_t>(v, INT32_MIN, INT32_MAX); }

/// A few weighted source rows.
template <typename T>
struct Mix {
  const T* from[kRowsAtOnce];
  float weight[kRowsAtOnce];
  int count = 0;
};

/// sum = (first ? 0 : sum) + mix, along an innermost axis that stays as it is.
template <typename T>
void add_rows(const Mix<T>& m, bool first, int64_t n, float* sum) {
  if (m.count == 4) {  // bilinear: one pass with everything in registers
    const T *a = m.from[0], *b = m.from[1], *c = m.from[2], *d = m.from[3];
    const float wa = m.weight[0], wb = m.weight[1], wc = m.weight[2], wd = m.weight[3];
    for (int64_t i = 0; i < n; ++i) {
      const float v =
          wa * to_float(a[i]) + wb * to_float(b[i]) + wc * to_float(c[i]) + wd * to_float(d[i]);
      sum[i] = first ? v : sum[i] + v;
    }
    return;
  }
  for (int k = 0; k < m.count; ++k) {
    const T* from = m.from[k];
    const float w = m.weight[k];
    if (first && k == 0) {
      for (int64_t i = 0; i < n; ++i) sum[i] = w * to_float(from[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) sum[i] += w * to_float(from[i]);
    }
  }
}

/// The same along an innermost axis that is resampled.
template <typename T>
void add_resampled_rows(const Mix<T>& m, bool first, const ResizeAxis& axis, float* sum) {
  for (int64_t i = 0; i < axis.out; ++i) {
    const int32_t* index = axis.index + i * axis.taps;
    const float* weight = axis.weight + i * axis.taps;
    float v = first ? 0.0f : sum[i];
    if (index[0] >= 0) {
      for (int k = 0; k < m.count; ++k) {
        float along = 0.0f;
        for (int64_t t = 0; t < axis.taps; ++t) along += weight[t] * to_float(m.from[k][index[t]]);
        v += m.weight[k] * along;
      }
    }
    sum[i] = v;
  }
}

/// Positions of the outer axes, most significant first.
void outer_position(const Job& job, int64_t row, int64_t* position) {
  for (int i = job.outer - 1; i >= 0; --i) {
    position[i] = row % job.y.shape[i];
    row /= job.y.shape[i];
  }
}

template <typename T>
void interpolate_row(const Job& job, const int64_t* position, float* sum, T* to) {
  const ResizeAxis& last = job.last();
  // Walks over all combinations of taps of the outer axes.
  int64_t tap[kMaxRank] = {};
  bool outside = false;
  for (int i = 0; i < job.outer; ++i)
    outside =
        outside || (!job.axes[i].identity && job.axes[i].index[position[i] * job.axes[i].taps] < 0);
  Mix<T> mix;
  bool first = true;
  const auto flush = [&] {
    if (last.identity) {
      add_rows(mix, first, job.row, sum);
    } else {
      add_resampled_rows(mix, first, last, sum);
    }
    first = false;
    mix.count = 0;
  };
  while (!outside) {  // NOLINT(bugprone-infinite-loop): left when the taps are counted through
    const T* from = job.x.as<T>();
    float weight = 1.0f;
    for (int i = 0; i < job.outer; ++i) {
      const ResizeAxis& a = job.axes[i];
      const int64_t at = position[i] * a.taps + tap[i];
      from += (a.identity ? position[i] : a.index[at]) * job.x.strides[i];
      if (!a.identity) weight *= a.weight[at];
    }
    if (weight != 0.0f) {
      mix.from[mix.count] = from;
      mix.weight[mix.count++] = weight;
      if (mix.count == kRowsAtOnce) flush();
    }
    int i = job.outer - 1;
    for (; i >= 0; --i) {
      if (++tap[i] < job.axes[i].taps) break;
      tap[i] = 0;
    }
    if (i < 0) break;
  }
  if (mix.count > 0) flush();
  if (first) {  // no tap weighs anything
    for (int64_t i = 0; i < job.row; ++i) sum[i] = 0.0f;
  }
  for (int64_t i = 0; i < job.row; ++i) {
    const bool beyond = outside || (!last.identity && last.index[i * last.taps] < 0);
    store(beyond ? job.params->extrapolation : sum[i], to + i);
  }
}

/// Bits of the extrapolation value in the tensor's type.
template <typename T>
T bits_of_value(float v, DType dtype) {
  T bits = 0;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(&bits, &v, sizeof(bits) < 4 ? sizeof(bits) : 4);
      break;
    case DType::kF64: {
      const double d = v;
      std::memcpy(&bits, &d, sizeof(bits) < 8 ? sizeof(bits) : 8);
      break;
    }
    case DType::kF16:
    case DType::kBF16:
      break;  // 0: 16-bit floats only travel, they are never extrapolated (check_resize)
    default:
      bits = static_cast<T>(static_cast<int64_t>(from_float<int32_t>(v, INT32_MIN, INT32_MAX)));
      break;
  }
  return bits;
}

template <typename T>
void nearest_row(const Job& job, const int64_t* position, T* to) {
  const ResizeAxis& last = job.last();
  const T* from = job.x.as<T>();
  bool outside = false;
  for (int i = 0; i < job.outer; ++i) {
    const ResizeAxis& a = job.axes[i];
    const int64_t index = a.identity ? position[i] : a.index[position[i]];
    outside = outside || index < 0;
    if (!outside) from += index * job.x.strides[i];
  }
  if (!outside && last.identity) {
    std::memcpy(to, from, sizeof(T) * static_cast<size_t>(job.row));
    return;
  }
  const T value = bits_of_value<T>(job.params->extrapolation, job.x.dtype);
  for (int64_t i = 0; i < job.row; ++i) {
    const bool beyond = outside || (!last.identity && last.index[i] < 0);
    to[i] = beyond ? value : from[last.identity ? i : last.index[i]];
  }
}

template <typename T>
T* output_row(const Job& job, const int64_t* position) {
  T* to = job.y.as<T>();
  for (int i = 0; i < job.outer; ++i) to += position[i] * job.y.strides[i];
  return to;
}

template <typename T>
void run_nearest(const Job& job, int64_t begin, int64_t end) {
  int64_t position[kMaxRank] = {};
  for (int64_t r = begin; r < end; ++r) {
    outer_position(job, r, position);
    nearest_row<T>(job, position, output_row<T>(job, position));
  }
}

template <typename T>
void run_interpolated(const Job& job, int64_t begin, int64_t end, float* scratch) {
  int64_t position[kMaxRank] = {};
  for (int64_t r = begin; r < end; ++r) {
    outer_position(job, r, position);
    T* to = output_row<T>(job, position);
    float* sum = scratch;
    if constexpr (sizeof(T) == 4) {
      if (job.x.dtype == DType::kF32) sum = reinterpret_cast<float*>(to);
    }
    interpolate_row<T>(job, position, sum, to);
  }
}

void run_range(const Job& job, int64_t begin, int64_t end, float* scratch) {
  if (job.params->mode == ResizeMode::kNearest) {
    switch (dtype_bytes(job.x.dtype)) {
      case 1:
        return run_nearest<uint8_t>(job, begin, end);
      case 2:
        return run_nearest<uint16_t>(job, begin, end);
      case 4:
        return run_nearest<uint32_t>(job, begin, end);
      default:
        return run_nearest<uint64_t>(job, begin, end);
    }
  }
  switch (job.x.dtype) {
    case DType::kF32:
      return run_interpolated<float>(job, begin, end, scratch);
    case DType::kU8:
      return run_interpolated<uint8_t>(job, begin, end, scratch);
    case DType::kI8:
      return run_interpolated<int8_t>(job, begin, end, scratch);
    default:
      return run_interpolated<int32_t>(job, begin, end, scratch);
  }
}

Status check_modes(const ResizeParams& p, int rank) {
  if (p.mode > ResizeMode::kCubic)
    return corrupt("unknown resize mode", static_cast<int64_t>(p.mode));
  if (p.coordinate > CoordinateMode::kTfHalfPixelForNn)
    return corrupt("unknown coordinate mode", static_cast<int64_t>(p.coordinate));
  if (p.nearest > NearestMode::kCeil)
    return corrupt("unknown nearest mode", static_cast<int64_t>(p.nearest));
  if (!std::isfinite(p.cubic_a) || !std::isfinite(p.extrapolation))
    return corrupt("parameters of a resize must be finite");
  for (int i = 0; i < rank; ++i) {
    if (!std::isfinite(p.scales[i]) || !(p.scales[i] > 0.0f))
      return corrupt("scale of a resize must be positive", i);
    if (!std::isfinite(p.roi_start[i]) || !std::isfinite(p.roi_end[i]))
      return corrupt("region of a resize must be finite", i);
  }
  return ok_status();
}

}  // namespace

Status check_resize(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<ResizeParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  const auto& p = params_of<ResizeParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_modes(p, x.rank));
  STINT_RETURN_IF_ERROR(check_dtype(y, x.dtype));
  if (x.rank < 1 || x.rank != y.rank)
    return corrupt("resize needs operands of the same rank, at least 1", x.rank, y.rank);
  const bool interpolates = p.mode != ResizeMode::kNearest;
  if (interpolates && x.dtype != DType::kF32 && x.dtype != DType::kU8 && x.dtype != DType::kI8 &&
      x.dtype != DType::kI32)
    return corrupt("resize cannot interpolate this element type", static_cast<int64_t>(x.dtype));
  if (p.coordinate == CoordinateMode::kTfCropAndResize && dtype_bytes(x.dtype) == 2)
    return corrupt("resize cannot extrapolate this element type", static_cast<int64_t>(x.dtype));
  STINT_RETURN_IF_ERROR(check_inner_dense(x));
  STINT_RETURN_IF_ERROR(check_inner_dense(y));
  if (y.elements() == 0) return ok_status();
  for (int i = 0; i < x.rank; ++i) {
    if (x.shape[i] < 1) return corrupt("an empty axis cannot be resized", i);
    if (x.shape[i] > INT32_MAX || y.shape[i] > INT32_MAX)
      return corrupt("axis of a resize is too long", i, INT32_MAX);
    if (describe_axis(p, i, x.shape[i], y.shape[i]).taps < 0)
      return corrupt("scale of a resize contradicts its shapes", i);
  }
  const uint64_t workspace = resize_workspace_bytes(p, x.rank, x.shape, y.shape);
  if (args.workspace_bytes < workspace)
    return corrupt("workspace of a resize is too small", static_cast<int64_t>(args.workspace_bytes),
                   static_cast<int64_t>(workspace));
  const uint64_t scratch = interpolates && x.dtype != DType::kF32
                               ? sizeof(float) * static_cast<uint64_t>(y.shape[y.rank - 1])
                               : 0;
  if (args.worker_scratch_bytes < scratch)
    return corrupt("scratch of a resize is too small",
                   static_cast<int64_t>(args.worker_scratch_bytes), static_cast<int64_t>(scratch));
  return ok_status();
}

void run_resize(const StepArgs& args) {
  Job job;
  job.params = &params_of<ResizeParams>(args);
  job.x = args.inputs[0];
  job.y = args.outputs[0];
  if (job.y.elements() == 0) return;
  job.outer = job.x.rank - 1;
  job.row = job.y.shape[job.outer];
  std::byte* workspace = args.workspace;
  for (int i = 0; i < job.x.rank; ++i) {
    ResizeAxis& a = job.axes[i];
    a = describe_axis(*job.params, i, job.x.shape[i], job.y.shape[i]);
    if (a.identity) continue;
    const uint64_t bytes = table_bytes(a.out, a.taps);
    a.index = reinterpret_cast<int32_t*>(workspace);
    a.weight = reinterpret_cast<float*>(workspace + bytes / 2);
    workspace += bytes;
    fill_axis(*job.params, i, a);
  }
  int64_t rows = 1;
  for (int i = 0; i < job.outer; ++i) rows *= job.y.shape[i];
  // About 16 KiB of output per range at least.
  const int64_t grain = 1 + 4096 / (job.row + 1);
  parallel_ranges(args.parallel, rows, grain, [&](int64_t begin, int64_t end, uint32_t worker) {
    run_range(job, begin, end,
              reinterpret_cast<float*>(args.worker_scratch + worker * args.worker_scratch_bytes));
  });
}

}  // namespace stint::cpu
