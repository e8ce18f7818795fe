// Fused f32 programs against the same operations in double, at every SIMD level.
#include "plan_schema/params/pointwise.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "kernels/cpu/simd_level.h"
#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

PointwiseOp op(EltOp o, int a, int b = 0, int c = 0, float alpha = 0, float beta = 0) {
  PointwiseOp p;
  p.op = o;
  p.a = static_cast<uint8_t>(a);
  p.b = static_cast<uint8_t>(b);
  p.c = static_cast<uint8_t>(c);
  p.alpha = alpha;
  p.beta = beta;
  return p;
}

KernelCall pointwise(const std::vector<PointwiseOp>& program, std::vector<const Tensor*> inputs,
                     const Tensor& y) {
  PointwiseParams params;
  params.instruction_count = static_cast<uint8_t>(program.size());
  KernelCall call{KernelId::kPointwise, pod_bytes(params, program), std::move(inputs), {&y}};
  call.worker_scratch_bytes = pointwise_scratch_bytes(static_cast<int64_t>(call.inputs.size()),
                                                      static_cast<int64_t>(program.size()));
  return call;
}

double pick(const Tensor& t, const std::vector<int64_t>& coordinate) {
  const auto& v = t.view();
  int64_t at = 0;
  for (int i = 0; i < v.rank; ++i)
    at += v.shape[i] == 1
              ? 0
              : coordinate[coordinate.size() - v.rank + static_cast<size_t>(i)] * v.strides[i];
  return static_cast<double>(v.as<float>()[at]);
}

template <typename F>
void at_every_level(F f) {
  for (const cpu::SimdLevel level :
       {cpu::SimdLevel::kBaseline, cpu::SimdLevel::kAvx2, cpu::SimdLevel::kAvx512}) {
    cpu::limit_simd_level(level);
    CAPTURE(cpu::simd_level_name(cpu::simd_level()));
    f();
  }
  cpu::limit_simd_level(cpu::best_simd_level());
}

}  // namespace

