// Reshape without a copy.
#pragma once

#include <optional>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Strides under which elements laid out as (`shape`, `strides`) read as `to` in row-major order,
/// with the innermost axis dense; nothing if there are none. Shapes hold at least one element.
std::optional<Shape> reshaped_strides(const Shape& shape, const Shape& strides, const Shape& to);

}  // namespace stint::builder
