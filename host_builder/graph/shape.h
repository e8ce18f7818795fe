// Arithmetic on static shapes. Extents may come from hostile files, so products are checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Largest number of elements a value may have. Far beyond any device, far below overflow of byte
/// counts.
inline constexpr int64_t kMaxElements = int64_t{1} << 40;

/// "[1,3,224,224]"; "[]" for a scalar.
std::string shape_text(const Shape& shape);

/// Product of the extents; nothing if an extent is negative or the product exceeds kMaxElements.
std::optional<int64_t> checked_elements(const Shape& shape);

/// numpy broadcasting of two shapes. Throws BuildError if they do not fit together.
Shape broadcast_shapes(const Shape& a, const Shape& b);

/// Axis in [0, rank) from an ONNX-style axis in [-rank, rank). Throws BuildError naming `what`.
int64_t normalize_axis(int64_t axis, size_t rank, const char* what);

/// The same of an axis that is known to be valid.
inline size_t from_front(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

/// Dense row-major strides in elements.
Shape dense_strides(const Shape& shape);

}  // namespace stint::builder
