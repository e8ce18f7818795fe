#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

struct Layer {
  int64_t m = 1, k = 64, n = 10;
  DType x = DType::kF16, y = DType::kF16;
  Placement in = {}, out = {};
  bool bias = true;
  int residual = 0;  // 1: before the activation, 2: after it
  Activation act = Activation::kNone;
};

StepCase fully_connected(const Layer& l) {
  StepCase c;
  c.node.op = Op::kMatMul;
  c.node.attributes = MatMulAttributes{{l.act, 0.1f, 0, l.residual == 2}};
  c.node.inputs = {c.input("x", l.x, {l.m, l.k}, l.in), c.constant("w", {l.k, l.n}),
                   l.bias ? c.constant("b", {l.n}) : kNoValue,
                   l.residual ? c.input("r", l.y, {l.m, l.n}, l.out) : kNoValue};
  c.node.outputs = {c.output("y", l.y, {l.m, l.n}, l.out)};
  return c;
}

/// A convolution whose window is the whole map.
StepCase conv(int64_t n, int64_t h, int64_t w, int64_t in, int64_t out,
              const Placement& placement) {
  StepCase c;
  c.node.op = Op::kConv;
  ConvAttributes a;
  a.kernel = {h, w};
  a.strides = a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {0, 0};
  a.epilogue.act = Activation::kHardSigmoid;
  a.epilogue.alpha = 0.2f;
  a.epilogue.beta = 0.5f;
  c.node.attributes = a;
  c.node.inputs = {c.input("x", DType::kF16, {n, h, w, in}, placement),
                   c.constant("w", {out, in, h, w}), c.constant("b", {out})};
  c.node.outputs = {c.output("y", DType::kF16, {n, 1, 1, out})};
  return c;
}

void check(const Layer& l) { check_family(fully_connected(l), kGemvFamily); }

}  // namespace

TEST_CASE("matrix-vector product: rows, lengths, types, views, epilogues") {
  if (cannot_check()) return;
  check({});
  check({.m = 4, .k = 2048, .n = 37});
  check({.m = 8, .k = 100, .n = 5, .act = Activation::kRelu});
  check({.m = 2, .k = 77, .n = 3});
  check({.k = 3, .n = 1});
  check({.m = 3, .k = 25088, .n = 9, .y = DType::kF32});
  check({.m = 2, .k = 520, .n = 12, .x = DType::kF32});
  check({.m = 2, .k = 260, .n = 12, .x = DType::kF32, .y = DType::kF32});
  check({.k = 7001, .n = 4, .x = DType::kF32, .y = DType::kF32, .bias = false});
  check({.m = 3, .k = 96, .n = 16, .in = {.inner = 8, .offset = 8}, .out = {.inner = 3}});
  check({.m = 3, .k = 96, .n = 16, .in = {.inner = 5, .offset = 3}});
  check({.m = 2, .k = 128, .n = 30, .residual = 1, .act = Activation::kLeakyRelu});
  check({.m = 2, .k = 128, .n = 30, .residual = 2, .act = Activation::kSilu});
}

TEST_CASE("matrix-vector product: convolutions with one window") {
  if (cannot_check()) return;
  check_family(conv(2, 1, 1, 96, 24, {}), kGemvFamily);
  check_family(conv(3, 5, 4, 16, 20, {}), kGemvFamily);
  check_family(conv(2, 1, 1, 48, 12, {.inner = 16, .offset = 8}), kGemvFamily);
}

TEST_CASE("timing: fully connected layers") {
  if (!timing_wanted()) return;
  for (const int64_t m : {1, 4, 8})
    for (const int64_t k : {512, 1024, 1280, 2048})
      time_family("fc " + std::to_string(k) + "x1000 b" + std::to_string(m),
                  fully_connected({.m = m, .k = k, .n = 1000, .y = DType::kF32}), kGemvFamily, 12,
                  network_timing());
}
