#include "host_builder/network/scalar_bytes.h"

#include <doctest/doctest.h>

#include <cmath>

namespace stint::builder {
namespace {

TEST_CASE("half precision converts exactly and rounds to nearest even") {
  for (uint32_t half = 0; half < 0x10000u; ++half) {
    const float value = half_to_float(static_cast<uint16_t>(half));
    if (std::isnan(value)) continue;
    REQUIRE(float_to_half(value) == half);
  }
  CHECK(float_to_half(65519.0f) == 0x7BFF);
  CHECK(float_to_half(65520.0f) == 0x7C00);
  CHECK(float_to_half(1.0f + 1.0f / 2048) == 0x3C00);     // halfway, to even
  CHECK(float_to_half(1.0f + 3.0f / 2048) == 0x3C02);     // halfway, to even
  CHECK(float_to_half(std::ldexp(1.0f, -25)) == 0x0000);  // halfway to the smallest subnormal
  CHECK(float_to_half(std::ldexp(1.5f, -25)) == 0x0001);
}

}  // namespace
}  // namespace stint::builder
