#include "host_builder/graph/views.h"

#include "core/plan/strided_bytes.h"
#include "host_builder/graph/shape.h"

namespace stint::builder {
namespace {

int64_t view_offset(const Value& value) { return value.view ? value.view->offset : 0; }

StridedBytes bytes_of(const Value& value) {
  StridedBytes bytes;
  const auto element = static_cast<int64_t>(dtype_bytes(value.dtype));
  bytes.begin = extent_of(value).begin;
  bytes.element = static_cast<uint32_t>(element);
  const std::vector<int64_t> strides = strides_of(value);
  for (size_t axis = 0; axis < strides.size(); ++axis, ++bytes.rank) {
    bytes.shape[axis] = value.shape[axis];
    bytes.strides[axis] = strides[axis] * element;
  }
  return bytes;
}

}  // namespace

bool is_whole_storage(const Graph& graph, ValueId id) {
  if (graph.value(id).view || graph.is_output(id)) return false;
  for (ValueId other = 0; other < graph.value_count(); ++other)
    if (graph.value(other).view && graph.value(other).view->base == id) return false;
  return true;
}

std::vector<int64_t> strides_of(const Value& value) {
  return value.strides.empty() ? dense_strides(value.shape) : value.strides;
}

bool is_dense(const Value& value) {
  if (value.strides.empty()) return true;
  const std::vector<int64_t> dense = dense_strides(value.shape);
  for (size_t axis = 0; axis < dense.size(); ++axis) {
    if (value.shape[axis] > 1 && value.strides[axis] != dense[axis]) return false;
  }
  return true;
}

ByteRange extent_of(const Value& value) {
  const auto element = static_cast<uint64_t>(dtype_bytes(value.dtype));
  const auto begin = static_cast<uint64_t>(view_offset(value)) * element;
  if (value.elements() == 0) return {begin, begin};
  const std::vector<int64_t> strides = strides_of(value);
  uint64_t last = 0;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    last += static_cast<uint64_t>(value.shape[axis] - 1) * static_cast<uint64_t>(strides[axis]);
  }
  return {begin, begin + (last + 1) * element};
}

bool may_overlap(const Value& a, const Value& b) {
  return !share_no_byte(bytes_of(a), bytes_of(b));
}

}  // namespace stint::builder
