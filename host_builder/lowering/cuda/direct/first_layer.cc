// Convolution of few input channels on tensor cores (kernels/cuda/first_layer.cuh).
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/direct/window.h"
#include "host_builder/lowering/cuda/families.h"
#include "plan_schema/half.h"

namespace stint::builder {
namespace {

/// Outputs of a tile, the warps that share them, blocks of a multiprocessor (which bounds a
/// thread's registers: 16 warps leave it 128, 24 warps 80). `relative`: mean time over the best
/// tile's, of the first layers of four networks at batch 1, 8 and 32 on an H200.
struct Tile {
  int height = 8, width = 16, warps = 8, resident = 2;
  double relative = 1;
};
constexpr Tile kTiles[] = {{8, 16, 8, 3, 1.06}, {8, 16, 4, 4, 1.06}, {4, 16, 4, 6, 1.11},
                           {16, 8, 8, 3, 1.11}, {8, 8, 4, 6, 1.15},  {16, 16, 8, 2, 1.15},
                           {8, 8, 2, 8, 1.16},  {8, 16, 8, 2, 1.21}};

/// Most channels of a block: 64 accumulators a lane for two stripes.
constexpr int64_t kMostBlockChannels = 64;
/// Beyond it a patch of padded runs wastes more than the general implicit GEMM.
constexpr int64_t kMostInChannels = 4;

struct Layer {
  const Graph& graph;
  const Node& node;
  const ConvAttributes& a = node.as<ConvAttributes>();
  const Value& x = graph.value(node.inputs.at(0));
  const Value& w = graph.value(node.inputs.at(1));
  const Value& y = graph.value(node.outputs.at(0));
  Window2d<ConvAttributes> window{a};