TEST_CASE("every unary operation, odd lengths") {
  const std::vector<std::pair<PointwiseOp, std::function<double(double)>>> cases = {
      {op(EltOp::kCopy, 0), [](double x) { return x; }},
      {op(EltOp::kNeg, 0), [](double x) { return -x; }},
      {op(EltOp::kAbs, 0), [](double x) { return std::fabs(x); }},
      {op(EltOp::kExp, 0), [](double x) { return std::exp(x); }},
      {op(EltOp::kFloor, 0), [](double x) { return std::floor(x); }},
      {op(EltOp::kCeil, 0), [](double x) { return std::ceil(x); }},
      {op(EltOp::kRound, 0), [](double x) { return std::nearbyint(x); }},
      {op(EltOp::kErf, 0), [](double x) { return std::erf(x); }},
      {op(EltOp::kRelu, 0), [](double x) { return std::fmax(x, 0); }},
      {op(EltOp::kSigmoid, 0), [](double x) { return 1 / (1 + std::exp(-x)); }},
      {op(EltOp::kTanh, 0), [](double x) { return std::tanh(x); }},
      {op(EltOp::kHardSwish, 0),
       [](double x) { return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1); }},
      {op(EltOp::kSoftplus, 0), [](double x) { return std::log1p(std::exp(x)); }},
      {op(EltOp::kMish, 0), [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {op(EltOp::kGelu, 0), [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {op(EltOp::kGeluTanh, 0),
       [](double x) {
         return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       }},
      {op(EltOp::kSilu, 0), [](double x) { return x / (1 + std::exp(-x)); }},
      {op(EltOp::kSign, 0), [](double x) { return x > 0   ? 1
                                                  : x < 0 ? -1
                                                          : 0; }},
      {op(EltOp::kSin, 0), [](double x) { return std::sin(x); }},
      {op(EltOp::kSoftsign, 0), [](double x) { return x / (1 + std::fabs(x)); }},
      {op(EltOp::kClip, 0, 0, 0, -1.5f, 2.25f),
       [](double x) { return std::fmin(std::fmax(x, -1.5), 2.25); }},
      {op(EltOp::kLeakyRelu, 0, 0, 0, 0.125f), [](double x) { return x < 0 ? 0.125 * x : x; }},
      {op(EltOp::kElu, 0, 0, 0, 1.5f), [](double x) { return x < 0 ? 1.5 * std::expm1(x) : x; }},
      {op(EltOp::kHardSigmoid, 0, 0, 0, 0.25f, 0.5f),
       [](double x) { return std::fmin(std::fmax(0.25 * x + 0.5, 0), 1); }},
      {op(EltOp::kSelu, 0, 0, 0, 1.5f, 1.25f),
       [](double x) { return 1.25 * (x > 0 ? x : 1.5 * std::expm1(x)); }},
      {op(EltOp::kThresholdedRelu, 0, 0, 0, 0.75f), [](double x) { return x > 0.75 ? x : 0; }},
      {op(EltOp::kCelu, 0, 0, 0, 2.0f),
       [](double x) { return std::fmax(x, 0) + std::fmin(0, 2 * std::expm1(x / 2)); }},
  };
  at_every_level([&] {
    std::mt19937 random(31);
    for (const auto& [instruction, reference] : cases) {
      CAPTURE(static_cast<int>(instruction.op));
      Tensor x(DType::kF32, {1093}), y(DType::kF32, {1093});
      x.fill_uniform<float>(random, -6, 6);
      REQUIRE(pointwise({instruction}, {&x}, y).run(2).ok());
      REQUIRE(y.gaps_untouched());
      for (int64_t i = 0; i < x.size(); ++i)
        REQUIRE(y.at<float>(i) ==
                doctest::Approx(reference(x.at<float>(i))).epsilon(3e-6).scale(0.1));
    }
    Tensor positive(DType::kF32, {77}), y(DType::kF32, {77});
    positive.fill_uniform<float>(random, 0.05, 9);
    const auto check_positive = [&](EltOp o, double (*reference)(double)) {
      REQUIRE(pointwise({op(o, 0)}, {&positive}, y).run().ok());
      for (int64_t i = 0; i < 77; ++i)
        REQUIRE(y.at<float>(i) == doctest::Approx(reference(positive.at<float>(i))).epsilon(2e-6));
    };
    check_positive(EltOp::kSqrt, [](double x) { return std::sqrt(x); });
    check_positive(EltOp::kLog, [](double x) { return std::log(x); });
    check_positive(EltOp::kReciprocal, [](double x) { return 1 / x; });
  });
}

TEST_CASE("binary and ternary operations with every kind of broadcast, dense and gapped") {
  const std::vector<std::pair<EltOp, std::function<double(double, double, double)>>> cases = {
      {EltOp::kAdd, [](double a, double b, double) { return a + b; }},
      {EltOp::kSub, [](double a, double b, double) { return a - b; }},
      {EltOp::kMul, [](double a, double b, double) { return a * b; }},
      {EltOp::kDiv, [](double a, double b, double) { return a / b; }},
      {EltOp::kPow, [](double a, double b, double) { return std::pow(a, b); }},
      {EltOp::kMin, [](double a, double b, double) { return std::fmin(a, b); }},
      {EltOp::kMax, [](double a, double b, double) { return std::fmax(a, b); }},
      {EltOp::kPRelu, [](double a, double b, double) { return a < 0 ? a * b : a; }},
      {EltOp::kLess, [](double a, double b, double) { return a < b; }},
      {EltOp::kGreaterOrEqual, [](double a, double b, double) { return a >= b; }},
      {EltOp::kEqual, [](double a, double b, double) { return a == b; }},
      {EltOp::kWhere, [](double a, double b, double c) { return a != 0 ? b : c; }},
  };
  const std::vector<int64_t> out = {2, 9, 11, 13};
  const std::vector<std::vector<std::vector<int64_t>>> shapes = {
      {{2, 9, 11, 13}, {2, 9, 11, 13}, {13}},
      {{2, 9, 11, 13}, {13}, {2, 1, 1, 13}},
      {{13}, {2, 9, 11, 13}, {}},
      {{2, 9, 11, 1}, {2, 1, 1, 13}, {11, 13}},
      {{}, {9, 1, 13}, {2, 9, 11, 13}},
      {{2, 1, 11, 1}, {1}, {9, 1, 1}},
  };
  at_every_level([&] {
    std::mt19937 random(32);
    for (const auto& [o, reference] : cases)
      for (const auto& s : shapes)
        for (const int64_t gap : {0, 3}) {
          CAPTURE(static_cast<int>(o));
          Tensor a(DType::kF32, s[0], gap), b(DType::kF32, s[1]), c(DType::kF32, s[2], gap),
              y(DType::kF32, out, gap);
          a.fill_uniform<float>(random, o == EltOp::kPow ? 0.1 : -3, 3);
          b.fill_uniform<float>(random, 0.5, 2);
          c.fill_uniform<float>(random, -3, 3);
          if (o == EltOp::kWhere)
            for (int64_t i = 0; i < a.size(); i += 2) a.at<float>(i) = 0;
          REQUIRE(pointwise({op(o, 0, 1, 2)}, {&a, &b, &c}, y).run(gap == 0 ? 2 : 1).ok());
          REQUIRE(y.gaps_untouched());
          for (int64_t i = 0; i < y.size(); ++i) {
            const std::vector<int64_t> at = {i / (9 * 11 * 13), i / (11 * 13) % 9, i / 13 % 11,
                                             i % 13};
            REQUIRE(y.at<float>(i) ==
                    doctest::Approx(reference(pick(a, at), pick(b, at), pick(c, at)))
                        .epsilon(2e-6)
                        .scale(0.01));
          }
        }
  });
}

TEST_CASE("a program keeps its intermediate results apart, and may write over an input") {
  at_every_level([] {
    std::mt19937 random(33);
    Tensor x(DType::kF32, {3, 700}), s(DType::kF32, {700}), t(DType::kF32, {3, 1});
    x.fill_uniform<float>(random, -3, 3);
    s.fill_uniform<float>(random, -3, 3);
    t.fill_uniform<float>(random, -3, 3);
    const std::vector<float> before = x.get<float>();
    // silu(x * s + t) - x
    REQUIRE(pointwise({op(EltOp::kMul, 0, 1), op(EltOp::kAdd, 3, 2), op(EltOp::kSilu, 4),
                       op(EltOp::kSub, 5, 0)},
                      {&x, &s, &t}, x)
                .run(2)
                .ok());
    for (int64_t i = 0; i < x.size(); ++i) {
      const double v = static_cast<double>(before[static_cast<size_t>(i)]);
      const double u =
          v * static_cast<double>(s.at<float>(i % 700)) + static_cast<double>(t.at<float>(i / 700));
      REQUIRE(x.at<float>(i) ==
              doctest::Approx(u / (1 + std::exp(-u)) - v).epsilon(1e-5).scale(0.1));
    }
  });
}

TEST_CASE("min, max, relu and clip do not lose a NaN") {
  at_every_level([] {
    Tensor a(DType::kF32, {37}), b(DType::kF32, {37}), y(DType::kF32, {37});
    for (int64_t i = 0; i < 37; ++i) {
      a.at<float>(i) = i % 3 == 0 ? NAN : 1.0f;
      b.at<float>(i) = i % 3 == 1 ? NAN : 2.0f;
    }
    for (const EltOp o : {EltOp::kMin, EltOp::kMax}) {
      REQUIRE(pointwise({op(o, 0, 1)}, {&a, &b}, y).run().ok());
      for (int64_t i = 0; i < 37; ++i) REQUIRE(std::isnan(y.at<float>(i)) == (i % 3 != 2));
    }
    for (const PointwiseOp& o : {op(EltOp::kRelu, 0), op(EltOp::kClip, 0, 0, 0, -1, 1)}) {
      REQUIRE(pointwise({o}, {&a}, y).run().ok());
      for (int64_t i = 0; i < 37; ++i) REQUIRE(std::isnan(y.at<float>(i)) == (i % 3 == 0));
    }
  });
}

TEST_CASE("pointwise refuses hostile programs") {
  Tensor x(DType::kF32, {4, 5}), y(DType::kF32, {4, 5}), z(DType::kF32, {4}),
      i(DType::kI32, {4, 5});
  CHECK(pointwise({op(EltOp::kNeg, 0), op(EltOp::kAdd, 0, 1)}, {&x}, y).check().ok());
  CHECK_FALSE(pointwise({}, {&x}, y).check().ok());
  CHECK_FALSE(pointwise({op(EltOp::kNeg, 1)}, {&x}, y).check().ok());
  CHECK_FALSE(pointwise({op(EltOp::kNeg, 0, 1)}, {&x}, y).check().ok());
  CHECK_FALSE(pointwise({op(EltOp::kAdd, 0, 0, 255)}, {&x}, y).check().ok());
  CHECK_FALSE(pointwise({op(EltOp::kBitNot, 0)}, {&x}, y).check().ok());
  CHECK_FALSE(pointwise({op(static_cast<EltOp>(200), 0)}, {&x}, y).check().ok());
  CHECK_FALSE(pointwise({op(EltOp::kAdd, 0, 1)}, {&x, &z}, y).check().ok());
  CHECK_FALSE(pointwise({op(EltOp::kNeg, 0)}, {&i}, y).check().ok());
  CHECK_FALSE(pointwise(std::vector<PointwiseOp>(33, op(EltOp::kNeg, 0)), {&x}, y).check().ok());
  CHECK_FALSE(pointwise({op(EltOp::kNeg, 0)}, std::vector<const Tensor*>(17, &x), y).check().ok());
  KernelCall starved = pointwise({op(EltOp::kNeg, 0)}, {&x}, y);
  starved.worker_scratch_bytes -= 64;
  CHECK_FALSE(starved.check().ok());
  KernelCall truncated = pointwise({op(EltOp::kNeg, 0)}, {&x}, y);
  truncated.params.pop_back();
  CHECK_FALSE(truncated.check().ok());
}
