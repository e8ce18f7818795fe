// Conv(SpaceToDepth(x)) is a convolution of x itself with a kernel and stride as many times larger.
// Same arithmetic, but nothing is moved first. Also where the exporter wrote the space-to-depth as
// slices and a concatenation ("Focus").
#include <set>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

/// A regular sub-grid of the image `x`: every second (third...) pixel of both spatial axes.
struct SubGrid {
  ValueId x = kNoValue;
  int64_t step = 0, row = 0, column = 0;
};

/// Follows slices back to the image.
std::optional<SubGrid> sub_grid(const Graph& graph, ValueId id) {
  Shape starts(4, 0), steps(4, 1);
  const Shape& shape = graph.value(id).shape;
  if (shape.size() != 4) return std::nullopt;
  for (auto n = producer_of(graph, id, Op::kSlice); n; n = producer_of(graph, id, Op::kSlice)) {
    const auto& a = graph.node(*n).as<SliceAttributes>();
    for (size_t d = 0; d < 4; ++d) {
      starts[d] = a.starts[d] + starts[d] * a.steps[d];
      steps[d] *= a.steps[d];
    }
    id = graph.node(*n).inputs[0];
  }
  const Shape& whole = graph.value(id).shape;
  const int64_t step = steps[2];
  if (step < 2 || steps[3] != step || steps[0] != 1 || steps[1] != 1) return std::nullopt;
  if (starts[0] != 0 || starts[1] != 0 || starts[2] >= step || starts[3] >= step)
    return std::nullopt;
  const Shape expected = {whole[0], whole[1], shape[2] * step, shape[3] * step};
  if (whole != expected) return std::nullopt;
  return SubGrid{id, step, starts[2], starts[3]};
}

/// Blocks of pixels as channels: channel part `i` (of the image's channel count) is the pixel
/// `cells[i]` of each block.
struct Blocks {
  ValueId x = kNoValue;
  int64_t step = 0;
  std::vector<std::pair<int64_t, int64_t>> cells;  // row, column
};

std::optional<Blocks> blocks_of_concat(const Graph& graph, const Node& concat) {
  if (concat.as<AxisAttributes>().axis != 1) return std::nullopt;
  Blocks blocks;
  for (ValueId part : concat.inputs) {
    const auto grid = sub_grid(graph, part);
    if (!grid || (blocks.x != kNoValue && (grid->x != blocks.x || grid->step != blocks.step)))
      return std::nullopt;
    blocks.x = grid->x;
    blocks.step = grid->step;
    blocks.cells.emplace_back(grid->row, grid->column);
  }
  const std::set<std::pair<int64_t, int64_t>> distinct(blocks.cells.begin(), blocks.cells.end());
  if (distinct.size() != blocks.cells.size() ||
      static_cast<int64_t>(distinct.size()) != blocks.step * blocks.step)
    return std::nullopt;
  return blocks;
}

std::optional<Blocks> blocks_before(const Graph& graph, ValueId id) {
  if (const auto n = producer_of(graph, id, Op::kConcat))
    return blocks_of_concat(graph, graph.node(*n));
  const auto n = producer_of(graph, id, Op::kSpaceToDepth);
  if (!n) return std::nullopt;
  const auto& a = graph.node(*n).as<DepthToSpaceAttributes>();
  if (a.crd) return std::nullopt;
  Blocks blocks{graph.node(*n).inputs[0], a.block, {}};
  for (int64_t row = 0; row < a.block; ++row)
    for (int64_t column = 0; column < a.block; ++column) blocks.cells.emplace_back(row, column);
  return blocks;
}

/// Weights over pixels instead of blocks.
std::vector<float> spread_weights(const std::vector<float>& w, const Shape& shape,
                                  const Blocks& blocks, const Shape& spread) {
  std::vector<float> result(w.size());
  const int64_t channels = spread[1], rows = spread[2], columns = spread[3];
  size_t i = 0;
  for (int64_t o = 0; o < shape[0]; ++o) {
    for (int64_t c = 0; c < shape[1]; ++c) {
      const auto [row, column] = blocks.cells[static_cast<size_t>(c / channels)];
      for (int64_t y = 0; y < shape[2]; ++y) {
        for (int64_t x = 0; x < shape[3]; ++x) {
          const int64_t to =
              ((o * channels + c % channels) * rows + y * blocks.step + row) * columns +
              x * blocks.step + column;
          result[static_cast<size_t>(to)] = w[i++];
        }
      }
    }
  }
  return result;
}

/// Beyond this the input is no longer a picture, and a kernel that many times larger has no fast
/// path.
constexpr int64_t kMaxChannels = 4;

bool fold(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kConv) return false;
  auto& a = node.as<ConvAttributes>();
  if (a.groups != 1 || a.dilations != std::vector<int64_t>{1, 1}) return false;
  const auto blocks = blocks_before(graph, node.inputs[0]);
  const auto weights = f32_constant(graph, node.inputs[1]);
  if (!blocks || !weights || graph.value(blocks->x).shape[1] > kMaxChannels) return false;
  const Shape& shape = graph.value(node.inputs[1]).shape;
  const int64_t step = blocks->step;
  const Shape spread = {shape[0], shape[1] / (step * step), shape[2] * step, shape[3] * step};
  node.inputs[1] = add_f32_constant(graph, graph.value(node.inputs[1]).name + "_spread", spread,
                                    spread_weights(*weights, shape, *blocks, spread));
  node.inputs[0] = blocks->x;
  for (auto* values : {&a.kernel, &a.strides, &a.pads_begin, &a.pads_end})
    for (int64_t& v : *values) v *= step;
  return true;
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order()))
    if (fold(graph, n)) ++changes;
  remove_dead_code(graph);
  return changes;
}

}  // namespace

/// Requires: channels are axis 1 (before the layout pass). Ensures: no convolution with constant
/// weights reads the pixels of an image's blocks as channels.
const Pass kFoldSpaceToDepthPass = {"fold-space-to-depth", true, run};

}  // namespace stint::builder
