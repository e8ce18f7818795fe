// The generic GPU kernels, one function for each of plan_schema/kernel_id.h whose weights are not
// packed: from the step that a CPU family made of a node to CUDA. `step` brings the CPU kernel's
// parameters and operands; the function may add constants, a workspace and state, and fills in
// `launch` and `in_place`.
#pragma once

#include "host_builder/lowering/step_spec.h"
#include "plan_schema/kernel_id.h"

namespace stint::builder {

using GenericKernel = void (*)(Graph& graph, const Node& node, StepSpec& step);

#define STINT_KERNEL(id, number, name, function) \
  void generic_##function(Graph& graph, const Node& node, StepSpec& step);
#define STINT_PACKED_KERNEL(id, number, name, function)
STINT_KERNELS(STINT_KERNEL, STINT_PACKED_KERNEL)
#undef STINT_KERNEL
#undef STINT_PACKED_KERNEL

/// Quantize and Dequantize, which no CPU step specifies.
void generic_quantisation(const Graph& graph, const Node& node, StepSpec& step);

/// Lets the first output overwrite inputs of its shape and element size, for kernels in which the
/// thread that reads an element is the one that writes it, later. Only these inputs are asked
/// about.
void allow_generic_in_place(const Graph& graph, StepSpec& step, size_t first, size_t count);

}  // namespace stint::builder