  int64_t in_channels() const { return x.shape[3]; }
  int64_t channels() const { return y.shape[3]; }
  int64_t run() const { return ceil_div(window.kernel(1) * in_channels(), 2) * 2; }
  int64_t steps() const { return ceil_div(window.kernel(0) * run(), 16); }
  int64_t channel_blocks() const { return ceil_div(channels(), kMostBlockChannels); }
  int64_t block_channels() const {
    return ceil_div(ceil_div(channels(), channel_blocks()), 16) * 16;
  }
  /// Matrices of 8 channels whose results a lane stores together (kGroup in the kernel).
  int64_t group() const { return block_channels() / 8 % 4 == 0 ? 4 : 2; }
};

bool can_implement(const Graph& graph, const Node& node, const Target& target) {
  if (node.op != Op::kConv || node.outputs.size() != 1 || !graph.channels_last ||
      target.gpu.source_sm < 75)
    return false;
  for (const ValueId id : node.inputs)
    if (!stores_reals(graph, id)) return false;
  const Layer layer{graph, node};
  if (layer.w.dtype != DType::kF32) return false;
  if (!stores_reals(graph, node.outputs.at(0))) return false;
  // All f32: the plan's precision is f32, products in f16 would not do.
  if (layer.x.dtype == DType::kF32 && layer.y.dtype == DType::kF32) return false;
  return layer.x.shape.size() == 4 && layer.w.is_constant() && layer.a.groups == 1 &&
         layer.in_channels() <= kMostInChannels && layer.y.elements() > 0 &&
         layer.window.dilation(0) == 1 && layer.window.dilation(1) == 1 && layer.steps() <= 26;
}

int64_t pitch(const Layer& layer, const Tile& tile) {
  return (layer.window.span(1, tile.width) * layer.in_channels() + 2) / 2 * 2;
}

int64_t shared_bytes(const Layer& layer, const Tile& tile) {
  const int64_t fragments = layer.steps() * (layer.block_channels() / 16) * 32;
  const int64_t patch = (layer.window.span(0, tile.height) + 1) * pitch(layer, tile) * 2;
  return fragments * 16 + layer.block_channels() * 4 + ceil_div(patch, 16) * 16;
}

/// Neighbours of an image's line that one access reads, at most eight and 16 bytes: the line is
/// dense and begins and ends at a multiple, and so does every tile but for the padding (tiles are 8
/// wide).
int64_t load_vector(const Layer& layer) {
  const Value& x = layer.x;
  const std::array<int64_t, 4> strides = nhwc_strides(x);
  const int64_t channels = x.shape[3];
  const bool planes = strides[2] == 1 && channels > 1;
  if (!planes && (strides[3] != 1 || strides[2] != channels)) return 1;
  const int64_t line = planes ? x.shape[2] : x.shape[2] * channels;
  const auto fits = [&](int64_t count) {
    return line % count == 0 && strides[0] % count == 0 && strides[1] % count == 0 &&
           (!planes || strides[3] % count == 0) && (!x.view || x.view->offset % count == 0);
  };
  int64_t count = std::min<int64_t>(8, 16 / dtype_bytes(x.dtype));
  while (count > 1 && !fits(count)) count /= 2;
  return count;
}

/// Blocks of a multiprocessor.
int64_t resident_blocks(const Layer& layer, const Tile& tile, const GpuTraits& gpu) {
  const int64_t by_memory =
      static_cast<int64_t>(gpu.smem_per_multiprocessor) / (shared_bytes(layer, tile) + 1024);
  return std::max<int64_t>(1, std::min<int64_t>(tile.resident, by_memory));
}

int64_t tile_count(const Layer& layer, const Tile& tile) {
  return layer.y.shape[0] * ceil_div(layer.y.shape[1], tile.height) *
         ceil_div(layer.y.shape[2], tile.width);
}

double predicted_us(const Layer& layer, const Target& target, const Tile& tile) {
  const double tiles = static_cast<double>(tile_count(layer, tile) * layer.channel_blocks());
  const double resident = static_cast<double>(resident_blocks(layer, tile, target.gpu));
  const double pixels = tile.height * tile.width;
  const double k = static_cast<double>(layer.steps() * 16);
  const double n = static_cast<double>(layer.block_channels());
  DirectCost cost;
  cost.blocks = std::min(tiles, resident * target.gpu.multiprocessors);
  cost.threads_per_block = 32.0 * tile.warps;
  cost.blocks_per_multiprocessor = resident;
  // A stripe of 16 pixels and a step of 16 k: A word by word, B 16 bytes a lane; from shared
  // memory, which is faster than L1.
  const double patch = static_cast<double>(layer.window.span(0, tile.height) * pitch(layer, tile));
  cost.l1_bytes =
      0.45 * tiles * (pixels / 16.0 * (k / 16) * (4 * 128.0 + n / 16 * 512.0) + patch * 8.0) +
      cost.blocks * k * n * 4;
  // Matrix products in units of the FMA pipe; an access of the patch takes ~20 operations and each
  // element 4.
  cost.flops =
      tiles * (pixels * n * k * 2.0 * target.gpu.f32_tflops / target.gpu.f16_tflops +
               patch * (4.0 + 20.0 / static_cast<double>(load_vector(layer))) + pixels * n * 8.0);
  cost.rounds = 1.6;
  return tile.relative * direct_us(target, traffic_of(layer.graph, layer.node), cost);
}

std::string id_of(const Tile& t) {
  return "first_layer " + std::to_string(t.height) + "x" + std::to_string(t.width) + " w" +
         std::to_string(t.warps) + " r" + std::to_string(t.resident);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  if (!can_implement(graph, node, target)) return result;
  const Layer layer{graph, node};
  for (const Tile& tile : kTiles) {
    if (shared_bytes(layer, tile) > static_cast<int64_t>(target.gpu.smem_per_block)) continue;
    if (tile_count(layer, tile) > 2'000'000'000) continue;
    result.push_back({id_of(tile), predicted_us(layer, target, tile)});
  }
  rank_tactics(result, std::size(kTiles));
  return result;
}

/// Fragments of mma.m16n8k16's B operand: per block of channels, step of 16 k, pair of matrices and
/// lane 16 bytes. Channels are interleaved over the matrices' columns so that a lane's results are
/// neighbours.
ValueId packed_weights(Graph& graph, const Node& node) {
  const Layer layer{graph, node};
  const float* w = constant_floats(graph, node.inputs.at(1));
  const int64_t in = layer.in_channels(), kh = layer.window.kernel(0), kw = layer.window.kernel(1);
  const int64_t run = layer.run(), columns = layer.block_channels() / 8, group = layer.group();
  std::vector<F16> packed;
  for (int64_t block = 0; block < layer.channel_blocks(); ++block)
    for (int64_t step = 0; step < layer.steps(); ++step)
      for (int64_t pair = 0; pair < columns; pair += 2)
        for (int64_t lane = 0; lane < 32; ++lane)
          for (int64_t i = 0; i < 8; ++i) {
            const int64_t j = pair + i / 4;
            const int64_t k = step * 16 + i / 2 % 2 * 8 + lane % 4 * 2 + i % 2;
            const int64_t n = lane / 4;
            const int64_t channel = block * layer.block_channels() + j / group * 8 * group +
                                    n / 2 * 2 * group + j % group * 2 + n % 2;
            const int64_t row = k / run, at = k % run;
            float value = 0;
            if (channel < layer.channels() && row < kh && at < kw * in)
              value = w[((channel * in + at % in) * kh + row) * kw + at / in];
            packed.push_back(to_f16(value));
          }
  return graph.add_constant(graph.unique_name(graph.value(node.inputs[1]).name + ".fragments"),
                            DType::kF16,
                            {layer.channel_blocks(), layer.steps(), columns / 2, 32, 8}, packed);
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  const Tile* tile = nullptr;
  for (const Tile& t : kTiles)
    if (id_of(t) == tactic.id) tile = &t;
  if (tile == nullptr || !can_implement(graph, node, target)) throw_unknown_tactic(node, tactic);
  StepSpec step = step_for(node, tactic.id);
  {
    const Layer layer{graph, node};
    int64_t store = 2 * layer.group();
    const auto storable = [&](int64_t count) {
      return allows_vector(layer.y, count) &&
             (!has_operand(node, 3) || allows_vector(graph.value(node.inputs[3]), count));
    };
    while (store > 1 && !storable(store)) store /= 2;
    const int64_t resident = resident_blocks(layer, *tile, target.gpu);
    CudaSource source;
    window_constants(source, layer.window, layer.x, layer.y);
    source.constant("kInChannels", layer.in_channels())
        .constant("kTileH", tile->height)
        .constant("kTileW", tile->width)
        .constant("kWarps", tile->warps)
        .constant("kResident", resident)
        .constant("kLoadVector", load_vector(layer))
        .constant("kBlockChannels", layer.block_channels())
        .constant("kStoreVector", store)
        .pointer("const X*", "x")
        .pointer("const half_t*", "weights")
        .epilogue(graph, node, layer.a.epilogue)
        .pointer("Y*", "y");
    const int64_t blocks = ceil_div(resident * target.gpu.multiprocessors, layer.channel_blocks());
    step.launch = source.kernel_of_header(
        "first_layer",
        {.grid = {std::min(tile_count(layer, *tile), blocks), layer.channel_blocks(), 1},
         .threads = 32 * tile->warps,
         .dynamic_smem = shared_bytes(layer, *tile)});
    step.flops =
        window_flops(graph, node, static_cast<double>(layer.window.taps() * layer.in_channels()));
    step.bytes = moved_bytes(graph, node);
    allow_residual_in_place(graph, node, step);
  }
  step.inputs.at(1) = packed_weights(graph, node);
  return step;
}

}  // namespace

const Family kFirstLayerFamily = {"first_layer", tactics, lower};

}  // namespace stint::builder
