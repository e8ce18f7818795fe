// Tiles of the families of products: of all that are legal for a layer, not only of those that the
// family would offer and of layers large enough for it.
#pragma once

#include <cstdlib>
#include <vector>

#include "host_builder/lowering/cuda/gemm/gemm_cost.h"
#include "tests/gpu/support/conv_cases.h"

namespace stint::test {

template <typename Tile>
struct TileSample {
  size_t first = 0, step = 1;  // every `step`-th one with a property
  bool (*wanted)(const Tile&) = [](const Tile&) { return true; };

  /// On the host, two of the sample at random. Null: for every target.
  static void check(const StepCase& c, builder::Family family, TileSample sample = {},
                    const builder::Target* target = &builder::find_target("sm_90")) {
    const bool few = !on_host() && std::getenv("STINT_GPU_THOROUGH") == nullptr;
    if (few && sample.step == 1) sample.step = 7;
    current = sample;
    family.tactics = tactics;
    check_family(c, family, {}, target);
  }

 private:
  static std::vector<builder::Tactic> tactics(const builder::Graph& graph,
                                              const builder::Node& node,
                                              const builder::Target& target) {
    std::vector<builder::Tactic> wanted, result;
    const auto p = builder::conv_problem(graph, node);
    if (!p) return result;
    for (const auto& [tile, us] : Tile::ranked(*p, target.gpu, SIZE_MAX))
      if (current.wanted(tile)) wanted.push_back({tile.id(), us});
    for (size_t i = current.first; i < wanted.size(); i += current.step)
      result.push_back(wanted[i]);
    return result;
  }

  inline static TileSample current;  // families are plain functions
};

inline bool has_no_warpgroups() {
  return cannot_check() || (!on_host() && !test_target().gpu.has_wgmma());
}

}  // namespace stint::test
