// Max and average pooling (kernels/cuda/pool.cuh).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "host_builder/tactics/cpu/conv_lowering.h"
#include "host_builder/tactics/cuda/direct_source.h"
#include "host_builder/tactics/cuda/families.h"
#include "host_builder/tactics/cuda/window.h"

namespace stint::builder {
namespace {

constexpr int kThreads = 128;

struct Tile {
  int vector = 1, columns = 1;
};

struct Layer {
  const Graph& graph;
  const Node& node;
  const PoolAttributes& a = node.as<PoolAttributes>();
  const Value& x = graph.value(node.inputs.at(0));
  const Value& y = graph.value(node.outputs.at(0));
  Window2d<PoolAttributes> window{a};
};

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op != Op::kPool || !graph.channels_last) return false;
  if (node.outputs.size() > 1 && node.outputs[1] != kNoValue) return false;  // indices
  if (node.outputs.at(0) == kNoValue) return false;
  const Layer layer{graph, node};
  return layer.x.shape.size() == 4 && layer.y.elements() > 0 &&
         is_f16_or_f32(graph, node.inputs.at(0)) && is_f16_or_f32(graph, node.outputs.at(0));
}

bool allows(const Layer& layer, int vector) {
  return vector == 1 || (allows_vector(layer.x, vector) && allows_vector(layer.y, vector));
}

int64_t thread_count(const Layer& layer, const Tile& tile) {
  return layer.y.shape[0] * layer.y.shape[1] * ceil_div(layer.y.shape[2], tile.columns) *
         (layer.y.shape[3] / tile.vector);
}

double predicted_us(const Layer& layer, const Target& target, const Tile& tile) {
  const double threads = static_cast<double>(thread_count(layer, tile));
  const double reads = static_cast<double>(
      tile.columns == 1 ? layer.window.taps()
                        : layer.window.kernel(0) * layer.window.span(1, tile.columns));
  DirectCost cost;
  cost.blocks = std::ceil(threads / kThreads);
  cost.threads_per_block = kThreads;
  cost.blocks_per_multiprocessor = 10;
  cost.l1_bytes = threads * reads * std::max(4.0, 1.0 * tile.vector * dtype_bytes(layer.x.dtype));
  cost.flops =
      threads * (60.0 + tile.vector * (2.0 * reads + 2.0 * tile.columns *
                                                         static_cast<double>(layer.window.taps())));
  // Windows that are not unrolled wait for every row.
  cost.rounds = reads <= 40 ? 1.0 : 1.0 + reads / 40;
  return direct_us(target, traffic_of(layer.graph, layer.node), cost);
}

std::string id_of(const Layer& layer, const Tile& t) {
  return std::string(layer.a.kind == PoolKind::kMax ? "pool max v" : "pool average v") +
         std::to_string(t.vector) + " x" + std::to_string(t.columns);
}

template <typename F>
void for_each_tile(const Layer& layer, F f) {
  for (const int vector : {8, 4, 2, 1}) {
    if (!allows(layer, vector)) continue;
    for (const int columns : {1, 2, 4}) {
      if (columns > 1 && (columns > layer.y.shape[2] || layer.window.span(1, columns) > 24))
        continue;
      if (thread_count(layer, {vector, columns}) <= 2'000'000'000) f(Tile{vector, columns});
    }
  }
}

std::vector<CudaTactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<CudaTactic> result;
  if (!can_implement(graph, node)) return result;
  const Layer layer{graph, node};
  for_each_tile(layer, [&](const Tile& tile) {
    result.push_back({id_of(layer, tile), predicted_us(layer, target, tile)});
  });
  rank_tactics(result, 12);
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const CudaTactic& tactic) {
  if (!can_implement(graph, node)) throw_unknown_tactic(node, tactic);
  const Layer layer{graph, node};
  Tile chosen{0, 0};
  for_each_tile(layer, [&](const Tile& tile) {
    if (id_of(layer, tile) == tactic.id) chosen = tile;
  });
  if (chosen.vector == 0) throw_unknown_tactic(node, tactic);
  StepSpec step = step_for(node, KernelId::kPool, tactic.id);
  CudaSource source;
  source.nhwc("X", layer.x)
      .nhwc("Y", layer.y)
      .constant("kBatch", layer.y.shape[0])
      .constant("kInHeight", layer.x.shape[1])
      .constant("kInWidth", layer.x.shape[2])
      .constant("kHeight", layer.y.shape[1])
      .constant("kWidth", layer.y.shape[2])
      .constant("kChannels", layer.y.shape[3])
      .constant("kKernelH", layer.window.kernel(0))
      .constant("kKernelW", layer.window.kernel(1))
      .constant("kStrideH", layer.window.stride(0))
      .constant("kStrideW", layer.window.stride(1))
      .constant("kDilationH", layer.window.dilation(0))
      .constant("kDilationW", layer.window.dilation(1))
      .constant("kPadTop", layer.window.pad(0))
      .constant("kPadLeft", layer.window.pad(1))
      .constant("kPadBottom", layer.window.pad_end(0))
      .constant("kPadRight", layer.window.pad_end(1))
      .flag("kIsMax", layer.a.kind == PoolKind::kMax)
      .flag("kCountsPadding", layer.a.count_include_pad)
      .constant("kVector", chosen.vector)
      .constant("kColumns", chosen.columns)
      .constant("kThreads", kThreads)
      .pointer("const X*", "x")
      .pointer("Y*", "y");
  step.launch.emplace();
  step.launch->source = source.finish("pool.cuh", "stint_pool");
  step.launch->symbol = "stint_pool";
  step.launch->grid = {static_cast<uint32_t>(ceil_div(thread_count(layer, chosen), kThreads)), 1,
                       1};
  step.launch->block = {kThreads, 1, 1};
  step.flops = window_flops(graph, node, static_cast<double>(layer.window.taps())) / 2;
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const CudaFamily kPoolCudaFamily = {"pool", tactics, lower};

}  // namespace stint::builder
