#include "plan_schema/half.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace stint;

namespace {

/// The definition: sign, exponent and fraction written out.
double f16_value(uint16_t h) {
  const int exponent = h >> 10 & 31;
  const double fraction = h & 1023;
  double v = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  if (exponent == 31) v = fraction == 0 ? HUGE_VAL : NAN;
  return h & 0x8000 ? -v : v;
}

}  // namespace

TEST_CASE("every f16 converts to float exactly and back to itself") {
  for (uint32_t h = 0; h < 65536; ++h) {
    const double expected = f16_value(static_cast<uint16_t>(h));
    const float f = to_float(F16{static_cast<uint16_t>(h)});
    if (std::isnan(expected)) {
      REQUIRE(std::isnan(f));
      REQUIRE(std::isnan(to_float(to_f16(f))));
    } else {
      REQUIRE(static_cast<double>(f) == expected);
      REQUIRE(to_f16(f).bits == h);
    }
  }
}

TEST_CASE("float to f16 picks the nearest, ties to even") {
  for (uint16_t h = 0; h < 0x7BFF; ++h) {
    const double low = f16_value(h), high = f16_value(static_cast<uint16_t>(h + 1));
    const float middle = static_cast<float>((low + high) / 2);
    REQUIRE(to_f16(middle).bits == (h % 2 == 0 ? h : h + 1));
    REQUIRE(to_f16(std::nextafter(middle, -1.0f)).bits == h);
    REQUIRE(to_f16(std::nextafter(middle, 1e9f)).bits == h + 1);
  }
  CHECK(to_f16(65519.99f).bits == 0x7BFF);
  CHECK(to_f16(65520.0f).bits == 0x7C00);
  CHECK(to_f16(-1e30f).bits == 0xFC00);
}

TEST_CASE("float to bf16 picks the nearest, ties to even") {
  CHECK(to_bf16(1.0f).bits == 0x3F80);
  CHECK(to_bf16(1.00390625f).bits == 0x3F80);  // half way, even below
  CHECK(to_bf16(1.01171875f).bits == 0x3F82);  // half way, even above
  CHECK(to_bf16(std::numeric_limits<float>::max()).bits == 0x7F80);
  CHECK(std::isnan(to_float(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST_CASE("double to f16 by way of float rounds once") {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> position(0.0, 1.0);
  for (int i = 0; i < 20000; ++i) {
    const auto h = static_cast<uint16_t>(random() % 0x7BFF);
    const double low = f16_value(h), high = f16_value(static_cast<uint16_t>(h + 1));
    const double middle = (low + high) / 2;
    // So close to the tie that a float cannot tell.
    CHECK(to_f16(to_float_odd(std::nextafter(middle, 1e9))).bits == h + 1);
    CHECK(to_f16(to_float_odd(std::nextafter(middle, -1.0))).bits == h);
    const double d = low + (high - low) * position(random);
    CHECK(to_f16(to_float_odd(d)).bits == (d < middle ? h : h + 1));
  }
}
