// Convolutions by warpgroups, every tactic against the double reference. On sm_90 only.
#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"
#include "tests/gpu/support/tile_sample.h"

using namespace stint;
using namespace stint::test;
using builder::ConvWgmmaTile;

namespace {

typedef TileSample<ConvWgmmaTile> Sample;

void check(const StepCase& c, Sample sample = {}) {
  Sample::check(c, builder::kConvWgmmaFamily, sample);
}

}  // namespace

TEST_CASE("conv_wgmma: kernels, strides, dilations, groups and channel counts") {
  if (has_no_warpgroups()) return;
  check(conv_case({.k = 1, .pad = 0}));
  check(conv_case({.n = 2, .c = 64, .o = 64}));
  check(conv_case({.h = 15, .w = 14, .c = 64, .o = 40, .stride = 2}));
  check(conv_case({.n = 2, .c = 24, .o = 48, .k = 1, .stride = 2, .pad = 0}));
  check(conv_case({.c = 24, .o = 48, .k = 1, .pad = 1}));
  check(conv_case({.n = 2, .c = 40, .o = 32, .k = 5, .pad = 4, .dilation = 2}));
  check(conv_case({.c = 64, .o = 32, .groups = 4}));
  check(conv_case({.c = 48, .o = 36, .k = 1, .pad = 0, .groups = 2}));
  check(conv_case({.c = 96, .o = 85, .y = DType::kF32}));
  check(conv_case({.n = 3, .h = 7, .w = 7, .c = 512, .o = 128}));
}

TEST_CASE("conv_wgmma: strided operands") {
  if (has_no_warpgroups()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  check(conv_case({.n = 2, .k = 1, .pad = 0, .in = {.inner = 32}, .out = {.inner = 64}}));
  check(conv_case({.n = 2, .residual = true, .in = wide, .out = wide, .extra = wide}));
  check(conv_case({.n = 2, .residual = true, .in = wide, .out = odd, .extra = odd}));
}

TEST_CASE("conv_wgmma: epilogues") {
  if (has_no_warpgroups()) return;
  for (const Activation act : {Activation::kNone, Activation::kSilu, Activation::kLeakyRelu}) {
    CAPTURE(static_cast<int>(act));
    check(conv_case({.k = 1,
                     .pad = 0,
                     .residual = act != Activation::kSilu,
                     .residual_after = act == Activation::kNone,
                     .act = act,
                     .alpha = 0.125f,
                     .beta = 0.75f}));
  }
  check(conv_case({.y = DType::kF32, .r = DType::kF32, .bias = false, .residual = true}));
}

TEST_CASE("conv_wgmma: a residual in the output's storage") {
  if (has_no_warpgroups()) return;
  StepCase c = conv_case({.c = 64, .o = 64, .residual = true});
  c.graph.outputs.clear();
  c.node.outputs = {c.output_over("z", c.node.inputs[3])};
  check(c);
}

TEST_CASE("conv_wgmma: a second result with repeated pixels") {
  if (has_no_warpgroups()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  check(conv_case(
      {.n = 2, .k = 1, .pad = 0, .repeat_h = 2, .repeat_w = 2, .stores_y = false, .copies = wide}));
  check(conv_case({.c = 64, .o = 64, .groups = 2, .repeat_h = 2, .repeat_w = 2}));
}

TEST_CASE("conv_wgmma: matrix products") {
  if (has_no_warpgroups()) return;
  check(matmul_case({40, 512}, 1000, DType::kF32));
  check(matmul_case({2, 3, 10, 40}, 24, DType::kF16, {.inner = 8, .outer = 16}));
  check(matmul_case({130, 256}, 264));
}

TEST_CASE("conv_wgmma: every legal tile") {
  if (has_no_warpgroups()) return;
  // Neither pixels nor channels are multiples of a tile; k of a step.
  const ConvCase odd = {.n = 2, .h = 13, .w = 17, .c = 72, .o = 264, .residual = true};
  const StepCase three_by_three = conv_case(odd);
  check(three_by_three, {.wanted = [](const ConvWgmmaTile& t) { return t.cluster > 1; }});
  check(three_by_three,
        {.wanted = [](const ConvWgmmaTile& t) { return t.stages == 3 && t.cluster == 1; }});
  check(three_by_three,
        {.wanted = [](const ConvWgmmaTile& t) { return t.stages == 4 && t.cluster == 1; }});
  check(three_by_three, {.wanted = [](const ConvWgmmaTile& t) { return t.bn == 256; }});
  check(three_by_three, {.wanted = [](const ConvWgmmaTile& t) { return t.bm == 256; }});
  check(three_by_three, {.wanted = [](const ConvWgmmaTile& t) { return t.bm == 192; }});
  check(three_by_three, {.wanted = [](const ConvWgmmaTile& t) { return t.bn == 96; }});
  // Few steps: everything is copied at once.
  const StepCase short_one =
      conv_case({.n = 8, .h = 9, .w = 9, .c = 160, .o = 72, .k = 1, .pad = 0});
  check(short_one, {.first = 1, .step = 2});
  check(short_one, {.wanted = [](const ConvWgmmaTile& t) { return t.stages < 3; }});
  // Whole tiles, as in most networks.
  const StepCase whole = conv_case({.n = 4, .h = 8, .w = 16, .c = 128, .o = 128});
  check(whole, {.wanted = [](const ConvWgmmaTile& t) { return t.bm == 128 && t.stages > 4; }});
  check(whole, {.wanted = [](const ConvWgmmaTile& t) { return t.bn == 128 && t.cluster == 4; }});
}
