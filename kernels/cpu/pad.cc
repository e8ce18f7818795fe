// Padding with a constant, the mirrored or repeated edge, or the other end; negative amounts cut.
#include <cstring>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/pad.h"

namespace stint::cpu {
namespace {

constexpr int64_t kOutside = -1;

/// Index in x of index `i - begin`, or kOutside.
int64_t source_index(PadFill fill, int64_t i, int64_t extent) {
  if (i >= 0 && i < extent) return i;
  switch (fill) {
    case PadFill::kConstant:
      return kOutside;
    case PadFill::kEdge:
      return i < 0 ? 0 : extent - 1;
    case PadFill::kWrap:
      return (i % extent + extent) % extent;
    case PadFill::kReflect: {
      if (extent == 1) return 0;
      const int64_t period = 2 * (extent - 1);
      const int64_t at = (i % period + period) % period;
      return at < extent ? at : period - at;
    }
  }
  return kOutside;
}

/// The axes fall into three groups: those before the last padded axis, that axis, and a unit that
/// is copied as it is.
template <typename T>
class Padding {
 public:
  explicit Padding(const StepArgs& args)
      : x_(args.inputs[0]), y_(args.outputs[0]), p_(params_of<PadParams>(args)) {
    std::memcpy(&value_, &p_.value, sizeof(T));
    for (int i = 0; i < y_.rank; ++i)
      if (p_.begin[i] != 0 || x_.shape[i] != y_.shape[i]) axis_ = i;
    for (int i = axis_ + 1; i < y_.rank; ++i)
      unit_.add_axis(y_.shape[i], {x_.strides[i], y_.strides[i]});
    unit_.collapse();
    unit_elements_ = unit_.elements();
    unit_dense_ = unit_.rank == 1 && unit_.inner_stride(0) == 1 && unit_.inner_stride(1) == 1;
  }

  void run(const Parallel& parallel) const {
    int64_t rows = 1;
    for (int i = 0; i < axis_; ++i) rows *= y_.shape[i];
    const int64_t row_elements = y_.rank == 0 ? 1 : y_.shape[axis_] * unit_elements_;
    parallel_ranges(parallel, rows, 1 + 16 * 1024 / (row_elements + 1),
                    [&](int64_t begin, int64_t end, uint32_t) {
                      for (int64_t row = begin; row < end; ++row) pad_row(row);
                    });
  }

 private:
  void pad_row(int64_t row) const {
    const T* from = x_.as<T>();
    T* to = y_.as<T>();
    bool outside = false;
    for (int i = axis_ - 1; i >= 0; --i) {
      const int64_t c = row % y_.shape[i];
      row /= y_.shape[i];
      const int64_t source = source_index(p_.fill, c - p_.begin[i], x_.shape[i]);
      outside = outside || source == kOutside;
      to += c * y_.strides[i];
      if (!outside) from += source * x_.strides[i];
    }
    if (y_.rank == 0) {
      *to = *from;
      return;
    }
    const int64_t length = y_.shape[axis_];
    const int64_t extent = x_.shape[axis_];
    const int64_t begin = p_.begin[axis_];
    for (int64_t i = 0; i < length;) {
      const int64_t source = outside ? kOutside : source_index(p_.fill, i - begin, extent);
      int64_t run = 1;
      if (source != kOutside && i - begin >= 0 && i - begin < extent) {
        run = extent - (i - begin);
      } else if (source == kOutside) {
        run = !outside && i < begin ? begin - i : length - i;
      }
      if (run > length - i) run = length - i;
      T* at = to + i * y_.strides[axis_];
      if (source == kOutside) {
        fill_units(at, run);
      } else {
        copy_units(from + source * x_.strides[axis_], at, run);
      }
      i += run;
    }
  }

  void copy_units(const T* from, T* to, int64_t count) const {
    const int64_t x_step = x_.strides[axis_];
    const int64_t y_step = y_.strides[axis_];
    if (unit_dense_ && (count == 1 || (x_step == unit_elements_ && y_step == unit_elements_))) {
      std::memcpy(to, from, static_cast<size_t>(count * unit_elements_) * sizeof(T));
      return;
    }
    for (int64_t i = 0; i < count; ++i)
      unit_.for_range(0, unit_elements_, [&](const int64_t* offsets, int64_t n) {
        const T* a = from + i * x_step + offsets[0];
        T* b = to + i * y_step + offsets[1];
        for (int64_t k = 0; k < n; ++k) b[k * unit_.inner_stride(1)] = a[k * unit_.inner_stride(0)];
      });
  }

  void fill_units(T* to, int64_t count) const {
    for (int64_t i = 0; i < count; ++i)
      unit_.for_range(0, unit_elements_, [&](const int64_t* offsets, int64_t n) {
        T* b = to + i * y_.strides[axis_] + offsets[1];
        for (int64_t k = 0; k < n; ++k) b[k * unit_.inner_stride(1)] = value_;
      });
  }

  const TensorView& x_;
  const TensorView& y_;
  const PadParams& p_;
  T value_{};
  int axis_ = 0;
  StridedLoop<2> unit_;
  int64_t unit_elements_ = 1;
  bool unit_dense_ = false;
};

}  // namespace

Status check_pad(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<PadParams>(args));
  const auto& p = params_of<PadParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (p.fill > PadFill::kWrap)
    return corrupt("unknown padding mode", static_cast<int64_t>(p.fill), 0);
  STINT_RETURN_IF_ERROR(check_dtype(y, x.dtype));
  if (x.rank != y.rank) return corrupt("padding changes the rank", x.rank, y.rank);
  for (int i = 0; i < x.rank; ++i) {
    if (p.begin[i] > kMaxElements || p.begin[i] < -kMaxElements)
      return corrupt("padding is too large", p.begin[i], kMaxElements);
    if (p.fill != PadFill::kConstant && x.shape[i] == 0 && y.shape[i] != 0)
      return corrupt("padding has nothing to repeat", 0, 1);
  }
  return ok_status();
}

void run_pad(const StepArgs& args) {
  if (args.outputs[0].elements() == 0) return;
  switch (dtype_bytes(args.outputs[0].dtype)) {
    case 1:
      return Padding<uint8_t>(args).run(args.parallel);
    case 2:
      return Padding<uint16_t>(args).run(args.parallel);
    case 4:
      return Padding<uint32_t>(args).run(args.parallel);
    case 8:
      return Padding<uint64_t>(args).run(args.parallel);
    default:
      return;
  }
}

}  // namespace stint::cpu
