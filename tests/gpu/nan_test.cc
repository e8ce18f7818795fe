// What is not a number through the tuned kernels: it comes out where the definition lets it reach,
// and nowhere else.
#include <doctest/doctest.h>

#include <cmath>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_window_tile.h"
#include "tests/gpu/support/tile_sample.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

/// The step's run-time operand with a NaN at each of these elements.
StepCase poisoned(StepCase c, const std::vector<size_t>& where) {
  const ValueId x = c.node.inputs[0];
  std::vector<double> values = c.values(x);
  for (const size_t i : where) values[i % values.size()] = NAN;
  c.set(x, values);
  return c;
}

StepCase pool(bool max, int64_t kernel) {
  StepCase c;
  PoolAttributes a;
  a.kind = max ? PoolKind::kMax : PoolKind::kAverage;
  a.kernel = {kernel, kernel};
  a.strides = {2, 2};
  a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {kernel / 2, kernel / 2};
  c.node.op = Op::kPool;
  c.node.attributes = a;
  c.node.inputs = {c.input("x", DType::kF16, {1, 13, 15, 16})};
  c.node.outputs = {c.output("y", DType::kF16, {1, 7, 8, 16})};
  return c;
}

}  // namespace

TEST_CASE("NaN through pooling: first, in the middle and last in its window") {
  if (cannot_check()) return;
  const std::vector<size_t> where = {0, (5 * 15 + 6) * 16 + 3, (6 * 15 + 9) * 16 + 15,
                                     (12 * 15 + 14) * 16 + 8};
  for (const bool max : {true, false}) {
    check_family(poisoned(pool(max, 3), where), kPoolFamily);
    check_family(poisoned(pool(max, 5), where), kPlanePoolFamily);
  }
}

TEST_CASE("NaN through convolutions with every activation") {
  if (cannot_check()) return;
  for (int act = 0; act <= static_cast<int>(Activation::kElu); ++act) {
    CAPTURE(act);
    const ConvCase layer = {.k = 1,
                            .pad = 0,
                            .residual = act % 2 == 0,
                            .residual_after = act % 4 == 0,
                            .act = static_cast<Activation>(act),
                            .alpha = act == 2 ? -0.5f : 0.125f,
                            .beta = 0.75f};
    check_family(poisoned(conv_case(layer), {5 * 32 + 7, 98 * 32}), kConvGemmFamily);
  }
}

TEST_CASE("NaN through every family of convolutions stays in its window") {
  if (cannot_check()) return;
  const StepCase dense = poisoned(conv_case({.c = 64, .o = 64}), {(4 * 11 + 5) * 64 + 63});
  check_family(dense, kConvGemmFamily);
  check_family(poisoned(conv_case({.c = 64, .o = 64, .x = DType::kF32, .y = DType::kF32}),
                        {(4 * 11 + 5) * 64 + 63}),
               kConvFmaFamily);
  check_family(dense, kConvResidentFamily, {}, nullptr, 4);
  if (!has_no_warpgroups()) {
    TileSample<ConvWindowTile>::check(dense, kConvWindowFamily, {.step = 50});
    TileSample<ConvWgmmaTile>::check(dense, kConvWgmmaFamily, {.step = 50});
  }
  check_family(poisoned(conv_case({.c = 32, .o = 32, .groups = 32}), {(4 * 11 + 5) * 32 + 31}),
               kDepthwiseFamily);
}
