// Reductions against a loop over all elements in double.
#include "plan_schema/params/reduce.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "plan_schema/half.h"
#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

KernelCall reduce(ReduceOp op, uint8_t axes, bool keep, const Tensor& x, const Tensor& y) {
  ReduceParams p;
  p.op = op;
  p.axes = axes;
  p.keep_dims = keep ? 1 : 0;
  return {KernelId::kReduce, pod_bytes(p), {&x}, {&y}};
}

std::vector<int64_t> reduced_shape(const std::vector<int64_t>& shape, uint8_t axes, bool keep) {
  std::vector<int64_t> result;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!(axes >> i & 1))
      result.push_back(shape[i]);
    else if (keep)
      result.push_back(1);
  }
  return result;
}

/// Result index (row-major over the kept axes) of every element.
int64_t result_of(int64_t i, const std::vector<int64_t>& shape, uint8_t axes) {
  int64_t at = 0, scale = 1;
  for (size_t a = shape.size(); a-- > 0;) {
    const int64_t c = i % shape[a];
    i /= shape[a];
    if (axes >> a & 1) continue;
    at += c * scale;
    scale *= shape[a];
  }
  return at;
}

double naive(ReduceOp op, const std::vector<double>& v) {
  double sum = 0, abs = 0, square = 0, product = 1, high = -INFINITY, low = INFINITY,
         exponentials = 0;
  for (const double x : v) {
    sum += x, abs += std::fabs(x), square += x * x, product *= x, exponentials += std::exp(x);
    high = std::fmax(high, x), low = std::fmin(low, x);
  }
  switch (op) {
    case ReduceOp::kSum:
      return sum;
    case ReduceOp::kMean:
      return sum / static_cast<double>(v.size());
    case ReduceOp::kMax:
      return high;
    case ReduceOp::kMin:
      return low;
    case ReduceOp::kProd:
      return product;
    case ReduceOp::kL1:
      return abs;
    case ReduceOp::kL2:
      return std::sqrt(square);
    case ReduceOp::kLogSum:
      return std::log(sum);
    case ReduceOp::kLogSumExp:
      return std::log(exponentials);
    case ReduceOp::kSumSquare:
      return square;
  }
  return 0;
}

}  // namespace

TEST_CASE("every reduction over every set of axes, gapped or dense, 1 and 2 threads") {
  std::mt19937 random(21);
  const std::vector<int64_t> shape = {2, 3, 5, 70};
  for (int op = 0; op <= 9; ++op)
    for (uint8_t axes = 0; axes < 16; ++axes)
      for (const int64_t gap : {0, 1}) {
        const bool keep = (axes + gap) % 2 == 0;
        CAPTURE(op);
        CAPTURE(static_cast<int>(axes));
        Tensor x(DType::kF32, shape, gap), y(DType::kF32, reduced_shape(shape, axes, keep), gap);
        const bool positive = op == static_cast<int>(ReduceOp::kLogSum);
        x.fill_uniform<float>(random, positive ? 0.1 : -1.2, 1.2);
        REQUIRE(reduce(static_cast<ReduceOp>(op), axes, keep, x, y).run(gap == 0 ? 2 : 1).ok());
        REQUIRE(y.gaps_untouched());
        std::vector<std::vector<double>> groups(static_cast<size_t>(y.size()));
        for (int64_t i = 0; i < x.size(); ++i)
          groups[static_cast<size_t>(result_of(i, shape, axes))].push_back(x.at<float>(i));
        for (int64_t i = 0; i < y.size(); ++i) {
          const double expected = naive(static_cast<ReduceOp>(op), groups[static_cast<size_t>(i)]);
          REQUIRE(y.at<float>(i) == doctest::Approx(expected).epsilon(1e-6).scale(1e-3));
        }
      }
}

TEST_CASE("integers, 16-bit floats and bools reduce in their own arithmetic") {
  Tensor x(DType::kI32, {2, 3}), y(DType::kI32, {2});
  x.set<int32_t>({1, -2, 3, 7, 7, 6});
  const auto result = [&](ReduceOp op) {
    REQUIRE(reduce(op, 2, false, x, y).run().ok());
    return y.get<int32_t>();
  };
  CHECK(result(ReduceOp::kSum) == std::vector<int32_t>{2, 20});
  CHECK(result(ReduceOp::kMean) == std::vector<int32_t>{0, 6});
  CHECK(result(ReduceOp::kMax) == std::vector<int32_t>{3, 7});
  CHECK(result(ReduceOp::kMin) == std::vector<int32_t>{-2, 6});
  CHECK(result(ReduceOp::kProd) == std::vector<int32_t>{-6, 294});
  CHECK(result(ReduceOp::kL1) == std::vector<int32_t>{6, 20});
  CHECK(result(ReduceOp::kL2) == std::vector<int32_t>{3, 11});
  CHECK(result(ReduceOp::kSumSquare) == std::vector<int32_t>{14, 134});
  Tensor h(DType::kF16, {2048}), m(DType::kF16, {1});
  for (int64_t i = 0; i < 2048; ++i) h.at<F16>(i) = to_f16(100.0f);
  REQUIRE(reduce(ReduceOp::kMean, 1, true, h, m).run().ok());
  CHECK(to_float(m.at<F16>(0)) == 100.0f);
  Tensor b(DType::kBool, {3}), any(DType::kBool, {});
  b.set<uint8_t>({0, 1, 0});
  REQUIRE(reduce(ReduceOp::kMax, 1, false, b, any).run().ok());
  CHECK(any.at<uint8_t>(0) == 1);
}

TEST_CASE("the empty reduction gives the operation's identity") {
  Tensor x(DType::kF32, {2, 0}), y(DType::kF32, {2});
  const auto result = [&](ReduceOp op) {
    REQUIRE(reduce(op, 2, false, x, y).run().ok());
    return y.at<float>(1);
  };
  CHECK(result(ReduceOp::kSum) == 0);
  CHECK(result(ReduceOp::kProd) == 1);
  CHECK(result(ReduceOp::kMax) == -INFINITY);
  CHECK(result(ReduceOp::kMin) == INFINITY);
  CHECK(result(ReduceOp::kLogSumExp) == -INFINITY);
}

TEST_CASE("log-sum-exp does not overflow and NaN is not lost") {
  Tensor x(DType::kF32, {3}), y(DType::kF32, {1});
  x.set<float>({1000, 1000, -1000});
  REQUIRE(reduce(ReduceOp::kLogSumExp, 1, true, x, y).run().ok());
  CHECK(y.at<float>(0) == doctest::Approx(1000.6931));
  x.set<float>({1, NAN, 5});
  REQUIRE(reduce(ReduceOp::kMax, 1, true, x, y).run().ok());
  CHECK(std::isnan(y.at<float>(0)));
}

TEST_CASE("reduce refuses hostile parameters") {
  Tensor x(DType::kF32, {2, 3}), y(DType::kF32, {2}), wrong(DType::kF32, {3}),
      scalar(DType::kF32, {});
  CHECK(reduce(ReduceOp::kSum, 2, false, x, y).check().ok());
  CHECK_FALSE(reduce(ReduceOp::kSum, 2, false, x, wrong).check().ok());
  CHECK_FALSE(reduce(ReduceOp::kSum, 2, false, x, scalar).check().ok());
  CHECK_FALSE(reduce(ReduceOp::kSum, 2, true, x, y).check().ok());
  CHECK_FALSE(reduce(ReduceOp::kSum, 4, false, x, y).check().ok());
  CHECK_FALSE(reduce(static_cast<ReduceOp>(10), 2, false, x, y).check().ok());
}
