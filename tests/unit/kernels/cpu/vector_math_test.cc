#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/unit/kernels/cpu/vector_math_test.cc"
#include "kernels/cpu/simd_dispatch.h"
//
#include <cmath>
#include <cstring>

#include "kernels/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

// Applies function `which` to 16 values.
void vector_math_16(int which, const float* in, float* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i < 16; i += hn::Lanes(d)) {
    const auto x = hn::LoadU(d, in + i);
    auto y = x;
    switch (which) {
      case 0:
        y = vexp(d, x);
        break;
      case 1:
        y = vsigmoid(d, x);
        break;
      case 2:
        y = vtanh(d, x);
        break;
      case 3:
        y = verf(d, x);
        break;
      case 4:
        y = vgelu(d, x);
        break;
      case 5:
        y = vgelu_tanh(d, x);
        break;
      case 6:
        y = vmish(d, x);
        break;
      case 7:
        y = vsilu(d, x);
        break;
      case 8:
        y = vhard_swish(d, x);
        break;
      case 9:
        y = velu(d, x, hn::Set(d, 1.5f));
        break;
      case 10:
        y = vleaky_relu(d, x, hn::Set(d, 0.1f));
        break;
      case 11:
        y = vhard_sigmoid(d, x, hn::Set(d, 0.2f), hn::Set(d, 0.5f));
        break;
    }
    hn::StoreU(y, d, out + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <vector>

#include "tests/unit/kernels/cpu/simd_levels.h"

namespace stint::cpu {
namespace {

double exact(int which, double x) {
  switch (which) {
    case 0:
      return std::exp(x);
    case 1:
      return 1 / (1 + std::exp(-x));
    case 2:
      return std::tanh(x);
    case 3:
      return std::erf(x);
    case 4:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case 5:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case 6:
      return x * std::tanh(std::log1p(std::exp(x)));
    case 7:
      return x / (1 + std::exp(-x));
    case 8:
      return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1);
    case 9:
      return x < 0 ? 1.5 * std::expm1(x) : x;
    case 10:
      return x < 0 ? 0.1f * x : x;
    case 11:
      return std::fmin(std::fmax(0.2f * x + 0.5, 0), 1);
  }
  return 0;
}

// gelu's and hard swish's left tails are x * (1 - almost 1): there the absolute error is what f32
// allows.
double tolerance(int which, double x, double y) {
  const bool cancels = which == 4 || which == 5 || which == 8 || which == 11;
  return 1e-6 * std::fabs(y) + (cancels ? 2e-7 * std::fmax(1, std::fabs(x)) : 0) + 2e-38;
}

TEST_CASE("vector functions stay within 1e-6 of the exact value on every SIMD level") {
  const auto run = [](int which, const std::vector<float>& x) {
    std::vector<float> y(16);
    STINT_SIMD(vector_math_16)(which, x.data(), y.data());
    return y;
  };
  for_each_simd_level([&](SimdLevel level) {
    INFO(simd_level_name(level));
    std::mt19937 random(7);
    for (int which = 0; which <= 11; ++which) {
      double worst = 0, worst_x = 0;
      for (int round = 0; round < 4000; ++round) {
        // From 1e-6 to 80, both signs, dense around the switching points.
        std::vector<float> x(16);
        for (float& v : x) {
          const double u = std::uniform_real_distribution<double>(-6, 1.9)(random);
          v = static_cast<float>(std::pow(10.0, u) * (random() % 2 ? 1 : -1));
          if (round % 3 == 0) v = std::uniform_real_distribution<float>(-5, 5)(random);
        }
        const auto y = run(which, x);
        for (int i = 0; i < 16; ++i) {
          const double e = exact(which, x[i]);
          const double excess = std::fabs(y[i] - e) / tolerance(which, x[i], e);
          if (!(excess <= worst)) worst = excess, worst_x = x[i];
        }
      }
      CAPTURE(which);
      CAPTURE(worst_x);
      CHECK(worst <= 1.0);
    }
  });
}

TEST_CASE("vector functions at the ends: infinities, NaN, overflow, denormal results") {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {kInf,    -kInf, nan,    88.7f, 88.8f, -87.5f, -100.0f, -103.5f,
                                -120.0f, 1e30f, -1e30f, 0,     -0.0f, 1e-40f, 50,      -50};
  for_each_simd_level([&](SimdLevel level) {
    INFO(simd_level_name(level));
    std::vector<float> y(16);
    STINT_SIMD(vector_math_16)(0, x.data(), y.data());
    CHECK(y[0] == kInf);
    CHECK(y[1] == 0.0f);
    CHECK(std::isnan(y[2]));
    CHECK(y[3] == doctest::Approx(std::exp(static_cast<double>(88.7f))).epsilon(1e-6));
    CHECK(y[4] == kInf);
    CHECK(y[5] == doctest::Approx(std::exp(-87.5)).epsilon(1e-5));
    CHECK(y[6] > 0.0f);
    CHECK(y[8] == 0.0f);
    CHECK(y[11] == 1.0f);
    for (int which : {1, 2, 3}) {
      STINT_SIMD(vector_math_16)(which, x.data(), y.data());
      CHECK(y[0] == 1.0f);
      CHECK(y[1] == (which == 1 ? 0.0f : -1.0f));
      CHECK(std::isnan(y[2]));
      CHECK(y[9] == 1.0f);
    }
    for (int which : {4, 5, 6, 7, 8, 9, 10, 11}) {
      STINT_SIMD(vector_math_16)(which, x.data(), y.data());
      CHECK(std::isnan(y[2]));
      CHECK(!std::isnan(y[14]));
      CHECK(!std::isnan(y[15]));
      if (which != 11) CHECK(y[14] == 50.0f);
    }
  });
}

}  // namespace
}  // namespace stint::cpu
#endif
