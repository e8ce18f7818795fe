// ONNX model -> graph.
#pragma once

#include "host_builder/import/format.h"

namespace stint::builder {

/// Functions of the model are inlined. If takes the branch that its condition chooses, Loop and
/// Scan are unrolled; conditions and numbers of iterations must be known at build time (constants,
/// arithmetic of shapes). Nodes may stand in any order.
///
/// NonMaxSuppression has a data-dependent number of rows in ONNX; here it has the static bound
/// batches * classes * min(max_output_boxes_per_class, boxes), and rows that are not used hold -1.
/// In outputs computed from its rows, unused ones hold 0 (integers: -1); models that mix the rows
/// are refused.
///
/// External tensor data is looked up beside the model (find_external says by which rules); for a
/// model that came from memory it is refused.
extern const Format kOnnxFormat;

}  // namespace stint::builder
