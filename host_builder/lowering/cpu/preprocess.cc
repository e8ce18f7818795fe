// Camera frame -> network input.
#include "plan_schema/params/preprocess.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  return node.op == Op::kPreprocess && graph.channels_last;
}

StepSpec lower(Graph& graph, const Node& node) {
  const auto& a = node.as<PreprocessAttributes>();
  if (a.image < 0 || a.image >= static_cast<int64_t>(graph.images.size()))
    throw BuildError("node '" + node.name + "' (Preprocess): reads image " +
                     std::to_string(a.image) + ", the graph has " +
                     std::to_string(graph.images.size()));
  PreprocessParams p;
  p.width = static_cast<int32_t>(a.width);
  p.height = static_cast<int32_t>(a.height);
  p.channels = static_cast<uint8_t>(a.channels);
  p.fit = a.fit;
  p.order_bgr = a.order_bgr ? 1 : 0;
  p.pad_value = a.pad_value;
  for (size_t c = 0; c < static_cast<size_t>(a.channels); ++c) {
    p.mean[c] = a.mean.at(c);
    p.scale[c] = a.scale.at(c);
  }
  StepSpec step = step_for(node, KernelId::kPreprocess, "preprocess bilinear");
  step.params = to_bytes(p);
  step.image_binding = static_cast<int>(a.image);
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kPreprocessFamily = one_way<can_implement, lower, memory_bound_us>("preprocess");

}  // namespace stint::builder
