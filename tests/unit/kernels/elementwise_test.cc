// Element-wise operations of every type against plain double or integer arithmetic.
#include "plan_schema/params/elementwise.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "plan_schema/half.h"
#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

KernelCall elementwise(EltOp op, std::vector<const Tensor*> inputs, const Tensor& y,
                       float alpha = 0, float beta = 0) {
  ElementwiseParams p;
  p.op = op;
  p.alpha = alpha;
  p.beta = beta;
  return {KernelId::kElementwise, pod_bytes(p), std::move(inputs), {&y}};
}

double mish(double x) { return x * std::tanh(std::log1p(std::exp(x))); }

struct UnaryCase {
  EltOp op;
  std::function<double(double)> reference;
  double low = -4, high = 4;
  float alpha = 0, beta = 0;
};

const std::vector<UnaryCase>& unary_cases() {
  static const std::vector<UnaryCase> cases = {
      {EltOp::kCopy, [](double x) { return x; }},
      {EltOp::kNeg, [](double x) { return -x; }},
      {EltOp::kAbs, [](double x) { return std::fabs(x); }},
      {EltOp::kSqrt, [](double x) { return std::sqrt(x); }, 0, 9},
      {EltOp::kExp, [](double x) { return std::exp(x); }},
      {EltOp::kLog, [](double x) { return std::log(x); }, 0.1, 9},
      {EltOp::kFloor, [](double x) { return std::floor(x); }},
      {EltOp::kCeil, [](double x) { return std::ceil(x); }},
      {EltOp::kRound, [](double x) { return std::nearbyint(x); }},
      {EltOp::kErf, [](double x) { return std::erf(x); }},
      {EltOp::kRelu, [](double x) { return x > 0 ? x : 0; }},
      {EltOp::kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {EltOp::kTanh, [](double x) { return std::tanh(x); }},
      {EltOp::kHardSwish, [](double x) { return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1); }},
      {EltOp::kSoftplus, [](double x) { return std::log1p(std::exp(x)); }},
      {EltOp::kMish, mish},
      {EltOp::kGelu, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {EltOp::kGeluTanh,
       [](double x) {
         return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       }},
      {EltOp::kSilu, [](double x) { return x / (1 + std::exp(-x)); }},
      {EltOp::kReciprocal, [](double x) { return 1 / x; }, 0.5, 4},
      {EltOp::kSign, [](double x) { return x > 0   ? 1
                                           : x < 0 ? -1
                                                   : 0; }},
      {EltOp::kSin, [](double x) { return std::sin(x); }},
      {EltOp::kCos, [](double x) { return std::cos(x); }},
      {EltOp::kTan, [](double x) { return std::tan(x); }, -1, 1},
      {EltOp::kSoftsign, [](double x) { return x / (1 + std::fabs(x)); }},
      {EltOp::kClip, [](double x) { return std::fmin(std::fmax(x, -1.5), 2.25); }, -4, 4, -1.5f,
       2.25f},
      {EltOp::kLeakyRelu, [](double x) { return x < 0 ? 0.125 * x : x; }, -4, 4, 0.125f},
      {EltOp::kElu, [](double x) { return x < 0 ? 1.5 * std::expm1(x) : x; }, -4, 4, 1.5f},
      {EltOp::kHardSigmoid, [](double x) { return std::fmin(std::fmax(0.25 * x + 0.5, 0), 1); }, -4,
       4, 0.25f, 0.5f},
      {EltOp::kSelu, [](double x) { return 1.25 * (x > 0 ? x : 1.5 * std::expm1(x)); }, -4, 4, 1.5f,
       1.25f},
      {EltOp::kThresholdedRelu, [](double x) { return x > 0.75 ? x : 0; }, -4, 4, 0.75f},
      {EltOp::kCelu, [](double x) { return std::fmax(x, 0) + std::fmin(0, 2 * std::expm1(x / 2)); },
       -4, 4, 2.0f},
  };
  return cases;
}

}  // namespace

TEST_CASE("unary operations on f32 and f64") {
  std::mt19937 random(11);
  for (const UnaryCase& c : unary_cases()) {
    CAPTURE(static_cast<int>(c.op));
    for (const int64_t gap : {0, 2}) {
      Tensor x(DType::kF32, {3, 5, 173}, gap), y(DType::kF32, {3, 5, 173}, gap);
      Tensor xd(DType::kF64, {700}), yd(DType::kF64, {700});
      x.fill_uniform<float>(random, c.low, c.high);
      xd.fill_uniform<double>(random, c.low, c.high);
      REQUIRE(elementwise(c.op, {&x}, y, c.alpha, c.beta).run(2).ok());
      REQUIRE(elementwise(c.op, {&xd}, yd, c.alpha, c.beta).run(1).ok());
      REQUIRE(y.gaps_untouched());
      for (int64_t i = 0; i < x.size(); ++i)
        REQUIRE(y.at<float>(i) == doctest::Approx(c.reference(x.at<float>(i))).epsilon(2e-6));
      for (int64_t i = 0; i < xd.size(); ++i)
        REQUIRE(yd.at<double>(i) == doctest::Approx(c.reference(xd.at<double>(i))).epsilon(1e-12));
    }
  }
}

