#include "host_builder/schedule/value_extent.h"

#include <algorithm>

#include "host_builder/graph/shape.h"

namespace stint::builder {
namespace {

int64_t view_offset(const Value& value) { return value.view ? value.view->offset : 0; }

// Parts of one axis: the same strides everywhere, and their places differ by a multiple of one
// axis's stride that is at least the extent of the earlier part.
bool are_separate_parts(const Value& low, const Value& high) {
  if (low.shape.size() != high.shape.size()) return false;
  const std::vector<int64_t> strides = strides_of(low);
  if (strides != strides_of(high)) return false;
  const int64_t distance = view_offset(high) - view_offset(low);
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    if (strides[axis] <= 0 || distance % strides[axis] != 0 ||
        distance / strides[axis] < low.shape[axis])
      continue;
    // Both parts must stay inside one period of the next outer axis, or they could meet in the
    // following one.
    int64_t outer = 0;
    for (size_t k = 0; k < strides.size(); ++k) {
      if (k != axis && strides[k] > strides[axis] && (outer == 0 || strides[k] < outer))
        outer = strides[k];
    }
    bool inner_inside = true;
    for (size_t k = 0; k < strides.size(); ++k) {
      const int64_t extent = std::max(low.shape[k], high.shape[k]);
      if (k != axis && strides[k] <= strides[axis] && (extent - 1) * strides[k] >= strides[axis])
        inner_inside = false;
    }
    const int64_t reach = distance / strides[axis] + high.shape[axis];
    if (inner_inside && (outer == 0 || reach * strides[axis] <= outer)) return true;
  }
  return false;
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
  const ByteRange x = extent_of(a), y = extent_of(b);
  if (x.end <= y.begin || y.end <= x.begin) return false;
  if (a.dtype != b.dtype) return true;
  return view_offset(a) <= view_offset(b) ? !are_separate_parts(a, b) : !are_separate_parts(b, a);
}

}  // namespace stint::builder
