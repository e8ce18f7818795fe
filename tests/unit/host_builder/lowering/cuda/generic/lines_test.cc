// The generic GPU kernels that reduce, search and normalise, against the CPU target.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "plan_schema/params/elementwise.h"
#include "tests/support/cuda_on_host.h"
#include "tests/support/device_case.h"

namespace stint::builder {
namespace {

using test::DeviceCase;

bool can_run() { return test::can_run_device_code_on_host(); }

Shape reduced_shape(const Shape& x, const std::vector<int64_t>& axes, bool keep) {
  Shape y;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool gone = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    if (!gone || keep) y.push_back(gone ? 1 : x[i]);
  }
  return y;
}

}  // namespace

TEST_CASE("generic GPU kernels: reductions") {
  if (!can_run()) return;
  const std::vector<std::pair<Shape, std::vector<int64_t>>> problems = {{{2, 7, 7, 40}, {1, 2}},
                                                                        {{3, 300}, {1}},
                                                                        {{5, 4, 6}, {0, 2}},
                                                                        {{70, 33}, {0}},
                                                                        {{3, 4}, {0, 1}}};
  for (int op = 0; op <= static_cast<int>(ReduceOp::kSumSquare); ++op)
    for (size_t k = 0; k < problems.size(); ++k) {
      if (op > 1 && k != static_cast<size_t>(op) % problems.size() && k != 2) continue;
      for (const DType type : {DType::kF32, DType::kI32, DType::kF64}) {
        if (type != DType::kF32 && k != 2) continue;
        const auto& [shape, axes] = problems[k];
        DeviceCase c(static_cast<uint32_t>(1000 + op * 10) + static_cast<uint32_t>(k));
        c.node.op = Op::kReduce;
        c.node.name = "reduction " + std::to_string(op) + " problem " + std::to_string(k) + " " +
                      dtype_name(type);
        const bool keep = (static_cast<size_t>(op) + k) % 2 == 0;
        c.node.attributes = ReduceAttributes{static_cast<ReduceOp>(op), axes, keep};
        const bool product = op == static_cast<int>(ReduceOp::kProd);
        const bool logarithm = op == static_cast<int>(ReduceOp::kLogSum);
        c.input(type, shape, product ? 0.9 : logarithm ? 0.5 : -2, product ? 1.1 : 3);
        c.output(type, reduced_shape(shape, axes, keep));
        c.halves = type == DType::kF32;
        c.half_tolerance = 4e-3;
        c.check();
      }
    }
}

