// Running sums and products against a naive reference in double, or in exact integers.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "plan_schema/half.h"
#include "plan_schema/params/reduce.h"
#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

CumulativeParams params_of(int axis, int mode) {
  CumulativeParams p;
  p.axis = static_cast<uint8_t>(axis);
  p.product = mode & 1;
  p.exclusive = mode >> 1 & 1;
  p.reverse = mode >> 2 & 1;
  return p;
}

KernelCall call_of(const CumulativeParams& p, const Tensor& x, const Tensor& y) {
  return {KernelId::kCumulative, pod_bytes(p), {&x}, {&y}};
}

/// `value(i)`: element i of x, in row-major order.
template <typename C, typename F>
std::vector<C> reference(const CumulativeParams& p, const std::vector<int64_t>& shape, F value) {
  int64_t inner = 1, all = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    all *= shape[i];
    if (i > p.axis) inner *= shape[i];
  }
  const int64_t length = shape[p.axis];
  std::vector<C> y(static_cast<size_t>(all));
  for (int64_t line = 0; line < all / length; ++line) {
    const int64_t first = line / inner * inner * length + line % inner;
    for (int64_t k = 0; k < length; ++k) {
      C total = p.product ? 1 : 0;
      for (int64_t j = 0; j < length; ++j) {
        const bool before = p.reverse ? j > k : j < k;
        if (!before && (p.exclusive || j != k)) continue;
        const C v = value(first + j * inner);
        total = p.product ? total * v : total + v;
      }
      y[static_cast<size_t>(first + k * inner)] = total;
    }
  }
  return y;
}

void check_floats(DType from, DType to, const std::vector<int64_t>& shape, int axis, int mode,
                  int64_t gap, std::mt19937& random, uint32_t threads) {
  const CumulativeParams p = params_of(axis, mode);
  Tensor x(from, shape, gap), y(to, shape, gap);
  std::uniform_real_distribution<double> some(p.product ? 0.8 : -2, p.product ? 1.2 : 2);
  for (int64_t i = 0; i < x.size(); ++i) {
    if (from == DType::kF64)
      x.at<double>(i) = some(random);
    else if (from == DType::kF16)
      x.at<F16>(i) = to_f16(static_cast<float>(some(random)));
    else
      x.at<float>(i) = static_cast<float>(some(random));
  }
  const auto element = [](Tensor& t, int64_t i) -> double {
    if (t.view().dtype == DType::kF64) return t.at<double>(i);
    return t.view().dtype == DType::kF16 ? to_float(t.at<F16>(i)) : t.at<float>(i);
  };
  REQUIRE(call_of(p, x, y).run(threads).ok());
  REQUIRE(y.gaps_untouched());
  const auto expected = reference<double>(p, shape, [&](int64_t i) { return element(x, i); });
  const double tolerance = to == DType::kF64 ? 1e-12 : to == DType::kF16 ? 1e-3 : 1e-6;
  double worst = 0;
  for (int64_t i = 0; i < y.size(); ++i) {
    const double e = expected[static_cast<size_t>(i)];
    worst = std::fmax(worst, std::fabs(element(y, i) - e) / (1 + std::fabs(e)));
  }
  CHECK(worst <= tolerance);
}

}  // namespace

TEST_CASE(
    "running sums and products of floats along every axis, both ways, with and without the "
    "element itself") {
  std::mt19937 random(81);
  const std::vector<std::vector<int64_t>> shapes = {{300}, {3, 70, 5}, {2, 7, 1, 67}, {1, 5}};
  for (const auto& shape : shapes)
    for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis)
      for (int mode = 0; mode < 8; ++mode)
        for (const int64_t gap : {0, 3})
          for (const uint32_t threads : {1u, 3u}) {
            check_floats(DType::kF32, DType::kF32, shape, axis, mode, gap, random, threads);
            check_floats(DType::kF64, DType::kF64, shape, axis, mode, gap, random, threads);
          }
}

TEST_CASE("running sums of 16-bit floats are rounded once") {
  std::mt19937 random(82);
  for (int axis = 0; axis < 2; ++axis)
    for (int mode = 0; mode < 8; ++mode) {
      check_floats(DType::kF16, DType::kF16, {9, 300}, axis, mode, 0, random, 2);
      check_floats(DType::kF16, DType::kF32, {9, 300}, axis, mode, 1, random, 2);
      check_floats(DType::kF32, DType::kF16, {9, 300}, axis, mode, 1, random, 2);
    }
}

