// Mean over the plane of every channel: global average pooling, and a mean over the spatial axes
// (kernels/cuda/plane_mean.cuh).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/direct/window.h"
#include "host_builder/lowering/cuda/families.h"

namespace stint::builder {
namespace {

struct Tile {
  int vector = 1, lanes = 8, parts = 16;
};

/// One window that is exactly the plane: no padding, nothing left over.
bool is_whole_plane(const Graph& graph, const Node& node) {
  const auto& a = node.as<PoolAttributes>();
  const Shape& x = graph.value(node.inputs.at(0)).shape;
  const Shape& y = graph.value(node.outputs.at(0)).shape;
  if (a.kind != PoolKind::kAverage || x.size() != 4 || y[1] != 1 || y[2] != 1) return false;
  const Window2d<PoolAttributes> window{a};
  for (size_t i = 0; i < 2; ++i)
    if (window.kernel(i) != x[i + 1] || window.dilation(i) != 1 || window.pad(i) != 0 ||
        window.pad_end(i) != 0)
      return false;
  return true;
}

bool is_spatial_mean(const Graph& graph, const Node& node) {
  const auto& a = node.as<ReduceAttributes>();
  if (a.op != ReduceOp::kMean || graph.value(node.inputs.at(0)).shape.size() != 4) return false;
  std::vector<int64_t> axes;
  for (const int64_t axis : a.axes) axes.push_back(normalized_axis(axis, 4, node));
  std::sort(axes.begin(), axes.end());
  return axes == std::vector<int64_t>{1, 2};
}

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op != Op::kPool && node.op != Op::kReduce) return false;
  if (node.outputs.at(0) == kNoValue || !stores_reals(graph, node.outputs[0]) ||
      !stores_reals(graph, node.inputs.at(0)) || graph.value(node.outputs[0]).elements() == 0)
    return false;
  if (graph.value(node.inputs[0]).shape.front() > 65535) return false;  // grid.y
  if (node.op == Op::kReduce) return is_spatial_mean(graph, node);
  if (node.outputs.size() > 1 && node.outputs[1] != kNoValue) return false;
  return graph.channels_last && is_whole_plane(graph, node);
}

/// The output as [N, 1, 1, C], whatever axes were kept.
Value output_as_nhwc(const Value& y) {
  if (y.shape.size() == 4) return y;
  Value full = y;
  const Shape& s = y.shape;
  full.strides = y.strides.empty() ? std::vector<int64_t>{s[1], 0, 0, 1}
                                   : std::vector<int64_t>{y.strides[0], 0, 0, y.strides[1]};
  full.shape = {s[0], 1, 1, s[1]};
  return full;
}

template <typename F>
void for_each_tile(const Value& x, const Value& y, F f) {
  for (const int vector : {8, 4, 2, 1}) {
    if (vector > 1 && (!allows_vector(x, vector) || !allows_vector(y, vector))) continue;
    for (const int lanes : {4, 8, 16, 32})
      for (const int parts : {4, 8, 16, 32})
        if (lanes * parts >= 64 && lanes * parts <= 512) f(Tile{vector, lanes, parts});
  }
}

int64_t slices(const Value& x, const Tile& tile) {
  return ceil_div(x.shape[3], static_cast<int64_t>(tile.vector) * tile.lanes);
}

double predicted_us(const Graph& graph, const Node& node, const Target& target, const Tile& tile) {
  const Value& x = graph.value(node.inputs.at(0));
  const double pixels = static_cast<double>(x.shape[1] * x.shape[2]);
  DirectCost cost;
  cost.blocks = static_cast<double>(slices(x, tile) * x.shape[0]);
  cost.threads_per_block = tile.lanes * tile.parts;
  cost.blocks_per_multiprocessor =
      std::floor(target.gpu.threads_per_multiprocessor / cost.threads_per_block);
  const double bytes = std::max(4.0, 1.0 * tile.vector * dtype_bytes(x.dtype));
  // A row of lanes occupies whole lines of 128 bytes on the way.
  const double sector = std::max(1.0, 128.0 / (tile.lanes * bytes));
  cost.l1_bytes = cost.blocks * pixels * tile.lanes * bytes * sector;
  cost.flops = cost.blocks * tile.lanes * tile.vector * (pixels * 3.0 + tile.parts * 2.0);
  const double loads = std::ceil(pixels / tile.parts);
  // Partial sums of wide vectors collide in shared memory's banks.
  cost.rounds = 1.0 + 0.02 * tile.parts + 0.04 * tile.vector +
                0.5 * std::max(0.0, std::ceil(loads / 8.0) - 1);
  return direct_us(target, traffic_of(graph, node), cost);
}

std::string id_of(const Tile& t) {
  return "plane_mean v" + std::to_string(t.vector) + " " + std::to_string(t.lanes) + "x" +
         std::to_string(t.parts);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  if (!can_implement(graph, node)) return result;
  const Value y = output_as_nhwc(graph.value(node.outputs.at(0)));
  for_each_tile(graph.value(node.inputs.at(0)), y, [&](const Tile& tile) {
    result.push_back({id_of(tile), predicted_us(graph, node, target, tile)});
  });
  rank_tactics(result, 12);
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
  if (!can_implement(graph, node)) throw_unknown_tactic(node, tactic);
  const Value& x = graph.value(node.inputs.at(0));
  const Value y = output_as_nhwc(graph.value(node.outputs.at(0)));
  Tile chosen{0, 0, 0};
  for_each_tile(x, y, [&](const Tile& tile) {
    if (id_of(tile) == tactic.id) chosen = tile;
  });
  if (chosen.vector == 0) throw_unknown_tactic(node, tactic);
  StepSpec step = step_for(node, tactic.id);
  CudaSource source;
  source.nhwc("X", x)
      .nhwc("Y", y)
      .constant("kPixels", x.shape[1] * x.shape[2])
      .constant("kWidth", x.shape[2])
      .constant("kChannels", x.shape[3])
      .constant("kVector", chosen.vector)
      .constant("kLanes", chosen.lanes)
      .constant("kParts", chosen.parts)
      .pointer("const X*", "x")
      .pointer("Y*", "y");
  step.launch = source.kernel_of_header("plane_mean", {.grid = {slices(x, chosen), x.shape[0], 1},
                                                       .threads = chosen.lanes * chosen.parts});
  step.flops = static_cast<double>(x.elements());
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kPlaneMeanFamily = {"plane_mean", tactics, lower};

}  // namespace stint::builder
