// The parts of the weights segments that the programs of a GPU target read: what goes to the
// device.
#pragma once

#include "core/plan/limits.h"
#include "plan_schema/plan_generated.h"
#include "plan_schema/status.h"

namespace stint {

struct WeightRange {
  uint32_t segment = 0;
  uint64_t begin = 0;  // bytes in the segment, a multiple of kSegmentAlignment
  uint64_t end = 0;
};

struct WeightRanges {
  WeightRange items[kMaxWeightSegments];
  uint32_t count = 0;

  const WeightRange* find(uint32_t segment) const {
    for (uint32_t i = 0; i < count; ++i) {
      if (items[i].segment == segment) return &items[i];
    }
    return nullptr;
  }
};

/// Of every tensor that a launch of any program refers to. The launches and tensors were checked;
/// fails only when the weights lie in more than kMaxWeightSegments segments.
Status collect_weight_ranges(const fb::TargetVariant& variant, WeightRanges* ranges);

}  // namespace stint
