// Products of 8-bit integers on tensor cores: sums are exact, so that f32 results are as good as
// f32, and quantised results are the nearest integers.
#include <doctest/doctest.h>

#include <cstdlib>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_gemm_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"
#include "tests/gpu/support/tile_sample.h"

using namespace stint;
using namespace stint::test;
using builder::kConvGemmFamily;
using builder::kConvResidentFamily;
using builder::kConvWgmmaFamily;

namespace {

constexpr DType kI8 = DType::kI8, kU8 = DType::kU8, kF16 = DType::kF16, kF32 = DType::kF32;

/// Targets that have the instructions; on the host check_family takes others than sm_72.
void check(const StepCase& c) { check_family(c, kConvGemmFamily); }

/// An error of one in a sum shows.
void check_sums(const StepCase& c) {
  check_family(c, kConvGemmFamily, {.relative_l2 = 1e-6, .max_abs = 1e-6});
}

void check_wgmma(const StepCase& c) {
  TileSample<builder::ConvWgmmaTile>::check(c, kConvWgmmaFamily);
}

}  // namespace

TEST_CASE("conv_gemm of bytes: exact sums, whatever the channels and their packets") {
  if (cannot_check()) return;
  for (const DType x : {kI8, kU8}) {
    check_sums(conv_case({.c = 64, .o = 64, .x = x, .y = kF32}));
    check_sums(conv_case({.n = 3, .h = 7, .w = 7, .c = 512, .o = 128, .x = x, .y = kF32}));
    check_sums(conv_case({.c = 24, .o = 48, .k = 1, .stride = 2, .pad = 0, .x = x, .y = kF32}));
    check_sums(conv_case({.c = 20, .o = 85, .x = x, .y = kF32}));
    check_sums(conv_case({.c = 85, .o = 20, .x = x, .y = kF32}));
    check_sums(conv_case(
        {.h = 20, .w = 22, .c = 3, .o = 64, .k = 7, .stride = 2, .pad = 3, .x = x, .y = kF32}));
    check_sums(conv_case({.c = 64, .o = 32, .groups = 4, .x = x, .y = kF32}));
    check_sums(conv_case({.c = 24, .o = 36, .groups = 2, .x = x, .y = kF32}));
  }
}

TEST_CASE("conv_gemm of bytes: strides, dilations, quantised and other results") {
  if (cannot_check()) return;
  for (const DType y : {kI8, kU8, kF16, kF32}) {
    const DType x = y == kU8 ? kI8 : kU8;
    check(conv_case({.k = 1, .pad = 0, .x = x, .y = y, .act = Activation::kNone}));
    check(conv_case({.h = 15, .w = 14, .c = 64, .o = 40, .stride = 2, .x = x, .y = y}));
    check(conv_case({.n = 2, .c = 40, .o = 32, .k = 5, .pad = 4, .dilation = 2, .x = x, .y = y}));
    check(conv_case({.c = 48, .o = 37, .x = x, .y = y, .bias = false}));
  }
}

TEST_CASE("conv_gemm of bytes: residuals of any type, before and after the activation") {
  if (cannot_check()) return;
  for (const DType r : {kI8, kU8, kF16, kF32})
    for (const bool after : {false, true}) {
      check(conv_case({.c = 64,
                       .o = 64,
                       .x = kI8,
                       .y = kI8,
                       .r = r,
                       .residual = true,
                       .residual_after = after}));
      check(conv_case({.c = 32,
                       .o = 24,
                       .x = kU8,
                       .y = kU8,
                       .r = r,
                       .bias = false,
                       .residual = true,
                       .residual_after = after}));
    }
  // In the result's storage: a run is read by the thread that writes it.
  StepCase c = conv_case({.c = 64, .o = 64, .x = kI8, .y = kI8, .r = kI8, .residual = true});
  c.graph.outputs.clear();
  c.node.outputs = {c.output_over("z", c.node.inputs[3])};
  check(c);
}

TEST_CASE("conv_gemm of bytes: every activation") {
  if (cannot_check()) return;
  for (int act = 0; act <= static_cast<int>(Activation::kElu); ++act) {
    CAPTURE(act);
    check(conv_case({.k = 1,
                     .pad = 0,
                     .x = kI8,
                     .y = kI8,
                     .act = static_cast<Activation>(act),
                     .alpha = act == 2 ? -0.5f : 0.125f,
                     .beta = 0.75f}));
  }
}

