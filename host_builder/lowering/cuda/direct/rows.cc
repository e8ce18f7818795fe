// Softmax, its logarithm and layer normalisation of rows of adjacent elements
// (kernels/cuda/rows.cuh).
#include <algorithm>
#include <cmath>
#include <optional>

#include "host_builder/graph/shape.h"
#include "host_builder/graph/views.h"
#include "host_builder/lowering/cuda/ceil_div.h"
#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/families.h"
#include "kernels/cpu/strided_loop.h"

namespace stint::builder {
namespace {

/// Elements of a row that a thread holds in registers; layer normalisation holds two weights for
/// each. What is longer is read again.
constexpr int64_t kMostKept = 32;

struct Tile {
  int vector = 1, lanes = 32, threads = 128;
};

enum class Kind { kSoftmax, kLogSoftmax, kLayerNorm };

struct Rows {
  Kind kind = Kind::kSoftmax;
  int64_t length = 0;
  Value x, y;  // as [a, b, c, length]
  bool has_shift = false;
  float epsilon = 0.0f;
  int64_t count() const { return x.elements() / length; }
};

bool is_row_weight(const Graph& graph, ValueId id, int64_t length) {
  const Value& w = graph.value(id);
  return w.is_constant() && w.dtype == DType::kF32 && w.elements() == length;
}

/// Axes from `first` on as one row of adjacent elements.
bool is_adjacent_from(const Value& value, size_t first) {
  const Shape strides = strides_of(value);
  int64_t expected = 1;
  for (size_t i = value.shape.size(); i-- > first;) {
    if (value.shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= value.shape[i];
  }
  return true;
}

/// Sees x and y as rows on three axes. False if these do not suffice.
bool set_places(const Value& x, const Value& y, size_t first, Rows& rows) {
  const Shape xs = strides_of(x);
  const Shape ys = strides_of(y);
  cpu::StridedLoop<2> outer;
  for (size_t i = 0; i < first; ++i) outer.add_axis(x.shape[i], {xs[i], ys[i]});
  outer.collapse();
  if (outer.rank > 3) return false;
  rows.x = x;
  rows.y = y;
  rows.x.shape = rows.y.shape = {1, 1, 1, rows.length};
  rows.x.strides = rows.y.strides = {0, 0, 0, 1};
  for (int i = 0; i < outer.rank; ++i) {
    const auto to = static_cast<size_t>(i + 3 - outer.rank);
    rows.x.shape[to] = rows.y.shape[to] = outer.shape[i];
    rows.x.strides[to] = outer.strides[0][i];
    rows.y.strides[to] = outer.strides[1][i];
  }
  return true;
}

std::optional<Rows> rows_of(const Graph& graph, const Node& node) {
  if (node.op != Op::kSoftmax && node.op != Op::kLayerNorm) return std::nullopt;
  const Value& x = graph.value(node.inputs.at(0));
  const Value& y = graph.value(node.outputs.at(0));
  if (!is_f16_or_f32(graph, node.inputs[0]) || !is_f16_or_f32(graph, node.outputs[0]) ||
      x.shape.empty() || x.elements() == 0)
    return std::nullopt;
  const size_t rank = x.shape.size();
  Rows rows;
  size_t first = 0;
  if (node.op == Op::kSoftmax) {
    const auto& a = node.as<SoftmaxAttributes>();
    rows.kind = a.log ? Kind::kLogSoftmax : Kind::kSoftmax;
    first = static_cast<size_t>(normalized_axis(a.axis, rank, node));
    if (first + 1 != rank) return std::nullopt;
  } else {
    const auto& a = node.as<NormAttributes>();
    rows.kind = Kind::kLayerNorm;
    rows.epsilon = a.epsilon;
    first = static_cast<size_t>(normalized_axis(a.axis, rank, node));
    for (size_t i = 1; i < node.outputs.size(); ++i)
      if (node.outputs[i] != kNoValue) return std::nullopt;  // statistics
  }
  rows.length = 1;
  for (size_t i = first; i < rank; ++i) rows.length *= x.shape[i];
  if (x.elements() > INT32_MAX / 2 || !is_adjacent_from(x, first) || !is_adjacent_from(y, first))
    return std::nullopt;
  if (rows.kind == Kind::kLayerNorm) {
    if (!is_row_weight(graph, node.inputs.at(1), rows.length)) return std::nullopt;
    rows.has_shift = has_operand(node, 2);
    if (rows.has_shift && !is_row_weight(graph, node.inputs[2], rows.length)) return std::nullopt;
  }
  return set_places(x, y, first, rows) ? std::optional<Rows>(rows) : std::nullopt;
}

int64_t elements_of_thread(const Rows& rows, int lanes, int vector) {
  return ceil_div(rows.length, static_cast<int64_t>(lanes) * vector) * vector;
}

template <typename F>
void for_each_tile(const Rows& rows, F f) {
  for (const int vector : {8, 4, 2, 1}) {
    if (vector > 1 && (!allows_vector(rows.x, vector) || !allows_vector(rows.y, vector))) continue;
    for (const int lanes : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}) {
      // No half of the threads without elements; no more turns than a few reads of a block.
      if (lanes > 1 && static_cast<int64_t>(lanes) * vector / 2 >= rows.length) continue;
      const bool keeps = elements_of_thread(rows, lanes, vector) <= kMostKept;
      if (!keeps && lanes < 256) continue;
      if (lanes > 32) {
        f(Tile{vector, lanes, lanes});
      } else {
        for (const int threads : {64, 128, 256}) f(Tile{vector, lanes, threads});
      }
    }
  }
}

double predicted_us(const Graph& graph, const Node& node, const Target& target, const Rows& rows,
                    const Tile& tile) {
  const Value& x = graph.value(node.inputs.at(0));
  const double elements = static_cast<double>(rows.x.elements());
  DirectCost cost;
  cost.blocks = static_cast<double>(ceil_div(rows.count(), tile.threads / tile.lanes));
  cost.threads_per_block = tile.threads;
  const double held = static_cast<double>(elements_of_thread(rows, tile.lanes, tile.vector));
  const bool keeps = held <= static_cast<double>(kMostKept);
  const bool norm = rows.kind == Kind::kLayerNorm;
  const double registers = 32 + (keeps ? held * (norm ? 3 : 1) : 24);
  cost.blocks_per_multiprocessor = std::max(1.0, std::floor(65536.0 / (tile.threads * registers)));
  const double reads = keeps ? 1 : norm ? 3 : 2;
  // A warp's access touches whole sectors of 32 bytes.
  const double run =
      std::max(1.0, std::min<double>(tile.lanes, 32)) * tile.vector * dtype_bytes(x.dtype);
  const double sector = std::max(1.0, 32.0 / run);
  cost.l1_bytes = elements * dtype_bytes(x.dtype) * reads * sector + (norm ? elements * 8 : 0);
  cost.flops = elements * (norm ? 12 : 40);
  const double meetings = 2.0 * (std::log2(tile.lanes) * 0.03 + (tile.lanes > 32 ? 0.12 : 0.0));
  const double accesses = held / tile.vector;
  cost.rounds = 1.1 + meetings + 0.05 * std::max(0.0, accesses - 4) + 0.004 * held +
                (keeps ? 0.0 : reads * accesses / 16.0);
  return direct_us(target, traffic_of(graph, node), cost);
}

std::string id_of(const Tile& t) {
  return "rows v" + std::to_string(t.vector) + " l" + std::to_string(t.lanes) + " t" +
         std::to_string(t.threads);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  const auto rows = rows_of(graph, node);
  if (!rows) return result;
  for_each_tile(*rows, [&](const Tile& tile) {
    result.push_back({id_of(tile), predicted_us(graph, node, target, *rows, tile)});
  });
  rank_tactics(result, 12);
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
  const auto rows = rows_of(graph, node);
  if (!rows) throw_unknown_tactic(node, tactic);
  Tile chosen{0, 0, 0};
  for_each_tile(*rows, [&](const Tile& tile) {
    if (id_of(tile) == tactic.id) chosen = tile;
  });
  if (chosen.vector == 0) throw_unknown_tactic(node, tactic);
  const bool norm = rows->kind == Kind::kLayerNorm;
  StepSpec step = step_for(node, tactic.id);
  CudaSource source;
  source.nhwc("X", rows->x)
      .nhwc("Y", rows->y)
      .constant("kKind", static_cast<int64_t>(rows->kind))
      .constant("kRows", rows->count())
      .constant("kLength", rows->length)
      .constant("kCountB", rows->x.shape[1])
      .constant("kCountC", rows->x.shape[2])
      .constant("kVector", chosen.vector)
      .constant("kLanes", chosen.lanes)
      .constant("kThreads", chosen.threads)
      .flag("kKeeps", elements_of_thread(*rows, chosen.lanes, chosen.vector) <= kMostKept)
      .flag("kHasShift", rows->has_shift)
      .real("kEpsilon", rows->epsilon)
      .pointer("const X*", "x")
      .optional_pointer(norm, "const float*", "scale")
      .optional_pointer(rows->has_shift, "const float*", "shift")
      .pointer("Y*", "y");
  const int64_t in_block = chosen.threads / chosen.lanes;
  step.launch = source.kernel_of_header(
      "rows", {.grid = {ceil_div(rows->count(), in_block), 1, 1}, .threads = chosen.threads});
  step.flops = static_cast<double>(rows->x.elements()) * (norm ? 8.0 : 4.0);
  step.bytes = moved_bytes(graph, node);
  // A thread reads an element for the last time before it writes it.
  if (rows->x.dtype == rows->y.dtype) step.in_place.emplace_back(0u, 0u);
  return step;
}

}  // namespace

const Family kRowsFamily = {"rows", tactics, lower};

}  // namespace stint::builder
