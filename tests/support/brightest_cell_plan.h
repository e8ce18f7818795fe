// The smallest plan that takes frames and gives detections: which of 4x4 cells of the frame are
// bright.
#pragma once

#include <string>
#include <vector>

#include "tests/support/plan_spec.h"

namespace stint::test {

inline constexpr uint32_t kCellsPerSide = 4;
inline constexpr uint32_t kCells = kCellsPerSide * kCellsPerSide;
inline constexpr uint32_t kMaxBrightCells = 4;

/// Stretches the frame, or its crop, to 4x4 grey pixels in 0..1 and reports up to four cells of at
/// least 0.5, brightest first: class = cell (row-major), score = brightness, box = the whole frame,
/// or the crop. Labels: prefix + cell.
PlanSpec brightest_cell_plan(const std::vector<uint32_t>& batches = {1, 2, 4},
                             const std::string& label_prefix = "cell-");

}  // namespace stint::test
