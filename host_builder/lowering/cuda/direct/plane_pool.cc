// Pooling with large windows over planes that fit shared memory (kernels/cuda/plane_pool.cuh).
#include <algorithm>
#include <cmath>

#include "host_builder/lowering/cuda/direct/pool_layer.h"
#include "host_builder/lowering/cuda/families.h"

namespace stint::builder {
namespace {

constexpr int kThreads = 256;
constexpr int kSlices[] = {1, 2, 4, 8, 16};
/// Below it a thread per output reads its window from L1 in less time than two passes take.
constexpr int64_t kFewestTaps = 16;

bool can_implement(const Graph& graph, const Node& node) {
  if (!can_pool(graph, node)) return false;
  const PoolLayer layer{graph, node};
  return layer.window.taps() >= kFewestTaps && layer.y.shape[0] <= 65535;  // grid.y
}

int64_t shared_bytes(const PoolLayer& layer, int64_t slice) {
  return layer.x.shape[1] * (layer.x.shape[2] + layer.y.shape[2]) * slice * 4;
}

double predicted_us(const PoolLayer& layer, const Target& target, int64_t slice) {
  const double n = static_cast<double>(layer.x.shape[0]);
  const double slices = static_cast<double>(ceil_div(layer.x.shape[3], slice));
  const double in = static_cast<double>(layer.x.shape[1] * layer.x.shape[2] * slice);
  const double lines = static_cast<double>(layer.x.shape[1] * layer.y.shape[2] * slice);
  const double out = static_cast<double>(layer.y.shape[1] * layer.y.shape[2] * slice);
  const double reads = lines * static_cast<double>(layer.window.kernel(1)) +
                       out * static_cast<double>(layer.window.kernel(0));
  DirectCost cost;
  cost.blocks = n * slices;
  cost.threads_per_block = kThreads;
  cost.blocks_per_multiprocessor =
      std::max(1.0, std::floor(static_cast<double>(target.gpu.smem_per_multiprocessor) /
                               static_cast<double>(shared_bytes(layer, slice) + 1024)));
  // A narrow slice of the channels still moves whole sectors of 32 bytes.
  const double sector =
      std::max(1.0, 32.0 / static_cast<double>(slice * dtype_bytes(layer.x.dtype)));
  cost.l1_bytes = cost.blocks * (in * dtype_bytes(layer.x.dtype) * sector + reads * 4);
  cost.flops = cost.blocks * (in * 20 + reads * 6 + (lines + out) * 20);
  cost.rounds = 2.0;
  return direct_us(target, traffic_of(layer.graph, layer.node), cost);
}

std::string id_of(int slice) { return "plane_pool s" + std::to_string(slice); }

bool fits(const PoolLayer& layer, const Target& target, int slice) {
  return shared_bytes(layer, slice) <= static_cast<int64_t>(target.gpu.smem_per_block);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  if (!can_implement(graph, node)) return result;
  const PoolLayer layer{graph, node};
  for (const int slice : kSlices)
    if (fits(layer, target, slice))
      result.push_back({id_of(slice), predicted_us(layer, target, slice)});
  rank_tactics(result, std::size(kSlices));
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  if (!can_implement(graph, node)) throw_unknown_tactic(node, tactic);
  const PoolLayer layer{graph, node};
  int chosen = 0;
  for (const int slice : kSlices)
    if (id_of(slice) == tactic.id && fits(layer, target, slice)) chosen = slice;
  if (chosen == 0) throw_unknown_tactic(node, tactic);
  StepSpec step = step_for(node, tactic.id);
  CudaSource source;
  pool_constants(source, layer);
  source.constant("kSlice", chosen).constant("kThreads", kThreads);
  step.launch = source.kernel_of_header(
      "plane_pool", {.grid = {ceil_div(layer.x.shape[3], chosen), layer.x.shape[0], 1},
                     .threads = kThreads,
                     .dynamic_smem = shared_bytes(layer, chosen)});
  step.flops = window_flops(graph, node, static_cast<double>(layer.window.taps())) / 2;
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kPlanePoolFamily = {"plane_pool", tactics, lower};

}  // namespace stint::builder
