#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

struct Layer {
  int64_t n = 1, h = 7, w = 7, c = 40;
  bool reduce = false, keep_dims = true;
  DType x = DType::kF16, y = DType::kF16;
  Placement in = {}, out = {};
};

StepCase plane_mean(const Layer& l) {
  StepCase c;
  if (l.reduce) {
    c.node.op = Op::kReduce;
    c.node.attributes = ReduceAttributes{ReduceOp::kMean, {2, -3}, l.keep_dims};
  } else {
    c.node.op = Op::kPool;
    PoolAttributes a;
    a.kind = PoolKind::kAverage;
    a.kernel = {l.h, l.w};
    a.strides = a.dilations = {1, 1};
    a.pads_begin = a.pads_end = {0, 0};
    c.node.attributes = a;
  }
  c.node.inputs = {c.input("x", l.x, {l.n, l.h, l.w, l.c}, l.in)};
  const bool flat = l.reduce && !l.keep_dims;
  c.node.outputs = {c.output("y", l.y, flat ? Shape{l.n, l.c} : Shape{l.n, 1, 1, l.c}, l.out)};
  return c;
}

void check(const Layer& l) { check_family(plane_mean(l), kPlaneMeanFamily); }

}  // namespace

TEST_CASE("mean over the plane: pooling and reduction, shapes, types, views") {
  if (cannot_check()) return;
  check({});
  check({.n = 3, .h = 13, .w = 5, .c = 1000});
  check({.n = 2, .h = 1, .w = 1, .c = 9});
  check({.h = 56, .w = 56, .c = 24, .y = DType::kF32});
  check({.c = 33, .x = DType::kF32, .y = DType::kF32});
  check({.n = 2, .c = 64, .reduce = true});
  check({.n = 2, .c = 64, .reduce = true, .keep_dims = false, .y = DType::kF32});
  check({.n = 2, .c = 64, .in = {.inner = 8, .offset = 8}, .out = {.inner = 8}});
  check({.n = 2, .c = 64, .in = {.inner = 3, .outer = 2}, .out = {.inner = 1, .offset = 3}});
}

TEST_CASE("timing: global average pooling") {
  if (!timing_wanted()) return;
  for (const int64_t n : {1, 8, 32})
    for (const int64_t c : {512, 1280, 2048})
      time_family("7x7 c" + std::to_string(c) + " b" + std::to_string(n),
                  plane_mean({.n = n, .c = c}), kPlaneMeanFamily, 12, network_timing());
}
