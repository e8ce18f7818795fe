// Kernels that compute real numbers, with operands and results that memory holds as 8-bit integers.
#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/conv_cases.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

constexpr DType kStored[] = {DType::kI8, DType::kU8, DType::kF16, DType::kF32};

/// A zero point in the middle where the integers have no sign.
int32_t zero_of(DType t) { return t == DType::kU8 ? 117 : -3; }

ValueId number(StepCase& c, const char* name, DType t, const Shape& shape,
               const Placement& placement = {}) {
  return is_byte(t) ? c.quantised_input(name, t, shape, 0.031f, zero_of(t), placement)
                    : c.input(name, t, shape, placement);
}

ValueId stored_as(StepCase& c, DType t, const Shape& shape, float scale,
                  const Placement& placement = {}) {
  return is_byte(t) ? c.quantised_output("y", t, shape, scale, zero_of(t), placement)
                    : c.output("y", t, shape, placement);
}

void check(const StepCase& c, const Family& family, double steps = 0) {
  check_family(c, family, {.steps = steps});
}

template <typename F>
void for_each_pair(F f) {
  for (const DType x : kStored)
    for (const DType y : kStored)
      if (is_byte(x) || is_byte(y)) f(x, y);
}

StepCase pool(DType x, DType y, bool max, const Shape& shape, int64_t kernel) {
  StepCase c;
  PoolAttributes a;
  a.kind = max ? PoolKind::kMax : PoolKind::kAverage;
  a.kernel = {kernel, kernel};
  a.strides = {2, 2};
  a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {1, 1};
  c.node.op = Op::kPool;
  c.node.attributes = a;
  c.node.inputs = {number(c, "x", x, shape)};
  const auto extent = [&](int64_t in) { return (in + 2 - kernel) / 2 + 1; };
  const Shape out = {shape[0], extent(shape[1]), extent(shape[2]), shape[3]};
  c.node.outputs = {stored_as(c, y, out, max ? 0.031f : 0.0123f)};
  return c;
}

StepCase depthwise(DType x, DType y, DType r, int64_t channels, int64_t stride) {
  StepCase c;
  ConvAttributes a;
  a.kernel = {3, 3};
  a.strides = {stride, stride};
  a.pads_begin = a.pads_end = {1, 1};
  a.dilations = {1, 1};
  a.groups = channels;
  a.epilogue = {Activation::kHardSwish, 0, 0, false};
  c.node.op = Op::kConv;
  c.node.attributes = a;
  const Shape out = {2, (11 - 1) / stride + 1, (13 - 1) / stride + 1, channels};
  c.node.inputs = {number(c, "x", x, {2, 11, 13, channels}),
                   c.quantised_constant("w", {channels, 1, 3, 3}, 0, 0.003f),
                   c.constant("b", {channels}), number(c, "r", r, out)};
  c.node.outputs = {stored_as(c, y, out, 0.041f)};
  return c;
}

}  // namespace

TEST_CASE("quantised storage: conversions") {
  if (cannot_check()) return;
  for_each_pair([](DType x, DType y) {
    for (const Placement& p : {Placement{}, Placement{.inner = 3, .outer = 5, .offset = 1}}) {
      StepCase c;
      c.node.op = Op::kCast;
      c.node.inputs = {number(c, "x", x, {3, 5, 7, 24}, p)};
      c.node.outputs = {stored_as(c, y, {3, 5, 7, 24}, 0.017f, p)};
      check(c, kGenericFamily);
    }
  });
}

TEST_CASE("quantised storage: NaN is stored as zero, infinity saturates") {
  if (cannot_check()) return;
  for (const DType y : {DType::kI8, DType::kU8}) {
    StepCase c;
    c.node.op = Op::kCast;
    const ValueId x = c.input("x", DType::kF32, {4});
    c.set(x, {NAN, INFINITY, -INFINITY, 1e30});
    c.node.inputs = {x};
    c.node.outputs = {stored_as(c, y, {4}, 0.017f)};
    check(c, kGenericFamily);
  }
}

TEST_CASE("quantised storage: Quantize and Dequantize between plain types") {
  if (cannot_check()) return;
  for (const DType t : {DType::kI8, DType::kU8}) {
    const Shape shape = {2, 3, 40};
    const double zero = zero_of(t), low = t == DType::kI8 ? -128 : 0;
    StepCase c;
    c.node.op = Op::kQuantize;
    c.node.attributes = QuantizeAttributes{0.0078125f, zero_of(t)};
    const ValueId x = c.input("x", DType::kF32, shape);
    c.node.inputs = {x};
    c.node.outputs = {c.output("y", t, shape)};
    Tensor y{shape, c.values(x)};
    for (double& v : y.data) v = std::clamp(std::nearbyint(v * 128) + zero, low, low + 255);
    c.expected = Tensors{{"y", y}};
    check_family(c, kGenericFamily);

    StepCase d;
    d.node.op = Op::kDequantize;
    d.node.attributes = QuantizeAttributes{0.0078125f, zero_of(t)};
    const ValueId q = d.input("q", t, shape);
    d.node.inputs = {q};
    d.node.outputs = {d.output("y", DType::kF32, shape)};
    Tensor numbers{shape, d.values(q)};
    for (double& v : numbers.data) v = (v - zero) / 128;
    d.expected = Tensors{{"y", numbers}};
    check_family(d, kGenericFamily);
  }
}

