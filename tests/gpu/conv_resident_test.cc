// Convolutions for few pixels, every tactic against the double reference.
#include <doctest/doctest.h>

#include <cstdlib>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"
#include "tests/gpu/support/tile_sample.h"

using namespace stint;
using namespace stint::test;
using builder::kConvResidentFamily;

namespace {

/// Every `step`-th of all legal tiles, from the `first`.
void check_tiles(const StepCase& c, size_t first) {
  const size_t step = std::getenv("STINT_GPU_THOROUGH") != nullptr ? 7 : 67;
  TileSample<builder::ConvResidentTile>::check(c, kConvResidentFamily, {first, step}, nullptr);
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
  for (const StepCase& c : repeated_pixel_cases()) check_family(c, kConvResidentFamily);
}

TEST_CASE("conv_resident: every legal tile, also those that rank low") {
  if (cannot_check()) return;
  check_tiles(conv_case({.n = 2, .h = 13, .w = 17, .c = 288, .o = 264, .residual = true}), 1);
  check_tiles(conv_case({.n = 8, .h = 9, .w = 9, .c = 168, .o = 72, .k = 1, .pad = 0}), 2);
  check_tiles(conv_case({.n = 2, .h = 14, .w = 14, .c = 64, .o = 64, .stride = 2}), 3);
}
