// The kernel families of the cpu target. Each is defined in a file of this folder; one that is not
// does not link.
#pragma once

#include "host_builder/lowering/family.h"

namespace stint::builder {

// The only list, one a line. For equal predictions the earlier one is taken.
#define STINT_CPU_FAMILIES(X)                                               \
  X(ConvPacked)                                                             \
  X(ConvDepthwise)                                                          \
  X(ConvDirect)                                                             \
  X(ConvTransposeDirect)                                                    \
  X(MatMulPacked)                                                           \
  X(MatMul)                                                                 \
  X(PoolDirect)                                                             \
  X(Resize)                                                                 \
  X(Nms)                                                                    \
  X(Preprocess)                                                             \
  X(Decode)                                                                 \
  X(TopClasses)                                                             \
  X(ArgmaxMask)                                                             \
  X(DetectionDetail) /* DetectionMasks, DetectionKeypoints, RotatedBoxes */ \
  X(ReshapeCopy)     /* Identity, Reshape left over by the passes */        \
  X(Concat)                                                                 \
  X(Transpose)                                                              \
  X(Slice)                                                                  \
  X(Expand)                                                                 \
  X(Tile)                                                                   \
  X(DepthSpace)  /* DepthToSpace, SpaceToDepth */                           \
  X(Elementwise) /* Unary, Binary, Where on any type */                     \
  X(Cast)                                                                   \
  X(Gather)                                                                 \
  X(Reduce)                                                                 \
  X(Pointwise) /* Pointwise, Unary, Binary on f32 */                        \
  X(BatchNorm)                                                              \
  X(Softmax)                                                                \
  X(InstanceNorm)                                                           \
  X(LayerNorm)                                                              \
  X(Lrn)                                                                    \
  X(ArgReduce)                                                              \
  X(TopK)                                                                   \
  X(Cumulative)                                                             \
  X(Pad)                                                                    \
  /* on 8-bit integers */                                                   \
  X(QuantizedConv)                                                          \
  X(QuantizedConvDepthwise)                                                 \
  X(QuantizedMatMul)                                                        \
  X(QuantizedPool)                                                          \
  X(QuantizedPointwise) /* Pointwise, Unary, Binary */                      \
  X(Requantize)         /* Cast of real numbers, Quantize, Dequantize */

#define STINT_FAMILY(name) extern const Family k##name##Family;
STINT_CPU_FAMILIES(STINT_FAMILY)
#undef STINT_FAMILY

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

}  // namespace stint::builder
