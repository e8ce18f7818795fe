// What the check() functions of the kernels share. A plan is hostile until check returned OK.
#pragma once

#include <cstdint>

#include "kernels/cpu/kernel.h"
#include "plan_schema/status.h"

namespace stint::cpu {

/// So that byte offsets cannot overflow either.
inline constexpr int64_t kMaxElements = int64_t{1} << 56;

inline bool checked_mul(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_mul_overflow(a, b, result);
}
inline bool checked_add(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_add_overflow(a, b, result);
}

/// The kernel's POD, after check_params said that it is there.
template <typename P>
const P& params_of(const StepArgs& args) {
  return *static_cast<const P*>(args.params);
}

template <typename P>
Status check_params(const StepArgs& args) {
  if (args.params == nullptr || args.params_bytes < sizeof(P))
    return corrupt("parameter block is shorter than the kernel's", args.params_bytes, sizeof(P));
  return ok_status();
}

/// The array of T that follows the POD P.
template <typename P, typename T>
const T* trailing_of(const StepArgs& args) {
  static_assert(sizeof(P) % alignof(T) == 0);
  return reinterpret_cast<const T*>(static_cast<const P*>(args.params) + 1);
}

template <typename P, typename T>
Status check_trailing(const StepArgs& args, int64_t count) {
  const int64_t room = (static_cast<int64_t>(args.params_bytes) - static_cast<int64_t>(sizeof(P))) /
                       static_cast<int64_t>(sizeof(T));
  if (count < 0 || count > room)
    return corrupt("parameter block is shorter than its own count", room, count);
  return ok_status();
}

/// A tensor is sane when its rank and type exist, no product overflows, and no two elements share
/// memory: so the number of elements is bounded by real memory, and no plan can make a loop run for
/// ever.
inline Status check_tensor(const TensorView& t) {
  if (t.rank > kMaxRank) return corrupt("tensor has too many axes", t.rank, kMaxRank);
  if (dtype_bytes(t.dtype) == 0)
    return corrupt("tensor has an unknown element type", static_cast<int64_t>(t.dtype),
                   kDTypeCount);
  int order[kMaxRank];
  int moving = 0;
  int64_t product = 1;
  bool empty = false;
  for (int i = 0; i < t.rank; ++i) {
    if (t.shape[i] < 0) return corrupt("tensor has a negative extent", t.shape[i], 0);
    if (t.shape[i] == 0) {
      empty = true;
    } else if (!checked_mul(product, t.shape[i], &product) || product > kMaxElements) {
      return corrupt("tensor is too large", t.shape[i], kMaxElements);
    }
  }
  if (empty) return ok_status();  // nothing is read or written
  for (int i = 0; i < t.rank; ++i) {
    if (t.strides[i] < 0) return corrupt("tensor has a negative stride", t.strides[i], 0);
    if (t.shape[i] == 1) continue;
    int at = moving++;
    for (; at > 0 && t.strides[order[at - 1]] > t.strides[i]; --at) order[at] = order[at - 1];
    order[at] = i;
  }
  int64_t span = 1;  // elements from the first to the last, over the axes with smaller strides
  for (int k = 0; k < moving; ++k) {
    const int64_t extent = t.shape[order[k]];
    const int64_t stride = t.strides[order[k]];
    if (stride < span) return corrupt("elements of a tensor overlap", stride, span);
    int64_t reach = 0;
    if (!checked_mul(extent - 1, stride, &reach) || !checked_add(span, reach, &span) ||
        span > kMaxElements)
      return corrupt("tensor is too large", extent, kMaxElements);
  }
  return ok_status();
}

/// Operand counts, and every operand sane.
inline Status check_operands(const StepArgs& args, uint32_t min_inputs, uint32_t max_inputs,
                             uint32_t outputs) {
  if (args.input_count < min_inputs || args.input_count > max_inputs)
    return corrupt("wrong number of inputs for the kernel", args.input_count, min_inputs);
  if (args.output_count != outputs)
    return corrupt("wrong number of outputs for the kernel", args.output_count, outputs);
  for (uint32_t i = 0; i < args.input_count; ++i)
    STINT_RETURN_IF_ERROR(check_tensor(args.inputs[i]));
  for (uint32_t i = 0; i < args.output_count; ++i)
    STINT_RETURN_IF_ERROR(check_tensor(args.outputs[i]));
  return ok_status();
}

inline bool same_shape(const TensorView& a, const TensorView& b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; ++i)
    if (a.shape[i] != b.shape[i]) return false;
  return true;
}

inline Status check_same_shape(const TensorView& a, const TensorView& b) {
  if (a.rank != b.rank) return corrupt("tensors differ in rank", a.rank, b.rank);
  for (int i = 0; i < a.rank; ++i)
    if (a.shape[i] != b.shape[i]) return corrupt("tensors differ in shape", a.shape[i], b.shape[i]);
  return ok_status();
}

inline Status check_dtype(const TensorView& t, DType needed) {
  if (t.dtype != needed)
    return corrupt("tensor has the wrong element type for the kernel",
                   static_cast<int64_t>(t.dtype), static_cast<int64_t>(needed));
  return ok_status();
}

inline Status check_axis(int64_t axis, const TensorView& t) {
  if (axis < 0 || axis >= t.rank) return corrupt("axis is outside the tensor", axis, t.rank);
  return ok_status();
}

/// The innermost axis has stride 1 (or at most one element).
inline bool inner_dense(const TensorView& t) {
  return t.rank == 0 || t.shape[t.rank - 1] <= 1 || t.strides[t.rank - 1] == 1;
}

inline Status check_inner_dense(const TensorView& t) {
  if (!inner_dense(t)) return corrupt("the innermost axis must be dense", t.strides[t.rank - 1], 1);
  return ok_status();
}

/// Row-major without gaps.
inline bool is_dense(const TensorView& t) {
  int64_t expected = 1;
  for (int i = t.rank - 1; i >= 0; --i) {
    if (t.shape[i] == 0) return true;
    if (t.shape[i] != 1 && t.strides[i] != expected) return false;
    expected *= t.shape[i];
  }
  return true;
}

/// `t` broadcasts to `to` by numpy's rule.
inline Status check_broadcast(const TensorView& t, const TensorView& to) {
  if (t.rank > to.rank) return corrupt("operand has more axes than the result", t.rank, to.rank);
  const int lead = to.rank - t.rank;
  for (int i = 0; i < t.rank; ++i)
    if (t.shape[i] != to.shape[lead + i] && t.shape[i] != 1)
      return corrupt("operand does not broadcast to the result", t.shape[i], to.shape[lead + i]);
  return ok_status();
}

/// Stride of `t` along axis `axis` of the result it broadcasts to.
inline int64_t broadcast_stride(const TensorView& t, int to_rank, int axis) {
  const int own = axis - (to_rank - t.rank);
  return own < 0 || t.shape[own] == 1 ? 0 : t.strides[own];
}

}  // namespace stint::cpu
