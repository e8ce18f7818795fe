// Weights in the order the blocked products read them: panels of 16 output channels,
// [groups][panels][depth][16], zero filled.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/gemm_blocking.h"

namespace stint::builder {

/// `at(group, column, k)` is the weight of output `column` of the group and term `k` of its dot
/// product.
template <typename At>
std::vector<float> pack_panels(int64_t groups, int64_t columns, int64_t depth, At&& at) {
  const int64_t panels = cpu::panels_for(columns);
  std::vector<float> packed(static_cast<size_t>(groups * panels * depth * cpu::kPanelColumns));
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t panel = g * panels + c / cpu::kPanelColumns;
      for (int64_t k = 0; k < depth; ++k)
        packed[static_cast<size_t>((panel * depth + k) * cpu::kPanelColumns +
                                   c % cpu::kPanelColumns)] = at(g, c, k);
    }
  return packed;
}

}  // namespace stint::builder
