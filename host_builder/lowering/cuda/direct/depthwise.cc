// Direct depthwise convolution (kernels/cuda/depthwise.cuh).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "host_builder/graph/quantisation.h"
#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/direct/window.h"
#include "host_builder/lowering/cuda/families.h"

namespace stint::builder {
namespace {

constexpr int kThreads = 128;
constexpr size_t kWeightsOperand = 1;

/// What a thread computes: `rows` x `columns` outputs of `vector` channels, `passes` times.
struct Tile {
  int vector = 1, rows = 1, columns = 1, passes = 1;
};

struct Layer {
  const Graph& graph;
  const Node& node;
  const ConvAttributes& a = node.as<ConvAttributes>();
  const Value& x = graph.value(node.inputs.at(0));
  const Value& w = graph.value(node.inputs.at(1));
  const Value& y = graph.value(node.outputs.at(0));
  Window2d<ConvAttributes> window{a};
  int64_t multiplier() const { return y.shape[3] / x.shape[3]; }
};

/// Weights become f32 whatever they were: integers are multiplied as the numbers they stand for.
bool has_real_weights(const Value& w) { return w.dtype == DType::kF32 || w.quant; }

bool can_depthwise(const Graph& graph, const Node& node) {
  if (node.op != Op::kConv || node.outputs.size() != 1 || !graph.channels_last) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (i != kWeightsOperand && !stores_reals(graph, node.inputs[i])) return false;
  const Layer layer{graph, node};
  return stores_reals(graph, node.outputs.at(0)) && has_real_weights(layer.w) &&
         layer.x.shape.size() == 4 && layer.w.is_constant() && layer.w.shape.at(1) == 1 &&
         layer.a.groups == layer.x.shape[3] && layer.a.groups > 1 && layer.y.elements() > 0 &&
         layer.window.taps() <= 121;
}

bool allows(const Layer& layer, int vector) {
  if (vector == 1) return true;
  if (layer.multiplier() != 1) return false;
  if (!allows_vector(layer.x, vector) || !allows_vector(layer.y, vector)) return false;
  return !has_operand(layer.node, 3) ||
         allows_vector(layer.graph.value(layer.node.inputs[3]), vector);
}

struct Geometry {
  int64_t groups, tiles, slots, blocks;
};

Geometry geometry(const Layer& layer, const Tile& tile) {
  Geometry g;
  g.groups = layer.y.shape[3] / tile.vector;
  g.tiles = layer.y.shape[0] * ceil_div(layer.y.shape[1], tile.rows) *
            ceil_div(layer.y.shape[2], tile.columns);
  g.slots = ceil_div(g.tiles, tile.passes);
  g.blocks = ceil_div(g.slots * g.groups, kThreads);
  return g;
}

double registers(const Layer& layer, const Tile& tile) {
  const double taps = static_cast<double>(layer.window.taps());
  const double kept = taps * tile.vector <= 112 ? taps * tile.vector : tile.vector * 3.0;
  const double line = static_cast<double>(layer.window.span(1, tile.columns)) * tile.vector;
  return 40.0 + kept + tile.vector * (1.0 + tile.rows * tile.columns) + line;
}

double predicted_us(const Layer& layer, const Target& target, const Tile& tile) {
  const Geometry g = geometry(layer, tile);
  const double threads = static_cast<double>(g.slots * g.groups);
  const double items = static_cast<double>(g.tiles * g.groups);
  const double bytes_x = dtype_bytes(layer.x.dtype) * tile.vector;
  DirectCost cost;
  cost.blocks = static_cast<double>(g.blocks);
  cost.threads_per_block = kThreads;
  cost.blocks_per_multiprocessor =
      std::max(1.0, std::floor(65536.0 / (kThreads * std::min(255.0, registers(layer, tile)))));
  const double spans =
      static_cast<double>(layer.window.span(0, tile.rows) * layer.window.span(1, tile.columns));
  cost.l1_bytes = items * spans * std::max(bytes_x, 4.0) +
                  threads * static_cast<double>(layer.window.taps()) * 4.0 * tile.vector;
  // Conversions and index arithmetic beside the products.
  cost.flops = items * tile.vector *
                   (2.0 * static_cast<double>(layer.window.taps()) * tile.rows * tile.columns +
                    2.0 * spans + 12.0 * tile.rows * tile.columns) +
               items * 120.0;
  // A thread's loads are issued one after the other.
  cost.rounds = 1.0 + 0.02 * spans + 0.5 * (tile.passes - 1);
  return direct_us(target, traffic_of(layer.graph, layer.node), cost);
}

std::string id_of(const Tile& t) {
  return "depthwise v" + std::to_string(t.vector) + " " + std::to_string(t.rows) + "x" +
         std::to_string(t.columns) + " p" + std::to_string(t.passes);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  if (!can_depthwise(graph, node)) return result;
  const Layer layer{graph, node};
  constexpr std::array<std::array<int, 2>, 7> kOutputs = {
      {{1, 1}, {1, 2}, {1, 4}, {2, 2}, {2, 4}, {1, 7}, {4, 4}}};
  for (const int vector : {8, 4, 2, 1}) {
    if (!allows(layer, vector)) continue;
    for (const auto& [rows, columns] : kOutputs) {
      for (const int passes : {1, 2, 4, 8}) {
        const Tile tile = {vector, rows, columns, passes};
        if (rows > layer.y.shape[1] || columns > layer.y.shape[2]) continue;
        if ((rows > 1 || columns > 1 || passes > 1) && registers(layer, tile) > 240) continue;
        const Geometry g = geometry(layer, tile);
        // Several passes save weights only where there are many waves of blocks.
        if (passes > 1 && g.blocks < 4 * static_cast<int64_t>(target.gpu.multiprocessors)) continue;
        if (g.blocks > 2'000'000'000) continue;
        result.push_back({id_of(tile), predicted_us(layer, target, tile)});
      }
    }
  }
  rank_tactics(result, 24);
  return result;
}

Tile parse(const Graph& graph, const Node& node, const Tactic& tactic) {
  Tile t;
  if (std::sscanf(tactic.id.c_str(), "depthwise v%d %dx%d p%d", &t.vector, &t.rows, &t.columns,
                  &t.passes) != 4 ||
      id_of(t) != tactic.id || !can_depthwise(graph, node) || t.vector < 1 || t.rows < 1 ||
      t.columns < 1 || t.passes < 1 || t.vector > 8 || t.rows > 8 || t.columns > 16 ||
      !allows({graph, node}, t.vector))
    throw_unknown_tactic(node, tactic);
  return t;
}

/// [tap][channel]: neighbouring channels of one tap together.
ValueId packed_weights(Graph& graph, const Node& node) {
  const ValueId id = node.inputs.at(1);
  const Shape shape = graph.value(id).shape;
  const std::vector<float> w = real_numbers(graph.value(id));
  const int64_t taps = shape[2] * shape[3];
  std::vector<float> packed(static_cast<size_t>(taps * shape[0]));
  for (int64_t c = 0; c < shape[0]; ++c)
    for (int64_t tap = 0; tap < taps; ++tap)
      packed[static_cast<size_t>(tap * shape[0] + c)] = w[static_cast<size_t>(c * taps + tap)];
  return graph.add_constant(graph.unique_name(graph.value(id).name + ".taps"), DType::kF32,
                            {taps, shape[0]}, packed);
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
  const Tile tile = parse(graph, node, tactic);
  StepSpec step = step_for(node, tactic.id);
  {
    const Layer layer{graph, node};
    const Geometry g = geometry(layer, tile);
    CudaSource source;
    window_constants(source, layer.window, layer.x, layer.y);
    source.constant("kMultiplier", layer.multiplier())
        .constant("kDilationH", layer.window.dilation(0))
        .constant("kDilationW", layer.window.dilation(1))
        .constant("kVector", tile.vector)
        .constant("kRows", tile.rows)
        .constant("kColumns", tile.columns)
        .constant("kThreads", kThreads)
        .constant("kSlots", g.slots)
        .pointer("const X*", "x")
        .pointer("const float*", "weights")
        .epilogue(graph, node, layer.a.epilogue)
        .pointer("Y*", "y");
    step.launch =
        source.kernel_of_header("depthwise", {.grid = {g.blocks, 1, 1}, .threads = kThreads});
    step.flops = window_flops(graph, node, static_cast<double>(layer.window.taps()));
    step.bytes = moved_bytes(graph, node);
    allow_residual_in_place(graph, node, step);
  }
  step.inputs.at(1) = packed_weights(graph, node);
  return step;
}

}  // namespace

const Family kDepthwiseFamily = {"depthwise", tactics, lower};

}  // namespace stint::builder
