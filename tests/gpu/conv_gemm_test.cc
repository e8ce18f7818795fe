// Convolutions and matrix products on tensor cores, every tactic against the double reference.
#include <doctest/doctest.h>

#include <cstdlib>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_gemm_tile.h"
#include "tests/gpu/support/tile_sample.h"

using namespace stint;
using namespace stint::test;
using builder::kConvGemmFamily;

namespace {

/// Every `step`-th of all legal tiles, from the `first`.
void check_tiles(const StepCase& c, size_t first) {
  const size_t step = std::getenv("STINT_GPU_THOROUGH") != nullptr ? 3 : 41;
  TileSample<builder::ConvGemmTile>::check(c, kConvGemmFamily, {first, step}, nullptr);
}

}  // namespace

TEST_CASE("conv_gemm: kernels, strides, dilations, groups and channel counts") {
  if (cannot_check()) return;
  check_family(conv_case({.k = 1, .pad = 0}), kConvGemmFamily);
  check_family(conv_case({.c = 64, .o = 64}), kConvGemmFamily);
  check_family(conv_case({.h = 15, .w = 14, .c = 64, .o = 40, .stride = 2}), kConvGemmFamily);
  check_family(conv_case({.c = 24, .o = 48, .k = 1, .stride = 2, .pad = 0}), kConvGemmFamily);
  check_family(conv_case({.n = 2, .c = 40, .o = 32, .k = 5, .pad = 4, .dilation = 2}),
               kConvGemmFamily);
  check_family(conv_case({.c = 64, .o = 32, .groups = 4}), kConvGemmFamily);
  check_family(conv_case({.c = 24, .o = 36, .groups = 2}), kConvGemmFamily);
  check_family(
      conv_case(
          {.h = 20, .w = 22, .c = 3, .o = 64, .k = 7, .stride = 2, .pad = 3, .x = DType::kF32}),
      kConvGemmFamily);
  check_family(conv_case({.c = 3, .o = 16}), kConvGemmFamily);
  check_family(conv_case({.c = 20, .o = 85, .k = 1, .pad = 0, .y = DType::kF32}), kConvGemmFamily);
  check_family(conv_case({.c = 85, .o = 20}), kConvGemmFamily);
  check_family(conv_case({.n = 3, .h = 7, .w = 7, .c = 512, .o = 128}), kConvGemmFamily);
}

TEST_CASE("conv_gemm: strided operands") {
  if (cannot_check()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  check_family(conv_case({.n = 2, .k = 1, .pad = 0, .in = {.inner = 32}, .out = {.inner = 64}}),
               kConvGemmFamily);
  check_family(conv_case({.n = 2, .residual = true, .in = wide, .out = wide, .extra = wide}),
               kConvGemmFamily);
  check_family(conv_case({.n = 2, .residual = true, .in = odd, .out = odd, .extra = odd}),
               kConvGemmFamily);
}

TEST_CASE("conv_gemm: epilogues") {
  if (cannot_check()) return;
  for (int act = 0; act <= static_cast<int>(Activation::kElu); ++act) {
    CAPTURE(act);
    check_family(conv_case({.k = 1,
                            .pad = 0,
                            .residual = act % 2 == 0,
                            .residual_after = act % 4 == 0,
                            .act = static_cast<Activation>(act),
                            .alpha = act == 2 ? -0.5f : 0.125f,
                            .beta = 0.75f}),
                 kConvGemmFamily);
  }
  check_family(conv_case({.y = DType::kF32, .r = DType::kF32, .residual = true}), kConvGemmFamily);
  check_family(conv_case({.bias = false, .residual = true, .residual_after = true}),
               kConvGemmFamily);
  check_family(conv_case({.bias = false, .act = Activation::kNone}), kConvGemmFamily);
}

TEST_CASE("conv_gemm: a residual in the output's storage") {
  if (cannot_check()) return;
  // The result takes the place of y, which then is nobody's output.
  StepCase c = conv_case({.c = 64, .o = 64, .residual = true});
  c.graph.outputs.clear();
  c.node.outputs = {c.output_over("z", c.node.inputs[3])};
  check_family(c, kConvGemmFamily);
}

TEST_CASE("conv_gemm: a second result with repeated pixels") {
  if (cannot_check()) return;
  for (const StepCase& c : repeated_pixel_cases()) check_family(c, kConvGemmFamily);
  check_family(conv_case({.c = 64, .o = 64, .groups = 4, .repeat_h = 2, .repeat_w = 2}),
               kConvGemmFamily);
}

TEST_CASE("conv_gemm: matrix products") {
  if (cannot_check()) return;
  check_family(matmul_case({1, 512}, 1000, DType::kF32), kConvGemmFamily);
  check_family(matmul_case({8, 256}, 1000), kConvGemmFamily);
  check_family(matmul_case({32, 256}, 100), kConvGemmFamily);
  check_family(matmul_case({2, 3, 10, 40}, 24), kConvGemmFamily);
  check_family(matmul_case({2, 3, 10, 40}, 24, DType::kF16, {.inner = 8, .outer = 16}),
               kConvGemmFamily);
  check_family(matmul_case({512}, 48), kConvGemmFamily);
}

TEST_CASE("conv_gemm: every legal tile, also those that rank low") {
  if (cannot_check()) return;
  check_tiles(conv_case({.n = 2, .h = 13, .w = 17, .c = 288, .o = 264, .residual = true}), 1);
  check_tiles(conv_case({.n = 8, .h = 9, .w = 9, .c = 160, .o = 72, .k = 1, .pad = 0}), 2);
  check_tiles(conv_case({.n = 2, .h = 13, .w = 17, .c = 50, .o = 70, .x = DType::kF32}), 0);
}
