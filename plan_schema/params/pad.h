// y = x moved by `begin` on every axis (negative: cut); what lies outside x follows from the mode.
// Ends follow from y's shape.
#pragma once

#include <cstdint>

#include "plan_schema/types.h"

namespace stint {

enum class PadFill : uint8_t { kConstant = 0, kReflect = 1, kEdge = 2, kWrap = 3 };

struct PadParams {
  PadFill fill = PadFill::kConstant;
  uint8_t reserved[7] = {};
  uint64_t value = 0;  // kConstant: the element's bytes, in the lowest bytes
  int64_t begin[kMaxRank] = {};
};

}  // namespace stint
