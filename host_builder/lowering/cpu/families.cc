#include "host_builder/lowering/cpu/families.h"

#include "host_builder/lowering/describe_node.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

const std::vector<CpuFamily>& cpu_families() {
  static const std::vector<CpuFamily> families = {
      kConvPackedFamily, kConvDepthwiseFamily, kConvDirectFamily, kConvTransposeDirectFamily,
      kMatMulPackedFamily, kMatMulFamily, kPoolFamily,
      // One a line, in any order: the cheapest that can implement a node is taken.
      // clang-format off
      kResizeFamily,
      kNmsFamily,
      kPreprocessFamily,
      kDecodeFamily,
      kTopClassesFamily,
      kArgmaxMaskFamily,
      kDetectionDetailFamily,
      kReshapeCopyFamily,
      kConcatFamily,
      kTransposeFamily,
      kSliceFamily,
      kExpandFamily,
      kTileFamily,
      kDepthSpaceFamily,
      kElementwiseFamily,
      kCastFamily,
      kGatherFamily,
      kReduceFamily,
      kPointwiseFamily,
      kBatchNormFamily,
      kSoftmaxFamily,
      kInstanceNormFamily,
      kLayerNormFamily,
      kLrnFamily,
      kArgReduceFamily,
      kTopKFamily,
      kPadFamily,
      // clang-format on
  };
  return families;
}

StepSpec lower_for_cpu(Graph& graph, const Node& node) {
  const CpuFamily* best = nullptr;
  double best_us = 0;
  for (const CpuFamily& family : cpu_families()) {
    if (!family.can_implement(graph, node)) continue;
    const double us = family.cost_us(graph, node);
    if (best == nullptr || us < best_us) {
      best = &family;
      best_us = us;
    }
  }
  if (best == nullptr) {
    throw Refusal(describe_node(graph, node) + ": no cpu kernel implements it for these types",
                  "cast its operands to float32 in the model, and its result back");
  }
  StepSpec step = best->lower(graph, node);
  step.predicted_us = best_us;
  if (step.name.empty()) step.name = node.name;
  return step;
}

}  // namespace stint::builder
