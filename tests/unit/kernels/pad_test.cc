// Padding against a rule written per index.
#include "plan_schema/params/pad.h"

#include <doctest/doctest.h>

#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

/// -1: outside. Reflection by stepping back and forth, one element at a time.
int64_t walk(PadFill fill, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return i;
  if (fill == PadFill::kConstant) return -1;
  if (fill == PadFill::kEdge) return i < 0 ? 0 : n - 1;
  int64_t at = 0, direction = i < 0 ? -1 : 1;
  for (int64_t step = 0; step < std::abs(i); ++step) {
    if (fill == PadFill::kWrap) {
      at = (at + direction + n) % n;
    } else {
      if (n == 1) break;
      if (at + direction < 0 || at + direction >= n) direction = -direction;
      at += direction;
    }
  }
  return at;
}

void pad_case(PadFill fill, const std::vector<int64_t>& shape, const std::vector<int64_t>& begin,
              const std::vector<int64_t>& end, int64_t gap) {
  std::vector<int64_t> out = shape;
  for (size_t i = 0; i < out.size(); ++i) out[i] += begin[i] + end[i];
  Tensor x(DType::kI16, shape, gap), y(DType::kI16, out, gap);
  for (int64_t i = 0; i < x.size(); ++i) x.at<int16_t>(i) = static_cast<int16_t>(i);
  PadParams p;
  p.fill = fill;
  p.value = static_cast<uint16_t>(-77);
  for (size_t i = 0; i < begin.size(); ++i) p.begin[i] = begin[i];
  REQUIRE(KernelCall{KernelId::kPad, pod_bytes(p), {&x}, {&y}}.run(2).ok());
  REQUIRE(y.gaps_untouched());
  for (int64_t i = 0; i < y.size(); ++i) {
    int64_t rest = i, from = 0, scale = 1;
    bool outside = false;
    for (size_t a = out.size(); a-- > 0;) {
      const int64_t source = walk(fill, rest % out[a] - begin[a], shape[a]);
      rest /= out[a];
      outside = outside || source < 0;
      from += source * scale;
      scale *= shape[a];
    }
    REQUIRE(y.at<int16_t>(i) == (outside ? -77 : x.at<int16_t>(from)));
  }
}

}  // namespace

TEST_CASE("every mode pads, cuts and leaves alone any axis") {
  for (const PadFill fill : {PadFill::kConstant, PadFill::kReflect, PadFill::kEdge, PadFill::kWrap})
    for (const int64_t gap : {0, 2}) {
      CAPTURE(static_cast<int>(fill));
      pad_case(fill, {2, 7, 6, 3}, {0, 1, 2, 0}, {0, 3, 1, 0}, gap);
      pad_case(fill, {2, 3, 7, 6}, {0, 0, 1, 2}, {1, 0, 0, 5}, gap);
      pad_case(fill, {5}, {9}, {13}, gap);
      pad_case(fill, {4, 5}, {-1, 2}, {2, -2}, gap);
      pad_case(fill, {1, 1}, {2, 0}, {0, 3}, gap);
      pad_case(fill, {3, 4}, {0, 0}, {0, 0}, gap);
      pad_case(fill, {}, {}, {}, gap);
    }
}

TEST_CASE("cutting more than there is leaves only padding") {
  pad_case(PadFill::kConstant, {3, 2}, {-5, 0}, {4, 1}, 0);
}

TEST_CASE("pad refuses hostile parameters") {
  Tensor x(DType::kF32, {2, 3}), y(DType::kF32, {4, 3}), flat(DType::kF32, {6}),
      other(DType::kI32, {4, 3}), none(DType::kF32, {0, 3});
  PadParams p;
  const auto check = [&](const Tensor& from, const Tensor& to) {
    return KernelCall{KernelId::kPad, pod_bytes(p), {&from}, {&to}}.check().ok();
  };
  CHECK(check(x, y));
  CHECK(check(none, y));
  CHECK_FALSE(check(x, flat));
  CHECK_FALSE(check(x, other));
  p.fill = PadFill::kEdge;
  CHECK_FALSE(check(none, y));
  p.fill = static_cast<PadFill>(4);
  CHECK_FALSE(check(x, y));
  p.fill = PadFill::kWrap;
  p.begin[1] = INT64_MIN;
  CHECK_FALSE(check(x, y));
}
