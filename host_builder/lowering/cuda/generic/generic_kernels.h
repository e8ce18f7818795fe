// The generic GPU kernels, one function a KernelId: from the step that a CPU family made of a node
// to CUDA. `step` brings the CPU kernel's parameters and operands; the function may add constants,
// a workspace and state, and fills in `launch` and `in_place`.
#pragma once

#include "host_builder/lowering/step_spec.h"

namespace stint::builder {

using GenericKernel = void (*)(Graph& graph, const Node& node, StepSpec& step);

// generic_map.cc
void generic_pointwise(Graph& graph, const Node& node, StepSpec& step);
void generic_elementwise(Graph& graph, const Node& node, StepSpec& step);
void generic_cast(Graph& graph, const Node& node, StepSpec& step);
/// Quantize and Dequantize, which no CPU step specifies.
void generic_quantisation(const Graph& graph, const Node& node, StepSpec& step);

// generic_copy.cc
void generic_copy(Graph& graph, const Node& node, StepSpec& step);

// generic_move.cc
void generic_pad(Graph& graph, const Node& node, StepSpec& step);
void generic_gather(Graph& graph, const Node& node, StepSpec& step);
void generic_resize(Graph& graph, const Node& node, StepSpec& step);

// generic_lines.cc
void generic_reduce(Graph& graph, const Node& node, StepSpec& step);
void generic_arg_reduce(Graph& graph, const Node& node, StepSpec& step);
void generic_top_k(Graph& graph, const Node& node, StepSpec& step);
void generic_argmax_mask(Graph& graph, const Node& node, StepSpec& step);

// generic_norm.cc
void generic_softmax(Graph& graph, const Node& node, StepSpec& step);
void generic_instance_norm(Graph& graph, const Node& node, StepSpec& step);
void generic_layer_norm(Graph& graph, const Node& node, StepSpec& step);
void generic_lrn(Graph& graph, const Node& node, StepSpec& step);

// generic_conv.cc: direct and transposed
void generic_conv(Graph& graph, const Node& node, StepSpec& step);
void generic_pool(Graph& graph, const Node& node, StepSpec& step);
// generic_matmul.cc
void generic_matmul(Graph& graph, const Node& node, StepSpec& step);

// generic_frames.cc
void generic_preprocess(Graph& graph, const Node& node, StepSpec& step);
void generic_top_classes(Graph& graph, const Node& node, StepSpec& step);
// generic_detect.cc
void generic_nms(Graph& graph, const Node& node, StepSpec& step);
void generic_decode(Graph& graph, const Node& node, StepSpec& step);
// generic_details.cc
void generic_detection_masks(Graph& graph, const Node& node, StepSpec& step);
void generic_detection_keypoints(Graph& graph, const Node& node, StepSpec& step);
void generic_rotated_boxes(Graph& graph, const Node& node, StepSpec& step);

/// Lets the first output overwrite inputs of its shape and element size, for kernels in which the
/// thread that reads an element is the one that writes it, later. Only these inputs are asked
/// about.
void allow_generic_in_place(const Graph& graph, StepSpec& step, size_t first, size_t count);

}  // namespace stint::builder
