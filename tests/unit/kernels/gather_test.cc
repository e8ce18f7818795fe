#include "plan_schema/params/gather.h"

#include <doctest/doctest.h>

#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

KernelCall gather(uint8_t axis, const Tensor& x, const Tensor& indices, const Tensor& y) {
  GatherParams p;
  p.axis = axis;
  return {KernelId::kGather, pod_bytes(p), {&x, &indices}, {&y}};
}

}  // namespace

TEST_CASE("gather picks rows along every axis, negative indices count from the end") {
  for (uint8_t axis = 0; axis < 3; ++axis)
    for (const int64_t gap : {0, 2}) {
      const std::vector<int64_t> shape = {3, 4, 5};
      std::vector<int64_t> out = {3, 4, 5};
      out[axis] = 2;
      out.insert(out.begin() + axis + 1, 3);
      Tensor x(DType::kI16, shape, gap), indices(DType::kI64, {2, 3}, gap),
          y(DType::kI16, out, gap);
      for (int64_t i = 0; i < x.size(); ++i) x.at<int16_t>(i) = static_cast<int16_t>(i);
      const std::vector<int64_t> picks = {0, 2, -1, 1, -3, 2};
      indices.set<int64_t>(picks);
      REQUIRE(gather(axis, x, indices, y).run(2).ok());
      REQUIRE(y.gaps_untouched());
      int64_t inner = 1;
      for (size_t a = axis + 1u; a < 3; ++a) inner *= shape[a];
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t in = i % inner, pick = i / inner % 6, before = i / inner / 6;
        int64_t at = picks[static_cast<size_t>(pick)];
        if (at < 0) at += shape[axis];
        REQUIRE(y.at<int16_t>(i) == x.at<int16_t>((before * shape[axis] + at) * inner + in));
      }
    }
}

TEST_CASE("gather with a scalar index drops the axis; what lies outside is clamped") {
  Tensor x(DType::kF32, {3, 2}), index(DType::kI32, {}), y(DType::kF32, {2});
  x.set<float>({0, 1, 2, 3, 4, 5});
  for (const auto& [at, first] : std::vector<std::pair<int32_t, float>>{
           {1, 2.0f}, {-1, 4.0f}, {99, 4.0f}, {-99, 0.0f}, {INT32_MIN, 0.0f}, {INT32_MAX, 4.0f}}) {
    index.set<int32_t>({at});
    REQUIRE(gather(0, x, index, y).run().ok());
    CHECK(y.at<float>(0) == first);
  }
}

TEST_CASE("gather refuses hostile parameters") {
  Tensor x(DType::kF32, {3, 2}), index(DType::kI64, {4}), y(DType::kF32, {4, 2}),
      wrong(DType::kF32, {3, 2}), bytes(DType::kU8, {4}), none(DType::kF32, {0, 2});
  CHECK(gather(0, x, index, y).check().ok());
  CHECK_FALSE(gather(1, x, index, y).check().ok());
  CHECK_FALSE(gather(2, x, index, y).check().ok());
  CHECK_FALSE(gather(0, x, index, wrong).check().ok());
  CHECK_FALSE(gather(0, x, bytes, y).check().ok());
  CHECK_FALSE(gather(0, none, index, y).check().ok());
}
