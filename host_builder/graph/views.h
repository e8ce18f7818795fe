// Where a value's elements lie inside the storage of its alias class.
#pragma once

#include <cstdint>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// The value whose storage it is: itself, or the base of its view.
inline ValueId root_of(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return value.view ? value.view->base : id;
}

/// True if nothing else lives in the value's storage and the network's caller does not see it.
bool is_whole_storage(const Graph& graph, ValueId id);

/// The value's strides, made explicit.
std::vector<int64_t> strides_of(const Value& value);

bool is_dense(const Value& value);

struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// Bytes from the first element to the end of the last, counted from the storage's first byte.
ByteRange extent_of(const Value& value);

/// Whether two values of one storage may share an element, as exactly as the runtime sees it
/// (core/plan/strided_bytes.h).
bool may_overlap(const Value& a, const Value& b);

}  // namespace stint::builder
