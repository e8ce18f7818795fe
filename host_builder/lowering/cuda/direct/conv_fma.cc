// Convolutions and products with constant matrices in plain f32: kernels/cuda/conv_fma.cuh.
#include <algorithm>
#include <array>
#include <cstdio>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_problem.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/support/error.h"

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
};

// Every one divides its loads into whole passes for 1, 2 and 4 k at once.
constexpr std::array<FmaTile, 5> kTiles = {
    {{16, 32, 16, 4}, {32, 32, 16, 4}, {64, 32, 16, 4}, {64, 64, 16, 4}, {128, 64, 16, 8}}};

bool suits(const ConvProblem& p) {
  // 63 taps are what one mask holds; with fewer channels a group, tiles are mostly empty.
  return p.taps() < 64 && (p.groups == 1 || p.out_channels >= 8);
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

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  const auto p = conv_problem(graph, node);
  if (!p || !suits(*p)) return result;
  for (const FmaTile& t : kTiles)
    if (t.blocks(*p) <= 2147483647) result.push_back({t.id(), predicted_us(*p, t, target.gpu)});
  std::stable_sort(result.begin(), result.end(), [](const Tactic& a, const Tactic& b) {
    return a.predicted_us < b.predicted_us;
  });
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  const auto p = conv_problem(graph, node);
  const auto* tile = std::find_if(kTiles.begin(), kTiles.end(),
                                  [&](const FmaTile& t) { return t.id() == tactic.id; });
  if (!p || tile == kTiles.end() || !suits(*p))
    throw BuildError("node '" + node.name + "': tactic '" + tactic.id + "' does not fit it on " +
                     target.name + "; delete it from the tactic file");
  // [group][k][column], columns padded to 4 with zeros.
  const int64_t columns = (p->out_channels + 3) / 4 * 4;
  const auto weight = weight_reader(graph, *p);
  std::vector<float> packed(static_cast<size_t>(p->groups * p->depth() * columns), 0.0f);
  for (int64_t g = 0; g < p->groups; ++g)
    for (int64_t k = 0; k < p->depth(); ++k)
      for (int64_t n = 0; n < p->out_channels; ++n)
        packed[static_cast<size_t>((g * p->depth() + k) * columns + n)] = weight(g, n, k);
  const ValueId weights =
      graph.add_constant(graph.unique_name(graph.value(p->weights).name + ".columns"), DType::kF32,
                         {p->groups, p->depth(), columns}, packed);
  StepSpec step = conv_step(graph, node, *p, weights);
  GpuLaunch& launch = *step.launch;
  launch.source = "#include \"conv_fma.cuh\"\n\nstruct Layer {\n" + layer_source(*p) +
                  "  static constexpr int kColumns = " + std::to_string(columns) +
                  ";\n};\ntypedef FmaTile<" + list_text({tile->bm, tile->bn, tile->bk, tile->tm}) +
                  "> Tile;\n" + args_source(*p, "float", false) +
                  "\nextern \"C\" __global__ void __launch_bounds__(" +
                  std::to_string(tile->threads()) +
                  ")\nconv(const __grid_constant__ Args args) {\n  ConvFma<Layer, Tile>::run(" +
                  call_source(*p, false) + ");\n}\n";
  launch.symbol = "conv";
  launch.grid[0] = static_cast<uint32_t>(tile->blocks(*p));
  launch.block[0] = static_cast<uint32_t>(tile->threads());
  return step;
}

}  // namespace

const Family kConvFmaFamily = {"conv-fma", tactics, lower};

}  // namespace stint::builder
