// The generic GPU kernels for convolutions, pooling and matrix products, against the CPU target.
#include <doctest/doctest.h>

#include "tests/support/cuda_on_host.h"
#include "tests/support/device_case.h"

namespace stint::builder {
namespace {

using test::DeviceCase;

bool can_run() { return test::can_run_device_code_on_host(); }

struct Window {
  Shape x, y;
  std::vector<int64_t> kernel, strides, dilations, begin, end;
  int64_t groups;
};

}  // namespace

TEST_CASE("generic GPU kernels: convolutions of 1 to 3 axes with every epilogue") {
  if (!can_run()) return;
  const std::vector<Window> windows = {
      {{2, 9, 10, 6}, {2, 5, 4, 8}, {3, 3}, {2, 2}, {1, 1}, {1, 0}, {1, 0}, 2},
      {{1, 8, 7, 5}, {1, 8, 7, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 5},
      {{1, 12, 4}, {1, 8, 6}, {3}, {1}, {2}, {0}, {0}, 1},
      {{1, 4, 5, 6, 2}, {1, 3, 4, 6, 3}, {2, 2, 3}, {1, 1, 1}, {1, 1, 1}, {0, 0, 1}, {0, 0, 1}, 1}};
  uint32_t seed = 2000;
  for (int act = 0; act <= static_cast<int>(Activation::kElu); ++act) {
    const Window& w = windows[static_cast<size_t>(act) % windows.size()];
    DeviceCase c(seed++);
    c.node.op = Op::kConv;
    c.node.name = "activation " + std::to_string(act);
    ConvAttributes a;
    a.kernel = w.kernel, a.strides = w.strides, a.dilations = w.dilations;
    a.pads_begin = w.begin, a.pads_end = w.end;
    a.groups = w.groups;
    const bool low_first = act == static_cast<int>(Activation::kClip);
    a.epilogue = {static_cast<Activation>(act), low_first ? -0.5f : 0.3f, 0.6f, act % 2 == 1};
    c.node.attributes = a;
    c.input(DType::kF32, w.x, -1, 1);
    Shape weights = {w.y.back(), w.x.back() / w.groups};
    weights.insert(weights.end(), w.kernel.begin(), w.kernel.end());
    act == 3 ? c.input(DType::kF32, weights, -1, 1) : c.constant(DType::kF32, weights, -1, 1);
    act % 3 == 0 ? c.absent() : static_cast<void>(c.constant(DType::kF32, {w.y.back()}, -1, 1));
    if (act % 4 != 2) c.input(DType::kF32, w.y, -1, 1);
    c.output(DType::kF32, w.y);
    c.half_tolerance = 1e-2;
    c.check();
  }
}

TEST_CASE("generic GPU kernels: transposed convolutions") {
  if (!can_run()) return;
  for (const bool known : {false, true}) {
    DeviceCase c(2100);
    c.node.op = Op::kConvTranspose;
    ConvTransposeAttributes a;
    a.kernel = {3, 2}, a.strides = {2, 3}, a.dilations = {1, 2}, a.pads_begin = {1, 0},
    a.pads_end = {0, 1};
    a.groups = 2;
    a.epilogue.act = Activation::kRelu;
    c.node.attributes = a;
    c.input(DType::kF32, {2, 4, 3, 6}, -1, 1);
    known ? c.constant(DType::kF32, {6, 4, 3, 2}, -1, 1)
          : c.input(DType::kF32, {6, 4, 3, 2}, -1, 1);
    c.constant(DType::kF32, {8}, -1, 1);
    c.output(DType::kF32, {2, 8, 8, 8});
    c.half_tolerance = 1e-2;
    c.check();
  }
}

TEST_CASE("generic GPU kernels: pooling") {
  if (!can_run()) return;
  uint32_t seed = 2200;
  for (const bool is_max : {false, true})
    for (const bool include : {false, true}) {
      DeviceCase c(seed++);
      c.node.op = Op::kPool;
      PoolAttributes a;
      a.kind = is_max ? PoolKind::kMax : PoolKind::kAverage;
      a.kernel = {3, 3}, a.strides = {2, 2}, a.dilations = {1, 1}, a.pads_begin = {1, 1},
      a.pads_end = {1, 0};
      a.count_include_pad = include && !is_max;
      a.column_major_indices = include;
      c.node.attributes = a;
      c.input(DType::kF32, {2, 9, 10, 8});
      c.output(DType::kF32, {2, 5, 5, 8});
      if (is_max) c.output(DType::kI64, {2, 5, 5, 8});
      c.check();
      DeviceCase g(seed++);  // global
      g.node.op = Op::kPool;
      a.kernel = {9, 10}, a.strides = {1, 1}, a.pads_begin = a.pads_end = {0, 0};
      g.node.attributes = a;
      g.input(DType::kF32, {2, 9, 10, 24});
      g.output(DType::kF32, {2, 1, 1, 24});
      g.check();
    }
  DeviceCase c(seed);
  c.node.op = Op::kPool;
  PoolAttributes a;
  a.kernel = {2, 3, 2}, a.strides = {1, 2, 1}, a.dilations = {2, 1, 1},
  a.pads_begin = a.pads_end = {0, 1, 0};
  c.node.attributes = a;
  c.input(DType::kF32, {1, 5, 6, 4, 3});
  c.output(DType::kF32, {1, 3, 3, 3, 3});
  c.check();
}

TEST_CASE("generic GPU kernels: matrix products") {
  if (!can_run()) return;
  struct Product {
    Shape a, b, y;
    bool residual;
  };
  uint32_t seed = 2300;
  for (const Product& p : std::vector<Product>{{{5, 70}, {70, 33}, {5, 33}, true},
                                               {{2, 3, 70, 20}, {3, 20, 65}, {2, 3, 70, 65}, true},
                                               {{2, 9, 7}, {2, 7, 4}, {2, 9, 4}, false},
                                               {{12}, {3, 12, 5}, {3, 5}, false},
                                               {{4, 6, 12}, {12}, {4, 6}, false}}) {
    DeviceCase c(seed++);
    c.node.op = Op::kMatMul;
    MatMulAttributes a;
    a.epilogue.act = p.residual ? Activation::kGelu : Activation::kNone;
    c.node.attributes = a;
    c.input(DType::kF32, p.a, -1, 1);
    p.residual ? c.constant(DType::kF32, p.b, -1, 1) : c.input(DType::kF32, p.b, -1, 1);
    if (p.residual) {
      c.constant(DType::kF32, {p.y.back()}, -1, 1);
      c.input(DType::kF32, p.y, -1, 1);
    }
    c.output(DType::kF32, p.y);
    c.half_tolerance = 1e-2;
    c.check();
  }
}

TEST_CASE("generic GPU kernels of this file compile for every SM") {
  test::compile_device_sources();
}

}  // namespace stint::builder
