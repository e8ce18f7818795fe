#include <doctest/doctest.h>

#include <cmath>

#include "kernels/cpu/simd_level.h"
#include "plan_schema/half.h"
#include "plan_schema/params/norm.h"
#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

KernelCall softmax(uint8_t axis, bool log, const Tensor& x, const Tensor& y) {
  SoftmaxParams p;
  p.axis = axis;
  p.log = log ? 1 : 0;
  return {KernelId::kSoftmax, pod_bytes(p), {&x}, {&y}};
}

/// Softmax in double of a tensor in row-major order.
std::vector<double> naive(const std::vector<double>& x, const std::vector<int64_t>& shape,
                          size_t axis, bool log) {
  int64_t inner = 1;
  for (size_t a = axis + 1; a < shape.size(); ++a) inner *= shape[a];
  const int64_t length = shape[axis];
  std::vector<double> y(x.size());
  for (int64_t start = 0; start < static_cast<int64_t>(x.size()); ++start) {
    if (start / inner % length != 0) continue;
    double high = -INFINITY, sum = 0;
    for (int64_t k = 0; k < length; ++k)
      high = std::fmax(high, x[static_cast<size_t>(start + k * inner)]);
    for (int64_t k = 0; k < length; ++k)
      sum += std::exp(x[static_cast<size_t>(start + k * inner)] - high);
    for (int64_t k = 0; k < length; ++k) {
      const double shifted = x[static_cast<size_t>(start + k * inner)] - high;
      y[static_cast<size_t>(start + k * inner)] =
          log ? shifted - std::log(sum) : std::exp(shifted) / sum;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("softmax and log-softmax along every axis, short and long, dense and gapped") {
  std::mt19937 random(41);
  for (const cpu::SimdLevel level :
       {cpu::SimdLevel::kBaseline, cpu::SimdLevel::kAvx2, cpu::SimdLevel::kAvx512}) {
    cpu::limit_simd_level(level);
    for (const std::vector<int64_t>& shape :
         {std::vector<int64_t>{3, 2, 301}, {5, 40, 35}, {1, 1000}, {2, 1300, 2}, {33}, {7, 1}})
      for (size_t axis = 0; axis < shape.size(); ++axis)
        for (const bool log : {false, true})
          for (const int64_t gap : {0, 3}) {
            CAPTURE(axis);
            Tensor x(DType::kF32, shape, gap), y(DType::kF32, shape, gap);
            x.fill_uniform<float>(random, -30, 30);
            std::vector<double> values;
            for (int64_t i = 0; i < x.size(); ++i) values.push_back(x.at<float>(i));
            const std::vector<double> expected = naive(values, shape, axis, log);
            REQUIRE(softmax(static_cast<uint8_t>(axis), log, x, y).run(gap == 0 ? 2 : 1).ok());
            REQUIRE(y.gaps_untouched());
            for (int64_t i = 0; i < x.size(); ++i)
              REQUIRE(y.at<float>(i) == doctest::Approx(expected[static_cast<size_t>(i)])
                                            .epsilon(1e-5)
                                            .scale(log ? 1.0 : 1e-3));
            REQUIRE(softmax(static_cast<uint8_t>(axis), log, x, x).run().ok());  // in place
            for (int64_t i = 0; i < x.size(); ++i)
              REQUIRE(x.at<float>(i) == doctest::Approx(expected[static_cast<size_t>(i)])
                                            .epsilon(1e-5)
                                            .scale(log ? 1.0 : 1e-3));
          }
  }
  cpu::limit_simd_level(cpu::best_simd_level());
}

TEST_CASE("softmax of 16-bit and 64-bit floats, and of huge logits") {
  Tensor h(DType::kF16, {2, 300}), hy(DType::kF16, {2, 300}), d(DType::kF64, {2, 3}),
      dy(DType::kF64, {2, 3});
  std::vector<double> values;
  for (int64_t i = 0; i < h.size(); ++i) {
    h.at<F16>(i) = to_f16(static_cast<float>(i % 37) * 0.25f);
    values.push_back(static_cast<double>(to_float(h.at<F16>(i))));
  }
  const std::vector<double> expected = naive(values, {2, 300}, 1, false);
  REQUIRE(softmax(1, false, h, hy).run().ok());
  for (int64_t i = 0; i < h.size(); ++i)
    CHECK(hy.at<F16>(i).bits == to_f16(to_float_odd(expected[static_cast<size_t>(i)])).bits);
  d.set<double>({1e300, 1e300, 0, -1e300, 0, 0});
  REQUIRE(softmax(1, false, d, dy).run().ok());
  CHECK(dy.get<double>() == std::vector<double>{0.5, 0.5, 0, 0, 0.5, 0.5});
}

TEST_CASE("softmax refuses hostile parameters") {
  Tensor x(DType::kF32, {4, 5}), y(DType::kF32, {5, 4}), i(DType::kI32, {4, 5});
  CHECK(softmax(1, false, x, x).check().ok());
  CHECK_FALSE(softmax(2, false, x, x).check().ok());
  CHECK_FALSE(softmax(1, false, x, y).check().ok());
  CHECK_FALSE(softmax(1, false, i, i).check().ok());
}
