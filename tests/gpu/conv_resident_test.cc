// Convolutions for few pixels, every tactic against the double reference.
#include <doctest/doctest.h>

#include <cstdlib>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"
#include "tests/gpu/support/conv_cases.h"

using namespace stint;
using namespace stint::test;
using builder::kConvResidentFamily;

namespace {

/// Every `step`-th of all legal tiles, not only those that the family would offer.
size_t g_first = 0, g_step = 1;
std::vector<builder::Tactic> sampled_tactics(const builder::Graph& graph, const builder::Node& node,
                                             const builder::Target& target) {
  std::vector<builder::Tactic> result;
  if (kConvResidentFamily.tactics(graph, node, target).empty()) return result;
  const auto all = rank_resident_tiles(*builder::conv_problem(graph, node), target.gpu, SIZE_MAX);
  for (size_t i = g_first; i < all.size(); i += g_step)
    result.push_back({all[i].tile.id(), all[i].us});
  return result;
}

}  // namespace

TEST_CASE("conv_resident: kernels, strides, dilations, groups and channel counts") {
  if (cannot_check()) return;
  check_family(conv_case({.k = 1, .pad = 0}), kConvResidentFamily);
  check_family(conv_case({.n = 2, .c = 64, .o = 64}), kConvResidentFamily);
  check_family(conv_case({.h = 15, .w = 14, .c = 64, .o = 40, .stride = 2}), kConvResidentFamily);
  check_family(conv_case({.n = 2, .c = 24, .o = 48, .k = 1, .stride = 2, .pad = 0}),
               kConvResidentFamily);
  check_family(conv_case({.c = 24, .o = 48, .k = 1, .pad = 1}), kConvResidentFamily);
  check_family(conv_case({.n = 2, .c = 32, .o = 32, .k = 5, .pad = 4, .dilation = 2}),
               kConvResidentFamily);
  check_family(conv_case({.c = 128, .o = 32, .groups = 4}), kConvResidentFamily);
  check_family(conv_case({.c = 48, .o = 36, .k = 1, .pad = 0, .groups = 2}), kConvResidentFamily);
  check_family(conv_case({.c = 96, .o = 85, .y = DType::kF32}), kConvResidentFamily);
  check_family(conv_case({.n = 3, .h = 7, .w = 7, .c = 512, .o = 128}), kConvResidentFamily);
  check_family(matmul_case({8, 256}, 1000, DType::kF32), kConvResidentFamily);
}

TEST_CASE("conv_resident: strided operands and residuals") {
  if (cannot_check()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  check_family(conv_case({.n = 2, .residual = true, .in = wide, .out = wide, .extra = wide}),
               kConvResidentFamily);
  check_family(conv_case({.n = 2,
                          .k = 1,
                          .pad = 0,
                          .residual = true,
                          .residual_after = true,
                          .in = wide,
                          .out = odd,
                          .extra = odd}),
               kConvResidentFamily);
  check_family(conv_case({.y = DType::kF32, .r = DType::kF32, .bias = false, .residual = true}),
               kConvResidentFamily);
}

TEST_CASE("conv_resident: a second result with repeated pixels") {
  if (cannot_check()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  check_family(conv_case({.k = 1, .pad = 0, .repeat_h = 2, .repeat_w = 2}), kConvResidentFamily);
  check_family(conv_case({.n = 2,
                          .k = 1,
                          .pad = 0,
                          .repeat_h = 2,
                          .repeat_w = 2,
                          .stores_y = false,
                          .copies = wide}),
               kConvResidentFamily);
  check_family(conv_case({.n = 2,
                          .c = 64,
                          .o = 40,
                          .residual = true,
                          .extra = wide,
                          .repeat_h = 3,
                          .repeat_w = 3,
                          .stores_y = false}),
               kConvResidentFamily);
  check_family(conv_case({.h = 15,
                          .w = 14,
                          .c = 64,
                          .o = 72,
                          .stride = 2,
                          .out = odd,
                          .repeat_h = 2,
                          .repeat_w = 1,
                          .copies = odd}),
               kConvResidentFamily);
  check_family(conv_case({.c = 64,
                          .o = 32,
                          .residual = true,
                          .residual_after = true,
                          .act = Activation::kSilu,
                          .repeat_h = 1,
                          .repeat_w = 2,
                          .stores_y = false,
                          .copies = odd}),
               kConvResidentFamily);
  check_family(conv_case({.w = 1, .c = 64, .o = 64, .repeat_h = 2, .repeat_w = 4}),
               kConvResidentFamily);
}

TEST_CASE("conv_resident: every legal tile, also those that rank low") {
  if (cannot_check()) return;
  builder::Family family = kConvResidentFamily;
  family.tactics = sampled_tactics;
  g_step = std::getenv("STINT_GPU_THOROUGH") != nullptr ? 7 : 67;
  g_first = 1;
  check_family(conv_case({.n = 2, .h = 13, .w = 17, .c = 288, .o = 264, .residual = true}), family);
  g_first = 2;
  check_family(conv_case({.n = 8, .h = 9, .w = 9, .c = 168, .o = 72, .k = 1, .pad = 0}), family);
  g_first = 3;
  check_family(conv_case({.n = 2, .h = 14, .w = 14, .c = 64, .o = 64, .stride = 2}), family);
}
