#include "host_builder/lowering/cuda/direct/direct_layer.h"

#include <algorithm>
#include <cmath>

#include "host_builder/graph/views.h"
#include "host_builder/support/error.h"

namespace stint::builder {
bool allows_vector(const Value& value, int64_t count) {
  if (value.shape.back() % count != 0) return false;
  const int64_t access = std::min<int64_t>(count, 16 / dtype_bytes(value.dtype));
  if (access == 1) return true;
  const Shape strides = strides_of(value);
  if (strides.back() != 1) return false;
  for (size_t i = 0; i + 1 < strides.size(); ++i)
    if (value.shape[i] > 1 && strides[i] % access != 0) return false;
  return !value.view || value.view->offset % access == 0;
}

bool is_f16_or_f32(const Graph& graph, ValueId id) {
  if (id == kNoValue) return true;
  const DType t = graph.value(id).dtype;
  return t == DType::kF16 || t == DType::kF32;
}

bool stores_reals(const Graph& graph, ValueId id) {
  if (is_f16_or_f32(graph, id)) return true;
  const Value& value = graph.value(id);
  return value.quant && value.quant->axis == -1;
}

void throw_unknown_tactic(const Node& node, const Tactic& tactic) {
  throw BuildError("node '" + node.name + "' (" + op_name(node.op) + "): there is no tactic '" +
                   tactic.id + "' for it on this target; remove its line from the tactic file");
}

Traffic traffic_of(const Graph& graph, const Node& node) {
  Traffic t;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const Value& v = graph.value(id);
    (v.is_constant() ? t.weights : t.activations) += static_cast<double>(v.bytes());
  }
  for (const ValueId id : node.outputs)
    if (id != kNoValue) t.activations += static_cast<double>(graph.value(id).bytes());
  return t;
}

// Constants fitted to 900 tactics of the direct families timed in chains with programmatic edges on
// an H200 (rms error 20 %; how far the tactic predicted best is behind the best: 20 % in the mean).
double direct_us(const Target& target, const Traffic& traffic, const DirectCost& cost) {
  const GpuTraits& gpu = target.gpu;
  const double multiprocessors = gpu.multiprocessors;
  const double busy = std::min(cost.blocks, multiprocessors);
  const double by_threads = gpu.threads_per_multiprocessor / std::max(cost.threads_per_block, 1.0);
  const double resident = std::max(1.0, std::min(cost.blocks_per_multiprocessor, by_threads));
  const double waves = std::ceil(cost.blocks / (multiprocessors * resident));
  // The multiprocessor with most blocks is waited for.
  const double uneven = std::ceil(cost.blocks / multiprocessors) * busy / cost.blocks;
  // Neighbours in the graph find each other's results in L2 while these fit.
  const bool in_l2 = traffic.activations < 0.5 * static_cast<double>(gpu.l2_bytes);
  const double memory = gpu.memory_gb_per_s * 1e3 * (in_l2 ? 0.65 : 0.85);  // bytes/us
  const double weights = gpu.has_pdl ? 0.3 : 1.0;  // the rest is read before the wait
  const double moved = (traffic.activations + weights * traffic.weights) / memory;
  const double l1 = uneven * cost.l1_bytes / (busy * 50.0 * gpu.clock_ghz * 1e3);
  const double arithmetic =
      uneven * cost.flops / (gpu.f32_tflops * 1e6 * 0.5 * busy / multiprocessors);
  const double round_trip = 0.6 / gpu.clock_ghz;  // 600 cycles
  return 0.85 * gpu.edge_us + round_trip * (cost.rounds + 0.3 * (waves - 1)) +
         std::sqrt(moved * moved + l1 * l1 + arithmetic * arithmetic);
}

void allow_residual_in_place(const Graph& graph, const Node& node, StepSpec& step) {
  if (!has_operand(node, 3)) return;
  if (graph.value(node.inputs[3]).dtype == graph.value(node.outputs.at(0)).dtype)
    step.in_place.emplace_back(static_cast<uint32_t>(step.inputs.size() - 1), 0u);
}

void rank_tactics(std::vector<Tactic>& tactics, size_t limit) {
  std::stable_sort(tactics.begin(), tactics.end(), [](const Tactic& a, const Tactic& b) {
    return a.predicted_us < b.predicted_us;
  });
  if (tactics.size() > limit) tactics.resize(limit);
}

}  // namespace stint::builder
