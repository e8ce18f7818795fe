#include "core/plan/overlap.h"

#include "core/plan/strided_bytes.h"

namespace stint {
namespace {

uint64_t byte_extent(const fb::Tensor& tensor) {
  TensorExtent extent;
  return measure_tensor(tensor, 0, &extent).ok() ? extent.bytes : 0;
}

StridedBytes bytes_of(const fb::Tensor& tensor) {
  StridedBytes bytes;
  bytes.begin = tensor.offset();
  bytes.element = dtype_bytes(static_cast<DType>(tensor.dtype()));
  bytes.rank = tensor.shape()->size();
  for (uint32_t axis = 0; axis < bytes.rank; ++axis) {
    bytes.shape[axis] = tensor.shape()->Get(axis);
    // Cannot wrap where it counts: measure_tensor bounded the whole extent.
    bytes.strides[axis] =
        bytes.shape[axis] > 1 ? tensor.strides()->Get(axis) * int64_t{bytes.element} : 0;
  }
  return bytes;
}

}  // namespace

bool are_disjoint(const fb::Tensor& a, const fb::Tensor& b) {
  if (a.storage() != b.storage() || a.index() != b.index()) return true;
  return share_no_byte(bytes_of(a), bytes_of(b));
}

bool are_same_region(const fb::Tensor& a, const fb::Tensor& b) {
  if (a.storage() != b.storage() || a.index() != b.index() || a.offset() != b.offset())
    return false;
  if (is_dense(a) && is_dense(b)) return byte_extent(a) == byte_extent(b);
  if (a.dtype() != b.dtype() || a.shape()->size() != b.shape()->size()) return false;
  for (uint32_t axis = 0; axis < a.shape()->size(); ++axis) {
    if (a.shape()->Get(axis) != b.shape()->Get(axis)) return false;
    if (a.shape()->Get(axis) > 1 && a.strides()->Get(axis) != b.strides()->Get(axis)) return false;
  }
  return true;
}

}  // namespace stint
