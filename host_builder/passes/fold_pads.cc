// Padding whose value is what the next window operation pads with anyway becomes that operation's
// own padding.
#include <algorithm>
#include <cfloat>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

bool is_zero(const std::vector<int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 0; });
}

/// Constant padding of spatial axes only, never negative.
bool pads_spatially(const PadAttributes& a) {
  if (a.mode != PadMode::kConstant || a.begin.size() < 3) return false;
  const auto negative = [](int64_t v) { return v < 0; };
  return a.begin[0] == 0 && a.begin[1] == 0 && a.end[0] == 0 && a.end[1] == 0 &&
         std::none_of(a.begin.begin(), a.begin.end(), negative) &&
         std::none_of(a.end.begin(), a.end.end(), negative);
}

void widen(std::vector<int64_t>& pads, const std::vector<int64_t>& by) {
  for (size_t i = 0; i < pads.size(); ++i) pads[i] += by[i + 2];
}

bool fold(Graph& graph, Node& node) {
  if (node.op != Op::kConv && node.op != Op::kPool) return false;
  const auto pad = producer_of(graph, node.inputs[0], Op::kPad);
  if (!pad) return false;
  const auto& p = graph.node(*pad).as<PadAttributes>();
  if (!pads_spatially(p)) return false;
  if (node.op == Op::kConv) {
    if (p.value != 0.0) return false;
    auto& a = node.as<ConvAttributes>();
    widen(a.pads_begin, p.begin);
    widen(a.pads_end, p.end);
  } else {
    auto& a = node.as<PoolAttributes>();
    const bool has_indices = node.outputs.size() > 1 && node.outputs[1] != kNoValue;
    if (a.kind == PoolKind::kMax) {
      // Only a value below every number is what max pooling pads with.
      if (p.value > -static_cast<double>(FLT_MAX) || has_indices) return false;
    } else {
      const bool own_padding = !is_zero(a.pads_begin) || !is_zero(a.pads_end);
      if (p.value != 0.0 || (own_padding && !a.count_include_pad)) return false;
      a.count_include_pad = true;
    }
    widen(a.pads_begin, p.begin);
    widen(a.pads_end, p.end);
  }
  record_fusion(node, graph.node(*pad));
  node.inputs[0] = graph.node(*pad).inputs[0];
  return true;
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order()))
    if (fold(graph, graph.node(n))) ++changes;
  remove_dead_code(graph);
  return changes;
}

}  // namespace

/// Requires: channels are axis 1 (before the layout pass). Ensures: no neutral constant padding
/// precedes a convolution or pool.
const Pass kFoldPadsPass = {"fold-pads", true, run};

}  // namespace stint::builder