TEST_CASE("quantised storage: element-wise operations") {
  if (cannot_check()) return;
  for_each_pair([](DType x, DType y) {
    StepCase c;
    c.node.op = Op::kBinary;
    c.node.attributes = BinaryAttributes{EltOp::kAdd};
    c.node.inputs = {number(c, "a", x, {2, 5, 7, 24}), number(c, "b", y, {1, 1, 1, 24})};
    c.node.outputs = {stored_as(c, y, {2, 5, 7, 24}, 0.053f)};
    check(c, kGenericFamily);

    StepCase u;
    u.node.op = Op::kUnary;
    UnaryAttributes a;
    a.op = EltOp::kSilu;
    u.node.attributes = a;
    u.node.inputs = {number(u, "x", x, {2, 5, 7, 3})};
    u.node.outputs = {stored_as(u, y, {2, 5, 7, 3}, 0.021f)};
    check(u, kGenericFamily);
  });
}

TEST_CASE("quantised storage: convolutions and products of the generic family") {
  if (cannot_check()) return;
  for (const DType y : kStored) {
    check(conv_case({.c = 20,
                     .o = 24,
                     .stride = 2,
                     .x = DType::kI8,
                     .y = y,
                     .r = DType::kU8,
                     .residual = true}),
          kGenericFamily);
    check(matmul_case({3, 40}, 24, y, {}, DType::kU8), kGenericFamily);
    check(matmul_case({30, 40}, 24, y, {}, DType::kI8), kGenericFamily);
    check(conv_case({.c = 24, .o = 16, .x = DType::kU8, .y = y}), kConvFmaFamily);
  }
}

TEST_CASE("quantised storage: what only moves keeps its integers") {
  if (cannot_check()) return;
  const DType t = DType::kU8;
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  StepCase join;
  join.node.op = Op::kConcat;
  join.node.attributes = AxisAttributes{3};
  join.node.inputs = {number(join, "a", t, {2, 5, 7, 16}), number(join, "b", t, {2, 5, 7, 9}, odd)};
  join.node.outputs = {stored_as(join, t, {2, 5, 7, 25}, 0.031f)};
  check(join, kGenericFamily);

  StepCase turn;
  turn.node.op = Op::kTranspose;
  turn.node.attributes = TransposeAttributes{{0, 3, 1, 2}};
  turn.node.inputs = {number(turn, "x", t, {2, 9, 11, 24})};
  turn.node.outputs = {stored_as(turn, t, {2, 24, 9, 11}, 0.031f)};
  check(turn, kGenericFamily);

  StepCase grow;
  ResizeAttributes r;
  r.mode = ResizeMode::kNearest;
  r.scales = {1, 2, 2, 1};
  grow.node.op = Op::kResize;
  grow.node.attributes = r;
  grow.node.inputs = {number(grow, "x", t, {1, 5, 7, 24})};
  grow.node.outputs = {stored_as(grow, t, {1, 10, 14, 24}, 0.031f)};
  check(grow, kGenericFamily);
}

TEST_CASE("quantised storage: resampling by weights") {
  if (cannot_check()) return;
  for_each_pair([](DType x, DType y) {
    StepCase c;
    ResizeAttributes r;
    r.mode = ResizeMode::kLinear;
    r.scales = {1, 2, 2, 1};
    c.node.op = Op::kResize;
    c.node.attributes = r;
    c.node.inputs = {number(c, "x", x, {1, 5, 7, 8})};
    c.node.outputs = {stored_as(c, y, {1, 10, 14, 8}, 0.027f)};
    check(c, kGenericFamily);
  });
}

TEST_CASE("quantised storage: pooling") {
  if (cannot_check()) return;
  for_each_pair([](DType x, DType y) {
    for (const bool max : {true, false}) {
      check(pool(x, y, max, {2, 13, 15, 24}, 3), kPoolFamily);
      check(pool(x, y, max, {1, 13, 15, 5}, 3), kPoolFamily);
      check(pool(x, y, max, {2, 13, 15, 24}, 5), kPlanePoolFamily);
      check(pool(x, y, max, {2, 13, 15, 24}, 3), kGenericFamily);
    }
  });
}

TEST_CASE("quantised storage: the mean of planes") {
  if (cannot_check()) return;
  for_each_pair([](DType x, DType y) {
    StepCase c;
    PoolAttributes a;
    a.kind = PoolKind::kAverage;
    a.kernel = {7, 9};
    a.strides = {1, 1};
    a.dilations = {1, 1};
    a.pads_begin = a.pads_end = {0, 0};
    c.node.op = Op::kPool;
    c.node.attributes = a;
    c.node.inputs = {number(c, "x", x, {2, 7, 9, 40})};
    c.node.outputs = {stored_as(c, y, {2, 1, 1, 40}, 0.009f)};
    check(c, kPlaneMeanFamily);
  });
}

TEST_CASE("quantised storage: depthwise convolutions, any zero point") {
  if (cannot_check()) return;
  for_each_pair([](DType x, DType y) {
    check(depthwise(x, y, y, 24, 1), kDepthwiseFamily);
    check(depthwise(x, y, x, 7, 2), kDepthwiseFamily);
  });
}

TEST_CASE("quantised storage: the first layer writes integers") {
  if (cannot_check()) return;
  for (const DType y : {DType::kI8, DType::kU8})
    for (const DType x : {DType::kF16, DType::kF32})
      check(conv_case({.h = 33, .w = 31, .c = 3, .o = 32, .stride = 2, .x = x, .y = y}),
            kFirstLayerFamily, 1);
}
