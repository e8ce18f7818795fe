// ONNX NonMaxSuppression.
#include "plan_schema/params/nms.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  return node.op == Op::kNonMaxSuppression && graph.value(node.inputs.at(0)).dtype == DType::kF32 &&
         graph.value(node.inputs.at(1)).dtype == DType::kF32;
}

StepSpec lower(Graph& graph, const Node& node) {
  const auto& a = node.as<NmsAttributes>();
  NmsParams p;
  p.max_output_per_class = a.max_output_per_class;
  p.iou_threshold = a.iou_threshold;
  p.score_threshold = a.score_threshold;
  p.has_score_threshold = a.has_score_threshold;
  p.center_point_box = a.center_point_box;
  StepSpec step = step_for(node, KernelId::kNms, "non-max suppression");
  step.inputs.resize(2);
  step.params = to_bytes(p);
  step.worker_scratch_bytes =
      nms_scratch_bytes(static_cast<uint64_t>(graph.value(node.inputs[0]).shape.at(1)));
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kNmsFamily = one_way<can_implement, lower, memory_bound_us>("nms");

}  // namespace stint::builder
