#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

struct Product {
  Shape batch_a = {2, 3}, batch_b = {2, 3};
  int64_t m = 16, k = 32, n = 16;
  DType a = DType::kF16, b = DType::kF16, y = DType::kF16;
  Placement in_a = {}, in_b = {}, out = {};
  int residual = 0;  // 1: before the activation, 2: after it
  bool bias = false;
  Activation act = Activation::kNone;
};

Shape joined(Shape batch, int64_t rows, int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

StepCase product(const Product& l) {
  StepCase c;
  c.node.op = Op::kMatMul;
  c.node.attributes = MatMulAttributes{{l.act, 0.1f, 0, l.residual == 2}};
  const Shape& batch = l.batch_a.size() >= l.batch_b.size() ? l.batch_a : l.batch_b;
  Shape out(batch.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const auto extent = [&](const Shape& s) {
      return i + s.size() < out.size() ? 1 : s[i + s.size() - out.size()];
    };
    out[i] = std::max(extent(l.batch_a), extent(l.batch_b));
  }
  const Shape y = joined(out, l.m, l.n);
  c.node.inputs = {c.input("a", l.a, joined(l.batch_a, l.m, l.k), l.in_a),
                   c.input("b", l.b, joined(l.batch_b, l.k, l.n), l.in_b),
                   l.bias ? c.constant("bias", {l.n}) : kNoValue,
                   l.residual ? c.input("r", l.y, y, l.out) : kNoValue};
  c.node.outputs = {c.output("y", l.y, y, l.out)};
  return c;
}

void check(const Product& l) { check_family(product(l), kBatchGemmFamily); }

// [batch, tokens, heads, depth] seen as [batch, heads, tokens, depth] and [.., depth, tokens].
const Placement kHeads = {.order = {0, 2, 1, 3}};
const Placement kKeys = {.order = {0, 3, 1, 2}};

}  // namespace

TEST_CASE("product of two activations: shapes, types, epilogues") {
  if (cannot_check()) return;
  check({});
  check({.batch_a = {}, .batch_b = {}, .m = 50, .k = 64, .n = 50});
  check({.batch_a = {}, .batch_b = {}, .m = 197, .k = 197, .n = 32});
  check({.batch_a = {3}, .batch_b = {3}, .m = 1, .k = 5, .n = 3});
  check({.m = 33, .k = 40, .n = 24, .y = DType::kF32});
  check({.m = 17, .k = 72, .n = 30, .a = DType::kF32});
  check({.m = 17, .k = 19, .n = 31, .b = DType::kF32, .y = DType::kF32});
  check({.batch_a = {1, 3}, .batch_b = {4, 1}, .m = 20, .k = 48, .n = 40});
  check({.batch_a = {2, 3}, .batch_b = {}, .m = 20, .k = 48, .n = 40});
  check({.m = 20, .k = 32, .n = 40, .residual = 1, .bias = true, .act = Activation::kRelu});
  check({.m = 20, .k = 32, .n = 37, .residual = 2, .bias = true, .act = Activation::kGelu});
}

TEST_CASE("product of two activations: transposed and strided operands") {
  if (cannot_check()) return;
  check({.m = 50, .k = 32, .n = 50, .in_a = kHeads, .in_b = kKeys});
  check({.m = 197, .k = 64, .n = 197, .in_a = kHeads, .in_b = kKeys});
  check({.m = 19, .k = 24, .n = 23, .in_a = kHeads, .in_b = kKeys});
  check({.m = 19, .k = 12, .n = 23, .in_a = kHeads, .in_b = kKeys});
  check({.m = 50, .k = 50, .n = 32, .in_b = kHeads, .out = kHeads});
  check({.m = 24, .k = 40, .n = 16, .in_a = kKeys, .out = kKeys});
  check({.m = 24,
         .k = 40,
         .n = 16,
         .in_a = {.inner = 8, .offset = 16},
         .in_b = {.inner = 3},
         .out = {.inner = 1, .offset = 5}});
}

TEST_CASE("timing: attention") {
  if (!timing_wanted()) return;
  for (const int64_t batch : {1, 8})
    for (const int64_t tokens : {50, 197, 512}) {
      const std::string name = std::to_string(tokens) + " b" + std::to_string(batch);
      const Shape heads = {batch, 12};
      time_family("scores " + name,
                  product({.batch_a = heads,
                           .batch_b = heads,
                           .m = tokens,
                           .k = 64,
                           .n = tokens,
                           .in_a = kHeads,
                           .in_b = kKeys}),
                  kBatchGemmFamily, 12, network_timing());
      time_family("values " + name,
                  product({.batch_a = heads,
                           .batch_b = heads,
                           .m = tokens,
                           .k = tokens,
                           .n = 64,
                           .in_b = kHeads,
                           .out = kHeads}),
                  kBatchGemmFamily, 12, network_timing());
    }
}
