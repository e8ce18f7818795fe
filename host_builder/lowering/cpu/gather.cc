#include "plan_schema/params/gather.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph&, const Node& node) { return node.op == Op::kGather; }

/// Known indices are checked here, where the user can still do something about them.
void check_constant_indices(const Graph& graph, const Node& node, int64_t axis) {
  const Value& indices = graph.value(node.inputs.at(1));
  const int64_t extent = graph.value(node.inputs.at(0)).shape.at(static_cast<size_t>(axis));
  if (!indices.is_constant()) return;
  for (int64_t i = 0; i < indices.elements(); ++i) {
    int64_t index = 0;
    if (indices.dtype == DType::kI64) {
      std::memcpy(&index, indices.constant->data() + i * 8, 8);
    } else {
      int32_t narrow = 0;
      std::memcpy(&narrow, indices.constant->data() + i * 4, 4);
      index = narrow;
    }
    if (index < -extent || index >= extent)
      throw BuildError("node '" + node.name + "' (Gather): index " + std::to_string(index) +
                       " is outside an axis of extent " + std::to_string(extent));
  }
}

StepSpec lower(Graph& graph, const Node& node) {
  const int64_t axis = normalized_axis(node.as<AxisAttributes>().axis,
                                       graph.value(node.inputs.at(0)).shape.size(), node);
  check_constant_indices(graph, node, axis);
  GatherParams params;
  params.axis = static_cast<uint8_t>(axis);
  StepSpec step = step_for(node, KernelId::kGather, "gather");
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kGatherFamily = one_way<can_implement, lower, memory_bound_us>("gather");

}  // namespace stint::builder
