// Convolutions and products with constant matrices in plain f32: kernels/cuda/conv_fma.cuh.
#include <algorithm>
#include <array>
#include <optional>

#include "host_builder/lowering/cuda/gemm/conv_family.h"

namespace stint::builder {
namespace {

/// Mirrors FmaTile.
struct FmaTile {
  int64_t bm, bn, bk, tm;

  int64_t threads() const { return bm / tm * (bn / 4); }
  int64_t blocks(const ConvProblem& p) const {
    return (p.pixels() + bm - 1) / bm * ((p.out_channels + bn - 1) / bn) * p.groups;
  }
  std::string id() const {
    return "conv_fma " + std::to_string(bm) + "x" + std::to_string(bn) + "x" + std::to_string(bk);
  }
  static std::optional<FmaTile> parse(const std::string& id);
  bool is_legal(const ConvProblem& p, const GpuTraits&) const {
    // 63 taps are what one mask holds; with fewer channels a group, tiles are mostly empty.
    return p.taps() < 64 && (p.groups == 1 || p.out_channels >= 8) && blocks(p) <= INT32_MAX;
  }
};

// Every one divides its loads into whole passes for 1, 2 and 4 k at once.
constexpr std::array<FmaTile, 5> kTiles = {
    {{16, 32, 16, 4}, {32, 32, 16, 4}, {64, 32, 16, 4}, {64, 64, 16, 4}, {128, 64, 16, 8}}};

std::optional<FmaTile> FmaTile::parse(const std::string& id) {
  const auto* tile =
      std::find_if(kTiles.begin(), kTiles.end(), [&](const FmaTile& t) { return t.id() == id; });
  return tile == kTiles.end() ? std::nullopt : std::optional(*tile);
}

double predicted_us(const ConvProblem& p, const FmaTile& t, const GpuTraits& gpu) {
  const auto real = [](int64_t v) { return static_cast<double>(v); };
  const int64_t per_sm = (t.blocks(p) + gpu.multiprocessors - 1) / gpu.multiprocessors;
  const double clock = gpu.clock_ghz * 1e3;
  const double fma_per_cycle = gpu.f32_tflops * 1e6 / 2 / gpu.multiprocessors / clock;
  // Shared memory delivers operands for half of the rate, three quarters with eight rows a thread;
  // few warps do not fill the multiprocessor.
  const double warps = real(std::min<int64_t>(per_sm, 8) * t.threads() / 32);
  const double rate = fma_per_cycle * (t.tm == 8 ? 0.7 : 0.5) * std::min(1.0, warps / 12);
  const double steps = real((p.depth() + t.bk - 1) / t.bk);
  const double products = real(per_sm * t.bm * t.bn) * steps * real(t.bk) / rate;
  const double latency = steps * 600;
  const double cycles = 1500 + std::max(products, latency);
  const double bytes = real(p.pixels() * p.out_channels * p.groups * 4 * p.stores() +
                            p.batch * p.in_h * p.in_w * p.in_channels * p.groups * 4 +
                            p.out_channels * p.depth() * p.groups * 4);
  return gpu.edge_us + std::max(cycles / clock, bytes / (gpu.memory_gb_per_s * 600));
}

struct ConvFma {
  typedef FmaTile Tile;

  static std::vector<Ranked<Tile>> offered(const ConvProblem& p, const GpuTraits& gpu) {
    std::vector<Ranked<Tile>> tiles;
    for (const Tile& t : kTiles)
      if (t.is_legal(p, gpu)) tiles.push_back({t, predicted_us(p, t, gpu)});
    keep_cheapest(tiles, kTiles.size());
    return tiles;
  }
  /// [group][k][column], columns padded to 4 with zeros.
  static PackedWeights pack(Graph& graph, const ConvProblem& p, const Tile&) {
    const int64_t columns = (p.out_channels + 3) / 4 * 4;
    const auto weight = weight_reader(graph, p);
    std::vector<float> packed(static_cast<size_t>(p.groups * p.depth() * columns), 0.0f);
    for (int64_t g = 0; g < p.groups; ++g)
      for (int64_t k = 0; k < p.depth(); ++k)
        for (int64_t n = 0; n < p.out_channels; ++n)
          packed[static_cast<size_t>((g * p.depth() + k) * columns + n)] = weight(g, n, k);
    const ValueId value =
        graph.add_constant(graph.unique_name(graph.value(p.weights).name + ".columns"), DType::kF32,
                           {p.groups, p.depth(), columns}, packed);
    return {value, "float", "kColumns = " + std::to_string(columns)};
  }
  static ConvKernel kernel(const ConvProblem& p, const Tile& t, const GpuTraits&) {
    ConvKernel kernel;
    kernel.header = "conv_fma.cuh";
    kernel.name = "ConvFma";
    kernel.tile = "FmaTile<" + list_text({t.bm, t.bn, t.bk, t.tm}) + ">";
    kernel.shape = {{t.blocks(p), 1, 1}, t.threads(), 1, 0};
    return kernel;
  }
};

}  // namespace

const Family kConvFmaFamily = conv_family<ConvFma>("conv-fma");

}  // namespace stint::builder
