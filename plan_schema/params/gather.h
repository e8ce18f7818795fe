// y = x with `axis` replaced by the axes of `indices`:
//   y[a.., i.., b..] = x[a.., indices[i..], b..]
// Inputs: x, indices (i32 or i64). Negative indices count from the end; what lies outside is
// clamped.
#pragma once

#include <cstdint>

namespace stint {

struct GatherParams {
  uint8_t axis = 0;
  uint8_t reserved[7] = {};
};

}  // namespace stint
