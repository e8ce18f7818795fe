// Prior boxes that follow from a network's strides, for models that leave them to the application.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stint::builder {

/// Square priors (cx, cy, w, h, normalised to the input), level after level, row-major over each
/// grid, `counts[level]` sizes (network pixels) per cell. One stride and one count per level.
std::vector<float> square_priors(int64_t width, int64_t height, const std::vector<float>& strides,
                                 const std::vector<float>& sizes,
                                 const std::vector<size_t>& counts);

}  // namespace stint::builder