TEST_CASE("16-bit floats are computed in float and rounded once") {
  Tensor x(DType::kF16, {500}), y(DType::kF16, {500}), xb(DType::kBF16, {500}),
      yb(DType::kBF16, {500});
  for (int64_t i = 0; i < 500; ++i) {
    x.at<F16>(i) = to_f16(static_cast<float>(i) * 0.037f - 9.0f);
    xb.at<BF16>(i) = to_bf16(static_cast<float>(i) * 0.037f - 9.0f);
  }
  REQUIRE(elementwise(EltOp::kTanh, {&x}, y).run().ok());
  REQUIRE(elementwise(EltOp::kTanh, {&xb}, yb).run().ok());
  for (int64_t i = 0; i < 500; ++i) {
    REQUIRE(y.at<F16>(i).bits == to_f16(std::tanh(to_float(x.at<F16>(i)))).bits);
    REQUIRE(yb.at<BF16>(i).bits == to_bf16(std::tanh(to_float(xb.at<BF16>(i)))).bits);
  }
}

TEST_CASE("binary operations broadcast both operands") {
  std::mt19937 random(12);
  const std::vector<std::pair<EltOp, std::function<double(double, double)>>> cases = {
      {EltOp::kAdd, [](double a, double b) { return a + b; }},
      {EltOp::kSub, [](double a, double b) { return a - b; }},
      {EltOp::kMul, [](double a, double b) { return a * b; }},
      {EltOp::kDiv, [](double a, double b) { return a / b; }},
      {EltOp::kPow, [](double a, double b) { return std::pow(a, b); }},
      {EltOp::kMin, [](double a, double b) { return std::fmin(a, b); }},
      {EltOp::kMax, [](double a, double b) { return std::fmax(a, b); }},
      {EltOp::kPRelu, [](double a, double b) { return a < 0 ? a * b : a; }},
      {EltOp::kFMod, [](double a, double b) { return std::fmod(a, b); }},
      {EltOp::kMod, [](double a, double b) { return a - std::floor(a / b) * b; }},
  };
  const std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> shapes = {
      {{2, 3, 1, 5}, {3, 4, 1}},
      {{}, {2, 3, 4, 5}},
      {{2, 3, 4, 5}, {5}},
      {{2, 1, 4, 5}, {2, 3, 1, 1}}};
  for (const auto& [op, reference] : cases) {
    for (const auto& [sa, sb] : shapes) {
      CAPTURE(static_cast<int>(op));
      Tensor a(DType::kF32, sa, 1), b(DType::kF32, sb), y(DType::kF32, {2, 3, 4, 5}, 2);
      const bool positive = op == EltOp::kPow;
      a.fill_uniform<float>(random, positive ? 0.1 : -4, 4);
      b.fill_uniform<float>(random, 0.5, 3);
      REQUIRE(elementwise(op, {&a, &b}, y).run().ok());
      REQUIRE(y.gaps_untouched());
      const auto pick = [](Tensor& t, const int64_t(&c)[4]) {
        const auto& v = t.view();
        int64_t at = 0;
        for (int i = 0; i < v.rank; ++i)
          at += v.shape[i] == 1 ? 0 : c[4 - v.rank + i] * v.strides[i];
        return static_cast<double>(v.as<float>()[at]);
      };
      for (int64_t i = 0; i < 120; ++i) {
        const int64_t c[4] = {i / 60, i / 20 % 3, i / 5 % 4, i % 5};
        REQUIRE(y.at<float>(i) == doctest::Approx(reference(pick(a, c), pick(b, c))).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("integers divide, take remainders and powers as ONNX says, wrap, and never trap") {
  const int64_t lowest = std::numeric_limits<int64_t>::min();
  Tensor a(DType::kI64, {8}), b(DType::kI64, {8}), y(DType::kI64, {8});
  a.set<int64_t>({7, -7, 7, -7, lowest, 5, 3, -2});
  b.set<int64_t>({3, 3, -3, -3, -1, 0, 4, 3});
  const auto result = [&](EltOp op) {
    REQUIRE(elementwise(op, {&a, &b}, y).run().ok());
    return y.get<int64_t>();
  };
  CHECK(result(EltOp::kDiv) == std::vector<int64_t>{2, -2, -2, 2, lowest, 0, 0, 0});
  CHECK(result(EltOp::kMod) == std::vector<int64_t>{1, 2, -2, -1, 0, 0, 3, 1});
  CHECK(result(EltOp::kFMod) == std::vector<int64_t>{1, -1, 1, -1, 0, 0, 3, -2});
  CHECK(result(EltOp::kPow)[6] == 81);
  CHECK(result(EltOp::kPow)[7] == -8);
  CHECK(result(EltOp::kAdd)[4] == std::numeric_limits<int64_t>::max());
  Tensor u(DType::kU8, {3}), v(DType::kU8, {3}), w(DType::kU8, {3});
  u.set<uint8_t>({250, 3, 200});
  v.set<uint8_t>({10, 5, 7});
  REQUIRE(elementwise(EltOp::kAdd, {&u, &v}, w).run().ok());
  CHECK(w.get<uint8_t>() == std::vector<uint8_t>{4, 8, 207});
  REQUIRE(elementwise(EltOp::kSub, {&u, &v}, w).run().ok());
  CHECK(w.get<uint8_t>() == std::vector<uint8_t>{240, 254, 193});
  REQUIRE(elementwise(EltOp::kClip, {&u}, w, 5, 210).run().ok());
  CHECK(w.get<uint8_t>() == std::vector<uint8_t>{210, 5, 200});
  REQUIRE(elementwise(EltOp::kClip, {&u}, w, -3e38f, 3e38f).run().ok());
  CHECK(w.get<uint8_t>() == std::vector<uint8_t>{250, 3, 200});
  REQUIRE(elementwise(EltOp::kBitNot, {&u}, w).run().ok());
  CHECK(w.get<uint8_t>() == std::vector<uint8_t>{5, 252, 55});
  Tensor big(DType::kU64, {2}), two(DType::kU64, {2}), q(DType::kU64, {2});
  big.set<uint64_t>({~0ull, 1ull << 63});
  two.set<uint64_t>({2, 2});
  REQUIRE(elementwise(EltOp::kDiv, {&big, &two}, q).run().ok());
  CHECK(q.get<uint64_t>() == std::vector<uint64_t>{~0ull / 2, 1ull << 62});
}

TEST_CASE("powers mix types; the result has the base's") {
  Tensor a(DType::kI32, {3}), b(DType::kF32, {3}), y(DType::kI32, {3});
  a.set<int32_t>({4, 9, 2});
  b.set<float>({0.5f, 0.5f, 3.0f});
  REQUIRE(elementwise(EltOp::kPow, {&a, &b}, y).run().ok());
  CHECK(y.get<int32_t>() == std::vector<int32_t>{2, 3, 8});
}

TEST_CASE("comparisons, logic and selection") {
  Tensor a(DType::kF32, {4}), b(DType::kF32, {4}), c(DType::kBool, {4}), y(DType::kF32, {4});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  a.set<float>({1, 2, 3, nan});
  b.set<float>({2, 2, 2, 2});
  const auto compared = [&](EltOp op) {
    c.poison();
    REQUIRE(elementwise(op, {&a, &b}, c).run().ok());
    return c.get<uint8_t>();
  };
  CHECK(compared(EltOp::kEqual) == std::vector<uint8_t>{0, 1, 0, 0});
  CHECK(compared(EltOp::kLess) == std::vector<uint8_t>{1, 0, 0, 0});
  CHECK(compared(EltOp::kLessOrEqual) == std::vector<uint8_t>{1, 1, 0, 0});
  CHECK(compared(EltOp::kGreater) == std::vector<uint8_t>{0, 0, 1, 0});
  CHECK(compared(EltOp::kGreaterOrEqual) == std::vector<uint8_t>{0, 1, 1, 0});
  REQUIRE(elementwise(EltOp::kWhere, {&c, &a, &b}, y).run().ok());
  CHECK(y.at<float>(0) == 2);
  CHECK(y.at<float>(2) == 3);
  REQUIRE(elementwise(EltOp::kMax, {&a, &b}, y).run().ok());
  CHECK(std::isnan(y.at<float>(3)));
  REQUIRE(elementwise(EltOp::kMin, {&b, &a}, y).run().ok());
  CHECK(std::isnan(y.at<float>(3)));
  REQUIRE(elementwise(EltOp::kIsNan, {&a}, c).run().ok());
  CHECK(c.get<uint8_t>() == std::vector<uint8_t>{0, 0, 0, 1});
  Tensor p(DType::kBool, {4}), q(DType::kBool, {4}), r(DType::kBool, {4});
  p.set<uint8_t>({0, 0, 1, 1});
  q.set<uint8_t>({0, 1, 0, 1});
  REQUIRE(elementwise(EltOp::kAnd, {&p, &q}, r).run().ok());
  CHECK(r.get<uint8_t>() == std::vector<uint8_t>{0, 0, 0, 1});
  REQUIRE(elementwise(EltOp::kOr, {&p, &q}, r).run().ok());
  CHECK(r.get<uint8_t>() == std::vector<uint8_t>{0, 1, 1, 1});
  REQUIRE(elementwise(EltOp::kXor, {&p, &q}, r).run().ok());
  CHECK(r.get<uint8_t>() == std::vector<uint8_t>{0, 1, 1, 0});
  REQUIRE(elementwise(EltOp::kNot, {&p}, r).run().ok());
  CHECK(r.get<uint8_t>() == std::vector<uint8_t>{1, 1, 0, 0});
}

TEST_CASE("elementwise refuses hostile parameters") {
  Tensor a(DType::kF32, {4, 5}), b(DType::kF32, {3}), y(DType::kF32, {4, 5}),
      i(DType::kI32, {4, 5});
  CHECK_FALSE(elementwise(EltOp::kAdd, {&a}, y).check().ok());
  CHECK_FALSE(elementwise(EltOp::kAdd, {&a, &b}, y).check().ok());
  CHECK_FALSE(elementwise(static_cast<EltOp>(39), {&a}, y).check().ok());
  CHECK_FALSE(elementwise(static_cast<EltOp>(255), {&a}, y).check().ok());
  CHECK_FALSE(elementwise(EltOp::kExp, {&i}, i).check().ok());
  CHECK_FALSE(elementwise(EltOp::kBitAnd, {&a, &a}, y).check().ok());
  KernelCall truncated = elementwise(EltOp::kNeg, {&a}, y);
  truncated.params.resize(4);
  CHECK_FALSE(truncated.check().ok());
}

TEST_CASE("cast truncates and saturates floats, wraps integers, normalises bools") {
  const auto cast = [](Tensor& x, Tensor& y) {
    REQUIRE(KernelCall{KernelId::kCast, {}, {&x}, {&y}}.run(2).ok());
  };
  const float inf = std::numeric_limits<float>::infinity();
  Tensor f(DType::kF32, {6}), u8(DType::kU8, {6}), i8(DType::kI8, {6}), i64(DType::kI64, {6}),
      flag(DType::kBool, {6});
  f.set<float>({-1.9f, 3.7f, 300.0f, std::nanf(""), inf, -inf});
  cast(f, u8);
  CHECK(u8.get<uint8_t>() == std::vector<uint8_t>{0, 3, 255, 0, 255, 0});
  cast(f, i8);
  CHECK(i8.get<int8_t>() == std::vector<int8_t>{-1, 3, 127, 0, 127, -128});
  cast(f, i64);
  CHECK(i64.at<int64_t>(4) == std::numeric_limits<int64_t>::max());
  CHECK(i64.at<int64_t>(5) == std::numeric_limits<int64_t>::min());
  cast(f, flag);
  CHECK(flag.get<uint8_t>() == std::vector<uint8_t>{1, 1, 1, 1, 1, 1});
  Tensor wide(DType::kI64, {3}), narrow(DType::kI16, {3}), halves(DType::kF16, {3}),
      doubles(DType::kF64, {3});
  wide.set<int64_t>({65537, -1, 40000});
  cast(wide, narrow);
  CHECK(narrow.get<int16_t>() == std::vector<int16_t>{1, -1, -25536});
  cast(wide, halves);
  CHECK(halves.at<F16>(2).bits == to_f16(40000.0f).bits);
  cast(wide, doubles);
  CHECK(doubles.get<double>() == std::vector<double>{65537, -1, 40000});
  // Every pair of types carries small numbers unchanged.
  for (uint8_t from = 0; from < kDTypeCount; ++from)
    for (uint8_t to = 0; to < kDTypeCount; ++to) {
      Tensor start(DType::kU8, {2, 300}), x(static_cast<DType>(from), {2, 300}, 1),
          y(static_cast<DType>(to), {2, 300}, 3), end(DType::kU8, {2, 300});
      for (int64_t i = 0; i < start.size(); ++i) start.at<uint8_t>(i) = static_cast<uint8_t>(i % 2);
      cast(start, x);
      cast(x, y);
      cast(y, end);
      REQUIRE(end.get<uint8_t>() == start.get<uint8_t>());
      REQUIRE(y.gaps_untouched());
    }
  Tensor other(DType::kF32, {5});
  CHECK_FALSE(KernelCall{KernelId::kCast, {}, {&f}, {&other}}.check().ok());
}
