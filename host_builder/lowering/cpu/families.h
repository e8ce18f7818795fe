// The kernel families of the cpu target. Each is defined in the file of this folder that is named
// after it.
#pragma once

#include "host_builder/lowering/family.h"

namespace stint::builder {

/// The listed order decides between equal predictions.
const std::vector<const Family*>& cpu_families();

/// A family that has one way to run the nodes it can implement, at a predicted cost. Nothing is
/// tuned, so the tactic has no id; the step says what it is.
template <bool (*kCanImplement)(const Graph&, const Node&), StepSpec (*kLower)(Graph&, const Node&),
          double (*kCostUs)(const Graph&, const Node&)>
constexpr Family one_way(const char* name) {
  return {name,
          [](const Graph& graph, const Node& node, const Target&) -> std::vector<Tactic> {
            if (!kCanImplement(graph, node)) return {};
            return {{"", kCostUs(graph, node)}};
          },
          [](Graph& graph, const Node& node, const Target&, const Tactic&) {
            return kLower(graph, node);
          },
          /*specifies=*/true};
}

/// The same where the kernel has weights in an order of its own.
template <bool (*kCanImplement)(const Graph&, const Node&), StepSpec (*kLower)(Graph&, const Node&),
          double (*kCostUs)(const Graph&, const Node&)>
constexpr Family packing_way(const char* name) {
  Family family = one_way<kCanImplement, kLower, kCostUs>(name);
  family.specifies = false;
  return family;
}

/// The same where the kernel is the CPU's alone: no GPU kernel is made from its parameters.
template <bool (*kCanImplement)(const Graph&, const Node&), StepSpec (*kLower)(Graph&, const Node&),
          double (*kCostUs)(const Graph&, const Node&)>
constexpr Family cpu_only_way(const char* name) {
  return packing_way<kCanImplement, kLower, kCostUs>(name);
}

extern const Family kConvPackedFamily;
extern const Family kConvDepthwiseFamily;
extern const Family kConvDirectFamily;
extern const Family kConvTransposeDirectFamily;
extern const Family kMatMulPackedFamily;
extern const Family kMatMulFamily;
extern const Family kPoolDirectFamily;

extern const Family kResizeFamily;
extern const Family kNmsFamily;
extern const Family kPreprocessFamily;
// decode.cc
extern const Family kDecodeFamily;
extern const Family kTopClassesFamily;
extern const Family kArgmaxMaskFamily;
extern const Family kDetectionDetailFamily;  // detection_details.cc

// copy.cc
extern const Family kReshapeCopyFamily;  // Identity, Reshape left over by the passes
extern const Family kConcatFamily;
extern const Family kTransposeFamily;
extern const Family kSliceFamily;
extern const Family kExpandFamily;
extern const Family kTileFamily;
extern const Family kDepthSpaceFamily;  // DepthToSpace, SpaceToDepth

// elementwise.cc
extern const Family kElementwiseFamily;  // Unary, Binary, Where on any type
extern const Family kCastFamily;

// pointwise.cc
extern const Family kPointwiseFamily;  // Pointwise, Unary, Binary on f32
extern const Family kBatchNormFamily;

// normalization.cc
extern const Family kSoftmaxFamily;
extern const Family kInstanceNormFamily;
extern const Family kLayerNormFamily;
extern const Family kLrnFamily;

// reduce.cc
extern const Family kReduceFamily;
extern const Family kArgReduceFamily;
extern const Family kTopKFamily;

extern const Family kGatherFamily;
extern const Family kPadFamily;

// On 8-bit integers.
extern const Family kQuantizedConvFamily;
extern const Family kQuantizedConvDepthwiseFamily;
extern const Family kQuantizedMatMulFamily;
extern const Family kQuantizedPoolFamily;
extern const Family kQuantizedPointwiseFamily;  // Pointwise, Unary, Binary
extern const Family kRequantizeFamily;

}  // namespace stint::builder
