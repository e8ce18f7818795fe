// Convolutions from a window of pixels, every tactic against the double reference. On sm_90 only.
#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_window_tile.h"
#include "tests/gpu/support/tile_sample.h"

using namespace stint;
using namespace stint::test;
using builder::ConvWindowTile;

namespace {

typedef TileSample<ConvWindowTile> Sample;

void check(const StepCase& c, Sample sample = {}) {
  Sample::check(c, builder::kConvWindowFamily, sample);
}

bool stays(const ConvWindowTile& t) { return t.stages == 0; }
bool passes(const ConvWindowTile& t) { return t.stages > 0; }

}  // namespace

TEST_CASE("conv_window: kernels, dilations and channel counts") {
  if (has_no_warpgroups()) return;
  check(conv_case({.c = 64, .o = 64}));
  check(conv_case({.n = 3, .c = 64, .o = 40}));
  check(conv_case({.n = 2, .c = 32, .o = 32}), {.wanted = passes});
  check(conv_case({.n = 2, .c = 48, .o = 36}), {.wanted = stays});
  check(conv_case({.n = 2, .c = 16, .o = 32, .k = 5, .pad = 4, .dilation = 2}));
  check(conv_case({.c = 96, .o = 85, .k = 3, .pad = 0, .y = DType::kF32}));
  check(conv_case({.n = 2, .h = 5, .w = 3, .c = 64, .o = 32, .k = 3, .pad = 2}));
  check(conv_case({.n = 4, .h = 1, .w = 40, .c = 32, .o = 64}));
  check(conv_case({.n = 2, .c = 64, .o = 264, .k = 1, .pad = 0}));
  check(conv_case({.n = 2, .c = 48, .o = 96, .k = 1, .pad = 1}));
  check(conv_case({.n = 3, .h = 7, .w = 7, .c = 512, .o = 128}));
}

TEST_CASE("conv_window: strided operands") {
  if (has_no_warpgroups()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  check(conv_case({.n = 2, .k = 1, .pad = 0, .in = {.inner = 32}, .out = {.inner = 64}}));
  check(conv_case({.n = 2, .residual = true, .in = wide, .out = wide, .extra = wide}));
  check(conv_case({.n = 2, .c = 64, .residual = true, .in = wide, .out = odd, .extra = odd}));
}

TEST_CASE("conv_window: epilogues") {
  if (has_no_warpgroups()) return;
  for (const Activation act : {Activation::kNone, Activation::kSilu, Activation::kLeakyRelu}) {
    CAPTURE(static_cast<int>(act));
    check(conv_case({.residual = act != Activation::kSilu,
                     .residual_after = act == Activation::kNone,
                     .act = act,
                     .alpha = 0.125f,
                     .beta = 0.75f}));
  }
  check(conv_case({.y = DType::kF32, .r = DType::kF32, .bias = false, .residual = true}));
}

TEST_CASE("conv_window: a residual in the output's storage") {
  if (has_no_warpgroups()) return;
  StepCase c = conv_case({.c = 64, .o = 64, .residual = true});
  c.graph.outputs.clear();
  c.node.outputs = {c.output_over("z", c.node.inputs[3])};
  check(c);
}

TEST_CASE("conv_window: a second result with repeated pixels") {
  if (has_no_warpgroups()) return;
  check(conv_case({.c = 64, .o = 64, .repeat_h = 2, .repeat_w = 2}));
}

TEST_CASE("conv_window: matrix products") {
  if (has_no_warpgroups()) return;
  check(matmul_case({130, 256}, 264));
  check(matmul_case({600, 64}, 200, DType::kF32));
}

TEST_CASE("conv_window: every legal tile") {
  if (has_no_warpgroups()) return;
  // Neither pixels nor channels are multiples of a tile.
  const StepCase odd = conv_case({.n = 3, .h = 13, .w = 17, .c = 128, .o = 264, .residual = true});
  check(odd, {.wanted = [](const ConvWindowTile& t) { return t.cluster > 1; }});
  check(odd, {.wanted = [](const ConvWindowTile& t) { return t.stages == 3; }});
  check(odd, {.wanted = [](const ConvWindowTile& t) { return t.stages == 8; }});
  check(odd, {.wanted = [](const ConvWindowTile& t) { return t.bn == 256; }});
  check(odd, {.wanted = [](const ConvWindowTile& t) { return t.bm == 256; }});
  check(odd, {.wanted = [](const ConvWindowTile& t) { return t.bm == 192; }});
  // Blocks go from tile to tile: a small device, so that there are more tiles than blocks.
  builder::Target small = builder::find_target("sm_90");
  small.gpu.multiprocessors = 3;
  const StepCase many = conv_case({.n = 4, .h = 14, .w = 13, .c = 64, .o = 72, .residual = true});
  for (const int64_t windows : {1, 2}) {
    Sample sample = {.wanted = [](const ConvWindowTile& t) { return stays(t) && t.windows == 1; }};
    if (windows == 2)
      sample.wanted = [](const ConvWindowTile& t) { return stays(t) && t.windows == 2; };
    Sample::check(many, builder::kConvWindowFamily, sample, &small);
  }
  // Whole tiles; parts of the channels in the blocks of clusters.
  const StepCase whole = conv_case({.n = 2, .h = 15, .w = 15, .c = 256, .o = 128});
  check(whole, {.wanted = [](const ConvWindowTile& t) { return t.bm == 128 && t.cluster == 1; }});
  check(whole, {.wanted = [](const ConvWindowTile& t) { return t.bn == 128 && t.cluster == 4; }});
}
