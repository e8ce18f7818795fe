// How fast the convolutions of well-known networks are, tactic by tactic, as steps of a chain. Runs
// on request only: STINT_GPU_TIME=1, STINT_GPU_LAYERS=rn50 (names that start so),
// STINT_GPU_BATCH=1,8,32, STINT_GPU_FAMILY=conv-gemm.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_gemm_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_window_tile.h"
#include "tests/gpu/support/conv_cases.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;

namespace {

struct Layer {
  const char* name;
  int64_t size, in, out, k, stride;
  bool residual = false;
};

// Square inputs of `size`, "same" padding; once per distinct shape.
constexpr Layer kLayers[] = {
    {"rn50.conv1", 224, 3, 64, 7, 2},       {"rn50.2a", 56, 64, 64, 1, 1},
    {"rn50.2b", 56, 64, 64, 3, 1},          {"rn50.2c", 56, 64, 256, 1, 1, true},
    {"rn50.2a2", 56, 256, 64, 1, 1},        {"rn50.3a", 56, 256, 128, 1, 1},
    {"rn50.3b", 56, 128, 128, 3, 2},        {"rn50.3d", 56, 256, 512, 1, 2},
    {"rn50.3c", 28, 128, 512, 1, 1, true},  {"rn50.3a2", 28, 512, 128, 1, 1},
    {"rn50.3b2", 28, 128, 128, 3, 1},       {"rn50.4a", 28, 512, 256, 1, 1},
    {"rn50.4b", 28, 256, 256, 3, 2},        {"rn50.4d", 28, 512, 1024, 1, 2},
    {"rn50.4c", 14, 256, 1024, 1, 1, true}, {"rn50.4a2", 14, 1024, 256, 1, 1},
    {"rn50.4b2", 14, 256, 256, 3, 1},       {"rn50.5a", 14, 1024, 512, 1, 1},
    {"rn50.5b", 14, 512, 512, 3, 2},        {"rn50.5d", 14, 1024, 2048, 1, 2},
    {"rn50.5c", 7, 512, 2048, 1, 1, true},  {"rn50.5a2", 7, 2048, 512, 1, 1},
    {"rn50.5b2", 7, 512, 512, 3, 1},        {"rn50.fc", 1, 2048, 1000, 1, 1},
    {"rn18.3b", 56, 64, 128, 3, 2},         {"rn18.4b", 28, 128, 256, 3, 2},
    {"rn18.5b", 14, 256, 512, 3, 2},        {"goog.conv3", 56, 64, 192, 3, 1},
    {"goog.3a.1x1", 28, 192, 176, 1, 1},    {"goog.3a.3x3", 28, 96, 128, 3, 1},
    {"goog.3a.5x5", 28, 16, 32, 3, 1},      {"goog.4e.1x1", 14, 528, 448, 1, 1},
    {"goog.4e.3x3", 14, 160, 320, 3, 1},    {"goog.5b.1x1", 7, 832, 624, 1, 1},
    {"goog.5b.3x3", 7, 192, 384, 3, 1},     {"mbv2.expand1", 112, 16, 96, 1, 1},
    {"mbv2.project1", 56, 96, 24, 1, 1},    {"mbv2.expand2", 56, 24, 144, 1, 1},
    {"mbv2.project2", 28, 144, 32, 1, 1},   {"mbv2.expand3", 28, 32, 192, 1, 1},
    {"mbv2.expand4", 14, 64, 384, 1, 1},    {"mbv2.project4", 14, 384, 64, 1, 1, true},
    {"mbv2.expand6", 7, 160, 960, 1, 1},    {"mbv2.project6", 7, 960, 160, 1, 1, true},
    {"mbv2.last", 7, 320, 1280, 1, 1},      {"sqz.fire2.squeeze", 55, 64, 16, 1, 1},
    {"sqz.fire2.3x3", 55, 16, 64, 3, 1},    {"sqz.fire4.squeeze", 27, 128, 32, 1, 1},
    {"sqz.fire4.3x3", 27, 32, 128, 3, 1},   {"sqz.fire8.3x3", 13, 64, 256, 3, 1},
    {"sqz.last", 13, 512, 1000, 1, 1},      {"yolox.focus", 208, 12, 16, 3, 1},
    {"yolox.1x1", 52, 64, 64, 1, 1},        {"yolox.head", 52, 64, 85, 1, 1},
};

std::vector<int64_t> batches() {
  const char* list = std::getenv("STINT_GPU_BATCH");
  std::istringstream text(list == nullptr ? "1,8,32" : list);
  std::vector<int64_t> result;
  for (std::string item; std::getline(text, item, ',');) result.push_back(std::atoll(item.c_str()));
  return result;
}

/// The best predictions and every n-th of the others: what the cost models are fitted to.
template <typename Tile>
std::vector<builder::Tactic> spread(const builder::Graph& graph, const builder::Node& node,
                                    const builder::Target& target) {
  constexpr size_t kBest = 24, kOthers = 24;
  const auto all = Tile::ranked(*builder::conv_problem(graph, node), target.gpu, 600);
  std::vector<builder::Tactic> result;
  for (size_t i = 0; i < all.size(); ++i)
    if (i < kBest || i % (all.size() / kOthers + 1) == 0)
      result.push_back({all[i].tile.id(), all[i].us});
  return result;
}

}  // namespace