TEST_CASE("conv_gemm of bytes: strided operands") {
  if (cannot_check()) return;
  const Placement wide = {.inner = 48, .outer = 16, .offset = 16};
  const Placement half = {.inner = 24, .outer = 8, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  for (const Placement& p : {wide, half, odd})
    check(conv_case(
        {.n = 2, .x = kI8, .y = kI8, .r = kI8, .residual = true, .in = p, .out = p, .extra = p}));
}

TEST_CASE("conv_gemm of bytes: a second result with repeated pixels") {
  if (cannot_check()) return;
  check(conv_case({.k = 1, .pad = 0, .x = kU8, .y = kU8, .repeat_h = 2, .repeat_w = 2}));
  check(conv_case({.n = 2,
                   .k = 1,
                   .pad = 0,
                   .x = kI8,
                   .y = kI8,
                   .repeat_h = 2,
                   .repeat_w = 2,
                   .stores_y = false}));
}

TEST_CASE("conv_gemm of bytes: matrix products") {
  if (cannot_check()) return;
  check_sums(matmul_case({1, 512}, 1000, kF32, {}, kI8));
  check_sums(matmul_case({8, 256}, 1000, kF32, {}, kU8));
  check(matmul_case({2, 3, 10, 40}, 24, kI8, {.inner = 8, .outer = 16}, kI8));
  check(matmul_case({512}, 48, kF16, {}, kI8));
}

TEST_CASE("conv_gemm of bytes: every legal tile") {
  if (cannot_check()) return;
  const size_t step = std::getenv("STINT_GPU_THOROUGH") != nullptr ? 3 : 41;
  const auto tiles = [&](const StepCase& c, size_t first) {
    TileSample<builder::ConvGemmTile>::check(c, kConvGemmFamily, {first, step}, nullptr);
  };
  tiles(conv_case({.n = 2,
                   .h = 13,
                   .w = 17,
                   .c = 288,
                   .o = 264,
                   .x = kI8,
                   .y = kI8,
                   .r = kI8,
                   .residual = true}),
        1);
  tiles(
      conv_case({.n = 8, .h = 9, .w = 9, .c = 160, .o = 72, .k = 1, .pad = 0, .x = kU8, .y = kU8}),
      2);
  tiles(conv_case({.n = 2, .h = 13, .w = 17, .c = 50, .o = 70, .x = kI8, .y = kF32}), 0);
}

TEST_CASE("conv_gemm of f16: quantised results and operands") {
  if (cannot_check()) return;
  // The first layer of a network in INT8: real numbers in, integers out.
  check_family(conv_case({.c = 32, .o = 32, .x = kF16, .y = kI8}), kConvGemmFamily, {.steps = 1});
  check_family(conv_case({.c = 3, .o = 16, .x = kF32, .y = kU8}), kConvGemmFamily, {.steps = 1});
}

TEST_CASE("conv_wgmma of bytes: tiles, residuals, types") {
  if (has_no_warpgroups()) return;
  check_wgmma(conv_case({.n = 2, .h = 13, .w = 17, .c = 128, .o = 264, .x = kI8, .y = kF32}));
  check_wgmma(conv_case(
      {.n = 4, .h = 9, .w = 11, .c = 160, .o = 64, .k = 1, .pad = 0, .x = kU8, .y = kU8}));
  check_wgmma(conv_case({.n = 2,
                         .h = 16,
                         .w = 16,
                         .c = 64,
                         .o = 128,
                         .x = kI8,
                         .y = kI8,
                         .r = kI8,
                         .residual = true}));
  check_wgmma(
      conv_case({.n = 1, .h = 31, .w = 33, .c = 32, .o = 70, .stride = 2, .x = kU8, .y = kF16}));
}

TEST_CASE("conv_resident of bytes") {
  if (cannot_check()) return;
  const auto tiles = [](const StepCase& c, size_t first) {
    TileSample<builder::ConvResidentTile>::check(c, kConvResidentFamily, {first, 17});
  };
  tiles(conv_case({.h = 14, .w = 14, .c = 64, .o = 72, .x = kI8, .y = kF32}), 0);
  tiles(conv_case(
            {.h = 7, .w = 9, .c = 256, .o = 64, .x = kU8, .y = kU8, .r = kU8, .residual = true}),
        1);
  tiles(conv_case({.n = 2, .h = 9, .w = 9, .c = 80, .o = 40, .k = 1, .pad = 0, .x = kI8, .y = kI8}),
        2);
  tiles(conv_case(
            {.h = 15, .w = 14, .c = 128, .o = 64, .stride = 2, .groups = 2, .x = kU8, .y = kF16}),
        3);
}
