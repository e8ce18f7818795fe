// Matrix-vector products: fully connected layers of few rows (kernels/cuda/gemv.cuh).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "host_builder/graph/shape.h"
#include "host_builder/graph/views.h"
#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/direct/window.h"
#include "host_builder/lowering/cuda/families.h"
#include "plan_schema/half.h"

namespace stint::builder {
namespace {

/// With more rows the tensor cores' kernels win: weights are then multiplied by whole tiles.
constexpr int64_t kMostRows = 8;
/// Registers of a lane that hold prefetched weights, in chunks of 16 bytes.
constexpr int kMostKept = 24;

struct Tile {
  int lanes = 32, outputs = 1, threads = 128;
};

/// Elements of an operand as rows x columns.
struct Matrix {
  int64_t rows = 1, columns = 1, row_stride = 0, column_stride = 1;
};

/// The value seen as [rows, columns] where its last axes of `columns` elements in all are evenly
/// spaced, and its rows too.
std::optional<Matrix> as_matrix(const Value& value, int64_t columns) {
  const Shape strides = strides_of(value);
  Matrix m;
  m.columns = columns;
  m.rows = value.elements() / columns;
  int64_t inner = 1, outer = 1, inner_step = 0, outer_step = 0;
  for (size_t i = value.shape.size(); i-- > 0;) {
    const int64_t extent = value.shape[i];
    if (extent == 1) continue;
    int64_t& count = inner < columns ? inner : outer;
    int64_t& step = inner < columns ? inner_step : outer_step;
    if (count == 1) {
      step = strides[i];
    } else if (strides[i] != step * count) {
      return std::nullopt;
    }
    count *= extent;
    if (&count == &inner && inner > columns) return std::nullopt;
  }
  if (inner != columns && columns != 1) return std::nullopt;
  m.row_stride = m.rows == 1 ? 0 : outer_step;
  m.column_stride = columns == 1 ? 1 : inner_step;
  return m;
}

struct Layer {
  int64_t n = 0, k = 0;
  Matrix x, y, residual;
  bool half = false;  // weights in f16
  bool vector_x = false;
  int64_t each() const { return half ? 8 : 4; }
  int64_t chunks() const { return ceil_div(k, each()); }
};

bool is_full_window(const Graph& graph, const Node& node) {
  const auto& a = node.as<ConvAttributes>();
  const Shape& x = graph.value(node.inputs.at(0)).shape;
  const Shape& y = graph.value(node.outputs.at(0)).shape;
  if (!graph.channels_last || a.groups != 1 || x.size() != 4 || y[1] != 1 || y[2] != 1)
    return false;
  const Window2d<ConvAttributes> window{a};
  for (size_t i = 0; i < 2; ++i)
    if (window.kernel(i) != x[i + 1] || window.pad(i) != 0 || window.pad_end(i) != 0 ||
        (window.dilation(i) != 1 && window.kernel(i) != 1))
      return false;
  return true;
}

std::optional<Layer> layer_of(const Graph& graph, const Node& node) {
  const bool conv = node.op == Op::kConv;
  if ((!conv && node.op != Op::kMatMul) || node.outputs.size() != 1) return std::nullopt;
  for (const ValueId id : node.inputs)
    if (!is_f16_or_f32(graph, id)) return std::nullopt;
  if (!is_f16_or_f32(graph, node.outputs.at(0))) return std::nullopt;
  const Value& x = graph.value(node.inputs.at(0));
  const Value& w = graph.value(node.inputs.at(1));
  const Value& y = graph.value(node.outputs.at(0));
  if (!w.is_constant() || w.dtype != DType::kF32 || w.elements() == 0 || y.elements() == 0)
    return std::nullopt;
  Layer layer;
  if (conv) {
    if (!is_full_window(graph, node)) return std::nullopt;
    layer.n = w.shape[0];
  } else {
    if (w.shape.size() < 2 || x.shape.empty()) return std::nullopt;
    for (size_t i = 0; i + 2 < w.shape.size(); ++i)
      if (w.shape[i] != 1) return std::nullopt;
    layer.n = w.shape.back();
  }
  layer.k = w.elements() / layer.n;
  const auto mx = as_matrix(x, layer.k);
  const auto my = as_matrix(y, layer.n);
  if (!mx || !my || mx->rows != my->rows || mx->rows > kMostRows) return std::nullopt;
  layer.x = *mx;
  layer.y = layer.residual = *my;
  if (has_operand(node, 3)) {
    const auto mr = as_matrix(graph.value(node.inputs[3]), layer.n);
    if (!mr || mr->rows != my->rows) return std::nullopt;
    layer.residual = *mr;
  }
  layer.half = x.dtype == DType::kF16 || y.dtype == DType::kF16;
  const int64_t access = std::min<int64_t>(layer.each(), 16 / dtype_bytes(x.dtype));
  layer.vector_x = layer.k % layer.each() == 0 && layer.x.column_stride == 1 &&
                   layer.x.row_stride % access == 0 && (!x.view || x.view->offset % access == 0);
  return layer;
}

int kept_chunks(const Tile& tile) { return std::max(1, kMostKept / tile.outputs); }

double predicted_us(const Graph& graph, const Node& node, const Target& target, const Layer& layer,
                    const Tile& tile) {
  const double groups = std::ceil(static_cast<double>(layer.n) / tile.outputs);
  const double turns = std::ceil(static_cast<double>(layer.chunks()) / tile.lanes);
  const double rows = static_cast<double>(layer.x.rows);
  DirectCost cost;
  cost.blocks = std::ceil(groups * tile.lanes / tile.threads);
  cost.threads_per_block = tile.threads;
  const double kept = std::min<double>(turns, kept_chunks(tile));
  const double registers = 40 + 4 * kept * tile.outputs + rows * tile.outputs;
  cost.blocks_per_multiprocessor =
      std::max(1.0, std::floor(65536.0 / (tile.threads * std::min(255.0, registers))));
  const double k = static_cast<double>(layer.k);
  const double weight = layer.half ? 2.0 : 4.0;
  cost.l1_bytes = groups * k * rows * dtype_bytes(graph.value(node.inputs.at(0)).dtype);
  cost.flops = groups * k * tile.outputs * (2.0 * rows + 1.5);
  // What is not prefetched comes in rounds of four chunks; the shuffles take a few cycles each.
  cost.rounds = 1.0 + 0.6 * std::ceil(std::max(0.0, turns - kept) / 4.0) +
                0.01 * std::log2(tile.lanes) * tile.outputs * rows;
  Traffic traffic = traffic_of(graph, node);
  traffic.weights = k * static_cast<double>(layer.n) * weight;
  return direct_us(target, traffic, cost);
}

std::string id_of(const Tile& t) {
  return "gemv l" + std::to_string(t.lanes) + " o" + std::to_string(t.outputs) + " t" +
         std::to_string(t.threads);
}

template <typename F>
void for_each_tile(const Layer& layer, F f) {
  for (const int lanes : {32, 16, 8, 4})
    for (const int outputs : {1, 2, 4})
      for (const int threads : {64, 128, 256}) {
        if (lanes > 4 && lanes / 2 >= layer.chunks()) continue;  // half of them would have nothing
        if (outputs > layer.n || outputs * layer.x.rows > 16) continue;
        if (ceil_div(layer.n, outputs) * lanes / threads <= 2'000'000'000)
          f(Tile{lanes, outputs, threads});
      }
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  const auto layer = layer_of(graph, node);
  if (!layer) return result;
  for_each_tile(*layer, [&](const Tile& tile) {
    result.push_back({id_of(tile), predicted_us(graph, node, target, *layer, tile)});
  });
  rank_tactics(result, 16);
  return result;
}

/// [n][k] with k as x's elements lie (rows of the window, then columns, then channels), padded to
/// whole chunks.
template <typename T, typename Convert>
ValueId packed_weights(Graph& graph, const Node& node, const Layer& layer, DType dtype,
                       Convert convert) {
  const ValueId id = node.inputs.at(1);
  const Shape shape = graph.value(id).shape;
  const float* w = constant_floats(graph, id);
  const int64_t padded = layer.chunks() * layer.each();
  std::vector<T> packed(static_cast<size_t>(layer.n * padded), convert(0.0f));
  const bool conv = node.op == Op::kConv;
  const int64_t channels = conv ? shape[1] : 1;
  const int64_t taps = layer.k / channels;
  for (int64_t n = 0; n < layer.n; ++n)
    for (int64_t k = 0; k < layer.k; ++k) {
      const int64_t from =
          conv ? (n * channels + k % channels) * taps + k / channels : k * layer.n + n;
      packed[static_cast<size_t>(n * padded + k)] = convert(w[from]);
    }
  return graph.add_constant(graph.unique_name(graph.value(id).name + ".rows"), dtype,
                            {layer.n, padded}, packed);
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
  const auto found = layer_of(graph, node);
  if (!found) throw_unknown_tactic(node, tactic);
  const Layer& layer = *found;
  Tile chosen{0, 0, 0};
  for_each_tile(layer, [&](const Tile& tile) {
    if (id_of(tile) == tactic.id) chosen = tile;
  });
  if (chosen.lanes == 0) throw_unknown_tactic(node, tactic);
  StepSpec step = step_for(node, tactic.id);
  const Value& x = graph.value(node.inputs.at(0));
  const Value& y = graph.value(node.outputs.at(0));
  const bool residual = has_operand(node, 3);
  const Epilogue& epilogue = node.op == Op::kConv ? node.as<ConvAttributes>().epilogue
                                                  : node.as<MatMulAttributes>().epilogue;
  CudaSource source;
  source.type("X", x.dtype)
      .type("W", layer.half ? DType::kF16 : DType::kF32)
      .type("Y", y.dtype)
      .type("R", residual ? graph.value(node.inputs[3]).dtype : y.dtype)
      .constant("kM", layer.x.rows)
      .constant("kN", layer.n)
      .constant("kK", layer.k)
      .constant("kPadded", layer.chunks() * layer.each())
      .constant("kXM", layer.x.row_stride)
      .constant("kXK", layer.x.column_stride)
      .constant("kYM", layer.y.row_stride)
      .constant("kYK", layer.y.column_stride)
      .constant("kRM", layer.residual.row_stride)
      .constant("kRK", layer.residual.column_stride)
      .flag("kVectorX", layer.vector_x)
      .constant("kLanes", chosen.lanes)
      .constant("kOutputs", chosen.outputs)
      .constant("kThreads", chosen.threads)
      .constant("kPrefetch", kept_chunks(chosen))
      .pointer("const X*", "x")
      .pointer("const W*", "weights")
      .epilogue_constants(node, epilogue)
      .pointer("Y*", "y");
  const int64_t threads = ceil_div(layer.n, chosen.outputs) * chosen.lanes;
  step.launch = source.kernel_of_header(
      "gemv", {.grid = {ceil_div(threads, chosen.threads), 1, 1}, .threads = chosen.threads});
  step.flops = window_flops(graph, node, static_cast<double>(layer.k));
  step.bytes = moved_bytes(graph, node);
  allow_residual_in_place(graph, node, step);
  step.inputs.at(1) =
      layer.half
          ? packed_weights<F16>(graph, node, layer, DType::kF16, [](float f) { return to_f16(f); })
          : packed_weights<float>(graph, node, layer, DType::kF32, [](float f) { return f; });
  return step;
}

}  // namespace

const Family kGemvFamily = {"gemv", tactics, lower};

}  // namespace stint::builder
