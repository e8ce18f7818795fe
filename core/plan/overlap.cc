#include "core/plan/overlap.h"

namespace stint {
namespace {

uint64_t element_bytes(const fb::Tensor& tensor) {
  return dtype_bytes(static_cast<DType>(tensor.dtype()));
}

uint64_t byte_extent(const fb::Tensor& tensor) {
  TensorExtent extent;
  return measure_tensor(tensor, 0, &extent).ok() ? extent.bytes : 0;
}

/// The part [begin, end) of every period that a tensor may touch.
struct Slot {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// False when the tensor does not keep to one slot of each period.
bool slot_in_period(const fb::Tensor& tensor, uint64_t period, Slot* slot) {
  uint64_t reach = element_bytes(tensor);
  for (uint32_t axis = 0; axis < tensor.shape()->size(); ++axis) {
    const auto size = static_cast<uint64_t>(tensor.shape()->Get(axis));
    if (size <= 1) continue;
    // In bytes; cannot wrap: measure_tensor bounded the whole extent.
    const uint64_t stride =
        static_cast<uint64_t>(tensor.strides()->Get(axis)) * element_bytes(tensor);
    if (stride % period == 0) continue;
    reach += (size - 1) * stride;
  }
  slot->begin = tensor.offset() % period;
  slot->end = slot->begin + reach;
  return slot->end <= period;
}

bool interleave(const fb::Tensor& a, const fb::Tensor& b, uint64_t period) {
  Slot slot_a, slot_b;
  return slot_in_period(a, period, &slot_a) && slot_in_period(b, period, &slot_b) &&
         (slot_a.end <= slot_b.begin || slot_b.end <= slot_a.begin);
}

}  // namespace

bool are_disjoint(const fb::Tensor& a, const fb::Tensor& b) {
  if (a.storage() != b.storage() || a.index() != b.index()) return true;
  const uint64_t bytes_a = byte_extent(a);
  const uint64_t bytes_b = byte_extent(b);
  if (bytes_a == 0 || bytes_b == 0) return true;
  if (a.offset() + bytes_a <= b.offset() || b.offset() + bytes_b <= a.offset()) return true;
  for (uint32_t axis = 0; axis < a.strides()->size(); ++axis) {
    const uint64_t period = static_cast<uint64_t>(a.strides()->Get(axis)) * element_bytes(a);
    if (a.shape()->Get(axis) > 1 && period != 0 && interleave(a, b, period)) return true;
  }
  return false;
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