TEST_CASE("running sums and products of integers wrap around") {
  std::mt19937 random(83);
  const std::vector<int64_t> shape = {4, 33, 3};
  for (int axis = 0; axis < 3; ++axis)
    for (int mode = 0; mode < 8; ++mode) {
      const CumulativeParams p = params_of(axis, mode);
      Tensor x(DType::kI64, shape, 1), y(DType::kI64, shape), x32(DType::kI32, shape),
          y32(DType::kI32, shape, 2);
      for (int64_t i = 0; i < x.size(); ++i) {
        x.at<int64_t>(i) = static_cast<int64_t>(uint64_t{random()} << 32 | random());
        x32.at<int32_t>(i) = static_cast<int32_t>(random());
      }
      REQUIRE(call_of(p, x, y).run(2).ok());
      REQUIRE(call_of(p, x32, y32).run(2).ok());
      REQUIRE(y32.gaps_untouched());
      const auto wide = reference<uint64_t>(
          p, shape, [&](int64_t i) { return static_cast<uint64_t>(x.at<int64_t>(i)); });
      const auto narrow = reference<uint32_t>(
          p, shape, [&](int64_t i) { return static_cast<uint32_t>(x32.at<int32_t>(i)); });
      bool equal = true;
      for (int64_t i = 0; i < x.size(); ++i) {
        const auto at = static_cast<size_t>(i);
        equal = equal && y.at<int64_t>(i) == static_cast<int64_t>(wide[at]) &&
                y32.at<int32_t>(i) == static_cast<int32_t>(narrow[at]);
      }
      CHECK(equal);
    }
}

TEST_CASE("a running sum keeps what is not a number, and takes the place of its operand") {
  Tensor x(DType::kF32, {5}), y(DType::kF32, {5});
  x.set<float>({1, INFINITY, 2, NAN, 3});
  REQUIRE(call_of(params_of(0, 0), x, y).run().ok());
  CHECK(y.at<float>(0) == 1);
  CHECK(y.at<float>(2) == INFINITY);
  CHECK(std::isnan(y.at<float>(3)));
  CHECK(std::isnan(y.at<float>(4)));
  Tensor z(DType::kF32, {2, 300});
  for (int64_t i = 0; i < z.size(); ++i) z.at<float>(i) = 1;
  REQUIRE(call_of(params_of(1, 6), z, z).run().ok());
  for (int64_t i = 0; i < 300; ++i) REQUIRE(z.at<float>(i) == static_cast<float>(299 - i));
}

TEST_CASE("nothing is done for no elements") {
  Tensor x(DType::kF32, {3, 0}), y(DType::kF32, {3, 0});
  CHECK(call_of(params_of(0, 0), x, y).run().ok());
  CHECK(call_of(params_of(1, 0), x, y).run().ok());
}

TEST_CASE("running sums refuse hostile parameters") {
  Tensor x(DType::kF32, {4, 5}), y(DType::kF32, {4, 5}), short_y(DType::kF32, {4, 4}),
      row(DType::kF32, {20}), whole(DType::kI32, {4, 5}), wide(DType::kI64, {4, 5}),
      scalar(DType::kF32, {});
  CumulativeParams p;
  const auto ok = [&](const Tensor& from, const Tensor& to) {
    return call_of(p, from, to).check().ok();
  };
  CHECK(ok(x, y));
  CHECK(ok(whole, whole));
  CHECK_FALSE(ok(x, short_y));
  CHECK_FALSE(ok(x, row));
  CHECK_FALSE(ok(x, whole));
  CHECK_FALSE(ok(whole, x));
  CHECK_FALSE(ok(whole, wide));
  CHECK_FALSE(ok(scalar, scalar));
  for (uint8_t CumulativeParams::*flag :
       {&CumulativeParams::product, &CumulativeParams::exclusive, &CumulativeParams::reverse}) {
    p.*flag = 2;
    CHECK_FALSE(ok(x, y));
    p.*flag = 1;
    CHECK(ok(x, y));
  }
  p.axis = 2;
  CHECK_FALSE(ok(x, y));
  p.axis = 0;
  KernelCall without = call_of(p, x, y);
  without.params.resize(3);
  CHECK_FALSE(without.check().ok());
  CHECK_FALSE(KernelCall{KernelId::kCumulative, pod_bytes(p), {&x, &x}, {&y}}.check().ok());
  CHECK_FALSE(KernelCall{KernelId::kCumulative, pod_bytes(p), {&x}, {&y, &y}}.check().ok());
}
