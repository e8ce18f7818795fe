#include "core/plan/tensor_extent.h"

#include "core/plan/checked.h"

namespace stint {
namespace {

// Also of an axis of extent 1, which never uses it: kernels may multiply it with small numbers
// without a look.
constexpr int64_t kMaxStride = int64_t{1} << 56;

Status tensor_error(uint32_t index, const char* message, int64_t found, int64_t needed) {
  return {Code::kCorruptPlan, at_tensor(index), message, found, needed};
}

bool is_aligned_vector(const flatbuffers::Vector<int64_t>& v) {
  // The flatbuffers verifier checks where a vector ends, not how its elements are aligned.
  // A scalar's shape is empty, and writers do not align vectors without elements.
  return v.size() == 0 || reinterpret_cast<uintptr_t>(v.Data()) % alignof(int64_t) == 0;
}

}  // namespace

Status measure_tensor(const fb::Tensor& tensor, uint32_t index, TensorExtent* extent) {
  const uint32_t element_bytes = dtype_bytes(static_cast<DType>(tensor.dtype()));
  if (element_bytes == 0)
    return tensor_error(index, "tensor: unknown element type", tensor.dtype(), kDTypeCount - 1);
  const auto& shape = *tensor.shape();
  const auto& strides = *tensor.strides();
  if (shape.size() > kMaxRank)
    return tensor_error(index, "tensor: too many axes", shape.size(), kMaxRank);
  if (strides.size() != shape.size()) {
    return tensor_error(index, "tensor: it needs one stride per axis", strides.size(),
                        shape.size());
  }
  if (!is_aligned_vector(shape) || !is_aligned_vector(strides)) {
    return tensor_error(index, "tensor: its shape or strides are misaligned in the file", 0,
                        alignof(int64_t));
  }
  uint64_t elements = 1;
  uint64_t last = 0;  // element offset of the last element
  bool empty = false;
  for (uint32_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t size = shape.Get(axis);
    const int64_t stride = strides.Get(axis);
    if (size < 0) return tensor_error(index, "tensor: negative extent", size, 0);
    if (stride < 0) return tensor_error(index, "tensor: negative stride", stride, 0);
    if (stride > kMaxStride)
      return tensor_error(index, "tensor: stride too large", stride, kMaxStride);
    if (size == 0) {
      empty = true;
      continue;
    }
    uint64_t reach = 0;
    if (!checked_multiply(elements, size, &elements) ||
        !checked_multiply(size - 1, stride, &reach) || !checked_add(last, reach, &last)) {
      return tensor_error(index, "tensor: its size does not fit in 64 bits", size, stride);
    }
  }
  // Signed 64-bit arithmetic on offsets must be safe in kernels.
  constexpr uint64_t kMaxBytes = uint64_t{1} << 62;
  uint64_t bytes = 0;
  if (!checked_add(last, 1, &bytes) || !checked_multiply(bytes, element_bytes, &bytes) ||
      bytes > kMaxBytes || elements > kMaxBytes) {
    return tensor_error(index, "tensor: its size does not fit in 62 bits",
                        static_cast<int64_t>(elements >> 1), 0);
  }
  extent->elements = empty ? 0 : elements;
  extent->bytes = empty ? 0 : bytes;
  return ok_status();
}

bool is_dense(const fb::Tensor& tensor) {
  int64_t expected = 1;
  for (uint32_t axis = tensor.shape()->size(); axis-- > 0;) {
    const int64_t size = tensor.shape()->Get(axis);
    if (size == 0) return true;
    if (size != 1 && tensor.strides()->Get(axis) != expected) return false;
    expected *= size;
  }
  return true;
}

bool is_injective(const fb::Tensor& tensor) {
  int64_t sizes[kMaxRank];
  int64_t strides[kMaxRank];
  uint32_t axes = 0;
  for (uint32_t axis = 0; axis < tensor.shape()->size(); ++axis) {
    const int64_t size = tensor.shape()->Get(axis);
    if (size == 0) return true;
    if (size == 1) continue;
    const int64_t stride = tensor.strides()->Get(axis);
    uint32_t at = axes++;
    for (; at > 0 && strides[at - 1] > stride; --at) {
      strides[at] = strides[at - 1];
      sizes[at] = sizes[at - 1];
    }
    strides[at] = stride;
    sizes[at] = size;
  }
  int64_t reach =
      0;  // offset of the last element of the axes so far; cannot overflow after measure_tensor
  for (uint32_t axis = 0; axis < axes; ++axis) {
    if (strides[axis] <= reach) return false;
    reach += (sizes[axis] - 1) * strides[axis];
  }
  return true;
}

cpu::TensorView to_view(const fb::Tensor& tensor) {
  cpu::TensorView view;
  view.dtype = static_cast<DType>(tensor.dtype());
  view.rank = static_cast<uint8_t>(tensor.shape()->size());
  for (uint32_t axis = 0; axis < view.rank; ++axis) {
    view.shape[axis] = tensor.shape()->Get(axis);
    view.strides[axis] = tensor.strides()->Get(axis);
  }
  return view;
}

}  // namespace stint
