// Max and average pooling (kernels/cuda/pool.cuh).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/direct/pool_layer.h"
#include "host_builder/lowering/cuda/families.h"

namespace stint::builder {
namespace {

constexpr int kThreads = 128;

struct Tile {
  int vector = 1, columns = 1;
};

bool allows(const PoolLayer& layer, int vector) {
  return vector == 1 || (allows_vector(layer.x, vector) && allows_vector(layer.y, vector));
}

int64_t thread_count(const PoolLayer& layer, const Tile& tile) {
  return layer.y.shape[0] * layer.y.shape[1] * ceil_div(layer.y.shape[2], tile.columns) *
         (layer.y.shape[3] / tile.vector);
}

/// Mean time over the best tile's, by outputs of a thread (1, 2, 4, ...), of three networks'
/// pooling layers at batch 1, 8 and 32 on an H200.
constexpr double kRelative[] = {2.6, 1.5, 1.05, 1.08, 1.45, 1.75};

double predicted_us(const PoolLayer& layer, const Target& target, const Tile& tile) {
  const double taps = static_cast<double>(layer.window.taps());
  const double outputs = static_cast<double>(layer.y.elements());
  DirectCost cost;
  cost.blocks = std::ceil(static_cast<double>(thread_count(layer, tile)) / kThreads);
  cost.threads_per_block = kThreads;
  cost.blocks_per_multiprocessor = 10;
  cost.l1_bytes = outputs * taps * dtype_bytes(layer.x.dtype);
  cost.flops = outputs * (15.0 + 2.0 * taps);
  cost.rounds = 1.0;
  // Windows that are not unrolled wait for every row, and then for its arithmetic.
  if (taps > 40) cost.rounds = static_cast<double>(layer.window.kernel(0)) * 2.0;
  size_t size = 0;
  while (1 << size < tile.vector * tile.columns) ++size;
  return kRelative[size] * direct_us(target, traffic_of(layer.graph, layer.node), cost);
}

std::string id_of(const PoolLayer& layer, const Tile& t) {
  return std::string(layer.a.kind == PoolKind::kMax ? "pool max v" : "pool average v") +
         std::to_string(t.vector) + " x" + std::to_string(t.columns);
}

template <typename F>
void for_each_tile(const PoolLayer& layer, F f) {
  for (const int vector : {8, 4, 2, 1}) {
    if (!allows(layer, vector)) continue;
    for (const int columns : {1, 2, 4}) {
      if (columns > 1 && (columns > layer.y.shape[2] || layer.window.span(1, columns) > 24))
        continue;
      if (thread_count(layer, {vector, columns}) <= 2'000'000'000) f(Tile{vector, columns});
    }
  }
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  if (!can_pool(graph, node)) return result;
  const PoolLayer layer{graph, node};
  for_each_tile(layer, [&](const Tile& tile) {
    result.push_back({id_of(layer, tile), predicted_us(layer, target, tile)});
  });
  rank_tactics(result, 12);
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
  if (!can_pool(graph, node)) throw_unknown_tactic(node, tactic);
  const PoolLayer layer{graph, node};
  Tile chosen{0, 0};
  for_each_tile(layer, [&](const Tile& tile) {
    if (id_of(layer, tile) == tactic.id) chosen = tile;
  });
  if (chosen.vector == 0) throw_unknown_tactic(node, tactic);
  StepSpec step = step_for(node, tactic.id);
  CudaSource source;
  pool_constants(source, layer);
  source.constant("kVector", chosen.vector)
      .constant("kColumns", chosen.columns)
      .constant("kThreads", kThreads);
  step.launch = source.kernel_of_header(
      "pool",
      {.grid = {ceil_div(thread_count(layer, chosen), kThreads), 1, 1}, .threads = kThreads});
  step.flops = window_flops(graph, node, static_cast<double>(layer.window.taps())) / 2;
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kPoolFamily = {"pool", tactics, lower};

}  // namespace stint::builder