TEST_CASE("generic GPU kernels: a sum keeps what rounding loses, and special values") {
  if (!can_run()) return;
  DeviceCase c(1200);
  c.node.op = Op::kReduce;
  c.node.attributes = ReduceAttributes{ReduceOp::kMean, {1}, true};
  const ValueId x = c.input(DType::kF32, {4, 3000});
  c.output(DType::kF32, {4, 1});
  std::vector<float> values(12000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i % 2 == 0 ? 1e7f : -1e7f + static_cast<float>(i % 7);
  values[3005] = INFINITY;
  values[6007] = NAN;
  c.set(x, values);
  c.halves = false;
  c.check();
  for (const bool largest : {false, true}) {
    DeviceCase m(1201);
    m.node.op = Op::kReduce;
    m.node.attributes =
        ReduceAttributes{largest ? ReduceOp::kMax : ReduceOp::kLogSumExp, {1}, false};
    const ValueId id = m.input(DType::kF32, {4, 3000});
    m.output(DType::kF32, {4});
    for (size_t i = 9000; i < 12000; ++i) values[i] = -INFINITY;
    m.set(id, values);
    m.halves = false;
    m.check();
  }
}

TEST_CASE("generic GPU kernels: index of the extreme element") {
  if (!can_run()) return;
  uint32_t seed = 1300;
  for (const bool is_max : {false, true})
    for (const bool last : {false, true})
      for (const int64_t axis : {0, 1, 2}) {
        DeviceCase c(seed++);
        c.node.op = Op::kArgReduce;
        c.node.name = "axis " + std::to_string(axis);
        c.node.attributes = ArgReduceAttributes{is_max, axis, last, last};
        const Shape shape = {5, 70, 9};
        const ValueId x = c.input(DType::kF32, shape);
        std::vector<float> values(5 * 70 * 9);
        std::mt19937 random(seed);
        for (float& v : values) v = static_cast<float>(random() % 5);  // many equal ones
        values[77] = values[401] = NAN;
        c.set(x, values);
        c.output(DType::kI64, reduced_shape(shape, {axis}, last));
        c.check();
      }
}

TEST_CASE("generic GPU kernels: the k best") {
  if (!can_run()) return;
  uint32_t seed = 1400;
  for (const bool largest : {false, true})
    for (const int64_t axis : {0, 1})
      for (const DType type : {DType::kF32, DType::kI64}) {
        DeviceCase c(seed++);
        c.node.op = Op::kTopK;
        c.node.attributes = TopKAttributes{axis, largest, true};
        c.input(type, {60, 11}, -6, 6);
        const Shape result = axis == 0 ? Shape{7, 11} : Shape{60, 7};
        c.output(type, result);
        c.output(DType::kI64, result);
        c.halves = false;
        c.check();
      }
}

TEST_CASE("generic GPU kernels: running sums and products") {
  if (!can_run()) return;
  const std::vector<std::pair<Shape, int64_t>> problems = {
      {{1000}, 0}, {{2, 300, 33}, 1}, {{40, 6, 9}, 0}, {{3, 5, 7}, 2}, {{3, 1, 70}, 1}};
  for (int mode = 0; mode < 8; ++mode)
    for (size_t k = 0; k < problems.size(); ++k)
      for (const DType type : {DType::kF32, DType::kI32, DType::kI64, DType::kF64}) {
        if (type != DType::kF32 && k != static_cast<size_t>(mode) % problems.size()) continue;
        const auto& [shape, axis] = problems[k];
        DeviceCase c(static_cast<uint32_t>(1600 + mode * 10) + static_cast<uint32_t>(k));
        const bool product = mode & 1;
        c.node.op = Op::kCumulative;
        c.node.name = "mode " + std::to_string(mode) + " problem " + std::to_string(k) + " " +
                      dtype_name(type);
        c.node.attributes = CumulativeAttributes{product, axis, (mode & 2) != 0, (mode & 4) != 0};
        c.input(type, shape, product ? 0.9 : -2, product ? 1.1 : 3);
        c.output(type, shape);
        c.halves = type == DType::kF32;
        c.half_tolerance = 4e-3;
        c.check();
      }
}

TEST_CASE("generic GPU kernels: a running sum keeps what rounding loses, and special values") {
  if (!can_run()) return;
  DeviceCase c(1690);
  c.node.op = Op::kCumulative;
  c.node.attributes = CumulativeAttributes{false, 1, false, false};
  const ValueId x = c.input(DType::kF32, {3, 3000});
  c.output(DType::kF32, {3, 3000});
  std::vector<float> values(9000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i % 2 == 0 ? 1e7f : -1e7f + static_cast<float>(i % 7);
  values[3005] = INFINITY;
  values[6007] = NAN;
  c.set(x, values);
  c.halves = false;
  c.check();
}

TEST_CASE("generic GPU kernels: softmax and normalisations") {
  if (!can_run()) return;
  uint32_t seed = 1500;
  for (const bool log : {false, true})
    for (const auto& [shape, axis] : std::vector<std::pair<Shape, int64_t>>{{{2, 1000}, 1},
                                                                            {{3, 5, 7}, 1},
                                                                            {{40, 6, 9}, 0},
                                                                            {{2, 300, 4}, 2},
                                                                            {{2, 200, 33}, 1}}) {
      DeviceCase c(seed++);
      c.node.op = Op::kSoftmax;
      c.node.attributes = SoftmaxAttributes{axis, log};
      c.input(DType::kF32, shape, -10, 10);
      c.output(DType::kF32, shape);
      c.half_tolerance = 2e-2;
      c.check();
    }
  for (const double offset : {0.0, 1000.0}) {
    DeviceCase c(seed++);
    c.node.op = Op::kInstanceNorm;
    c.node.attributes = NormAttributes{1e-5f, -1};
    c.input(DType::kF32, {2, 6, 7, 10}, offset - 2, offset + 2);
    c.input(DType::kF32, {10});
    c.input(DType::kF32, {10});
    c.output(DType::kF32, {2, 6, 7, 10});
    c.half_tolerance = 1e-2;
    c.halves = offset == 0;
    c.check();
  }
  for (const bool full : {false, true}) {
    DeviceCase c(seed++);
    c.node.op = Op::kLayerNorm;
    c.node.attributes = NormAttributes{1e-5f, full ? 1 : 2};
    c.input(DType::kF32, {3, 5, 36}, -2, 9);
    c.input(DType::kF32, {36});
    if (full) c.input(DType::kF32, {5, 36});
    c.output(DType::kF32, {3, 5, 36});
    if (full) {
      c.output(DType::kF32, {3, 1, 1});
      c.output(DType::kF32, {3, 1, 1});
    }
    c.half_tolerance = 1e-2;
    c.check();
  }
  for (const float beta : {0.75f, 0.5f}) {
    DeviceCase c(seed++);
    c.node.op = Op::kLrn;
    c.node.attributes = LrnAttributes{4, 0.1f, beta, 1.0f, 1};
    c.input(DType::kF32, {2, 3, 3, 9}, -5, 5);
    c.output(DType::kF32, {2, 3, 3, 9});
    c.half_tolerance = 5e-3;
    c.check();
  }
}

TEST_CASE("generic GPU kernels: class masks") {
  if (!can_run()) return;
  for (const int64_t axis : {1, 3}) {
    DeviceCase c(1600);
    c.node.op = Op::kArgmaxMask;
    c.node.attributes = AxisAttributes{axis};
    c.input(DType::kF32, axis == 1 ? Shape{2, 21, 5, 6} : Shape{2, 5, 6, 21});
    c.output(DType::kU8, {2, 5, 6});
    c.check();
  }
}

TEST_CASE("generic GPU kernels of this file compile for every SM") {
  test::compile_device_sources();
}

}  // namespace stint::builder
