// Masks, keypoints and rotated boxes of detections.
#include "plan_schema/params/detection_details.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op != Op::kDetectionMasks && node.op != Op::kDetectionKeypoints &&
      node.op != Op::kRotatedBoxes)
    return false;
  return graph.value(node.inputs.at(0)).dtype == DType::kF32;
}

StepSpec lower(Graph& graph, const Node& node) {
  const auto& a = node.as<DetectionDetailAttributes>();
  DetectionDetailParams p;
  p.fit = a.fit;
  p.transposed = a.transposed;
  p.center_boxes = a.center_boxes;
  p.normalized_boxes = a.normalized_boxes;
  p.first_column = static_cast<int32_t>(a.first_column);
  p.point_values = static_cast<int32_t>(a.point_values);
  p.input_width = static_cast<int32_t>(a.input_width);
  p.input_height = static_cast<int32_t>(a.input_height);
  p.threshold = a.threshold;
  const bool masks = node.op == Op::kDetectionMasks;
  StepSpec step = masks ? step_for(node, KernelId::kDetectionMasks, "masks of detections")
                  : node.op == Op::kDetectionKeypoints
                      ? step_for(node, KernelId::kDetectionKeypoints, "keypoints of detections")
                      : step_for(node, KernelId::kRotatedBoxes, "rotated boxes");
  step.params = to_bytes(p);
  if (!masks) step.image_binding = static_cast<int>(a.image);
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kDetectionDetailFamily =
    one_way<can_implement, lower, memory_bound_us>("detection_details");

}  // namespace stint::builder
