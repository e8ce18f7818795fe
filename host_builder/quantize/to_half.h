// FP16 plans: which values are stored as 16-bit floats.
#pragma once

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Gives intermediate f32 values of a physical graph the type f16. Kernels still compute in f32 and
/// round when they store. These keep f32: constants (kernel families pack weights as they need
/// them), inputs and outputs of the graph and what shares their memory, and everything between the
/// last convolution or matrix product and an output, so that results are rounded once. Returns how
/// many values changed.
size_t to_half(Graph& graph);

}  // namespace stint::builder