TEST_CASE("conv_gemm: time of the layers of well-known networks") {
  if (!timing_wanted()) return;
  const char* wanted = std::getenv("STINT_GPU_LAYERS");
  const std::string prefix = wanted == nullptr ? "" : wanted;
  std::vector<builder::Family> families = {builder::kConvGemmFamily, builder::kConvResidentFamily,
                                           builder::kConvWgmmaFamily, builder::kConvWindowFamily};
  if (std::getenv("STINT_GPU_THOROUGH") != nullptr) {
    families[0].tactics = spread<builder::ConvGemmTile>;
    families[1].tactics = spread<builder::ConvResidentTile>;
    families[2].tactics = spread<builder::ConvWgmmaTile>;
    families[3].tactics = spread<builder::ConvWindowTile>;
  }
  if (const char* only = std::getenv("STINT_GPU_FAMILY"); only != nullptr)
    std::erase_if(families, [&](const auto& f) { return std::string(f.name) != only; });
  for (const int64_t batch : batches()) {
    double sum = 0, sum_of_first = 0;
    for (const Layer& l : kLayers) {
      if (std::string(l.name).rfind(prefix, 0) != 0) continue;
      ConvCase t;
      t.n = batch;
      t.h = t.w = l.size;
      t.c = l.in;
      t.o = l.out;
      t.k = l.k;
      t.stride = l.stride;
      t.pad = l.k / 2;
      t.residual = l.residual;
      if (l.in == 3) t.x = DType::kF32;
      const std::string title = std::string(l.name) + " b" + std::to_string(batch);
      TimingOptions options;
      // As in a network: weights and activations in the second-level cache, not in a near one.
      options.operand_sets = 6;
      if (batch > 1) {  // operands are larger than the near caches anyway
        options.operand_sets = 2;
        options.chain = 8;
        options.repetitions = 5;
        options.launches = 8;
      }
      std::vector<TimedTactic> timed;
      for (const builder::Family& family : families)
        for (TimedTactic& tactic : time_family(title, conv_case(t), family, 1000, options))
          timed.push_back(std::move(tactic));
      if (timed.empty()) continue;  // no tactic of the wanted families fits
      std::stable_sort(timed.begin(), timed.end(),
                       [](const auto& a, const auto& b) { return a.us < b.us; });
      sum += timed[0].us;
      const auto first = std::min_element(
          timed.begin(), timed.end(),
          [](const auto& a, const auto& b) { return a.predicted_us < b.predicted_us; });
      sum_of_first += first->us;
      std::printf("BEST %s %.2f us %s; predicted best takes %.2f us %s\n", title.c_str(),
                  timed[0].us, timed[0].id.c_str(), first->us, first->id.c_str());
      std::fflush(stdout);
    }
    std::printf("SUM b%lld: best %.1f us, predicted best %.1f us\n", static_cast<long long>(batch),
                sum, sum_of_first);
  }
}
