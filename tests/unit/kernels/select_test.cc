// Arg-reductions and top-k against sorting.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "plan_schema/params/reduce.h"
#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

/// Row-major indices of the elements of line `line` along `axis`.
std::vector<int64_t> line_of(int64_t line, const std::vector<int64_t>& shape, size_t axis) {
  int64_t inner = 1;
  for (size_t a = axis + 1; a < shape.size(); ++a) inner *= shape[a];
  std::vector<int64_t> result;
  for (int64_t k = 0; k < shape[axis]; ++k)
    result.push_back((line / inner * shape[axis] + k) * inner + line % inner);
  return result;
}

KernelCall top_k(uint8_t axis, bool largest, const Tensor& x, const Tensor* values,
                 const Tensor* indices) {
  TopKParams p;
  p.axis = axis;
  p.largest = largest ? 1 : 0;
  p.has_values = values != nullptr;
  p.has_indices = indices != nullptr;
  KernelCall call{KernelId::kTopK, pod_bytes(p), {&x}, {}};
  if (values != nullptr) call.outputs.push_back(values);
  if (indices != nullptr) call.outputs.push_back(indices);
  const Tensor* any = values != nullptr ? values : indices;
  call.worker_scratch_bytes = topk_scratch_bytes(any->view().shape[axis]);
  return call;
}

}  // namespace

TEST_CASE("arg-reductions along every axis, first or last among equals") {
  std::mt19937 random(61);
  const std::vector<int64_t> shape = {3, 70, 5};
  for (uint8_t axis = 0; axis < 3; ++axis)
    for (int mode = 0; mode < 8; ++mode)
      for (const int64_t gap : {0, 1}) {
        const bool is_max = mode & 1, keep = mode & 2, last = mode & 4;
        std::vector<int64_t> out = shape;
        if (keep)
          out[axis] = 1;
        else
          out.erase(out.begin() + axis);
        Tensor x(DType::kF32, shape, gap), y(DType::kI64, out, gap);
        for (int64_t i = 0; i < x.size(); ++i) x.at<float>(i) = static_cast<float>(random() % 9);
        ArgReduceParams p;
        p.axis = axis;
        p.is_max = is_max;
        p.keep_dims = keep;
        p.select_last = last;
        REQUIRE(KernelCall{KernelId::kArgReduce, pod_bytes(p), {&x}, {&y}}.run(2).ok());
        REQUIRE(y.gaps_untouched());
        for (int64_t line = 0; line < y.size(); ++line) {
          const std::vector<int64_t> at = line_of(line, shape, axis);
          int64_t best = 0;
          for (size_t k = 1; k < at.size(); ++k) {
            const float v = x.at<float>(at[k]), b = x.at<float>(at[static_cast<size_t>(best)]);
            if ((is_max ? v > b : v < b) || (last && v == b)) best = static_cast<int64_t>(k);
          }
          REQUIRE(y.at<int64_t>(line) == best);
        }
      }
}

TEST_CASE("top-k of any axis and type is sorted and stable") {
  std::mt19937 random(62);
  const std::vector<int64_t> shape = {4, 300, 3};
  for (uint8_t axis = 0; axis < 3; ++axis)
    for (const bool largest : {true, false})
      for (const int64_t k : {int64_t{1}, int64_t{3}, shape[axis]}) {
        if (k > shape[axis]) continue;
        std::vector<int64_t> out = shape;
        out[axis] = k;
        Tensor x(DType::kI32, shape, 1), values(DType::kI32, out), indices(DType::kI64, out, 1);
        for (int64_t i = 0; i < x.size(); ++i)
          x.at<int32_t>(i) = static_cast<int32_t>(random() % 100) - 50;
        REQUIRE(top_k(axis, largest, x, &values, &indices).run(2).ok());
        REQUIRE(values.gaps_untouched());
        for (int64_t line = 0; line < x.size() / shape[axis]; ++line) {
          const std::vector<int64_t> from = line_of(line, shape, axis),
                                     to = line_of(line, out, axis);
          std::vector<int64_t> order(from.size());
          std::iota(order.begin(), order.end(), 0);
          std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
            const int32_t va = x.at<int32_t>(from[static_cast<size_t>(a)]);
            const int32_t vb = x.at<int32_t>(from[static_cast<size_t>(b)]);
            return largest ? va > vb : va < vb;
          });
          for (size_t i = 0; i < to.size(); ++i) {
            REQUIRE(indices.at<int64_t>(to[i]) == order[i]);
            REQUIRE(values.at<int32_t>(to[i]) ==
                    x.at<int32_t>(from[static_cast<size_t>(order[i])]));
          }
        }
      }
}

TEST_CASE("a NaN is found as if it were the largest number") {
  Tensor x(DType::kF32, {5}), values(DType::kF32, {2}), indices(DType::kI64, {2}),
      arg(DType::kI64, {1});
  x.set<float>({1, NAN, 3, -INFINITY, NAN});
  REQUIRE(top_k(0, true, x, &values, &indices).run().ok());
  CHECK(indices.get<int64_t>() == std::vector<int64_t>{1, 4});
  REQUIRE(top_k(0, false, x, nullptr, &indices).run().ok());
  CHECK(indices.get<int64_t>() == std::vector<int64_t>{3, 0});
  ArgReduceParams p;
  REQUIRE(KernelCall{KernelId::kArgReduce, pod_bytes(p), {&x}, {&arg}}.run().ok());
  CHECK(arg.at<int64_t>(0) == 1);
}

TEST_CASE("selection refuses hostile parameters") {
  Tensor x(DType::kF32, {4, 5}), y(DType::kI64, {4, 1}), wrong(DType::kF32, {4, 1}),
      row(DType::kI64, {5}), three(DType::kF32, {4, 3}), six(DType::kF32, {4, 6}),
      indices(DType::kI64, {4, 3}), none(DType::kF32, {4, 0});
  ArgReduceParams p;
  p.axis = 1;
  const auto arg = [&](const Tensor& from, const Tensor& to) {
    return KernelCall{KernelId::kArgReduce, pod_bytes(p), {&from}, {&to}}.check().ok();
  };
  CHECK(arg(x, y));
  CHECK_FALSE(arg(x, wrong));
  CHECK_FALSE(arg(x, row));
  CHECK_FALSE(arg(none, y));
  p.axis = 2;
  CHECK_FALSE(arg(x, y));
  CHECK(top_k(1, true, x, &three, &indices).check().ok());
  CHECK_FALSE(top_k(1, true, x, &six, nullptr).check().ok());
  CHECK_FALSE(top_k(1, true, x, &indices, nullptr).check().ok());
  CHECK_FALSE(top_k(0, true, x, &three, &indices).check().ok());
  KernelCall starved = top_k(1, true, x, &three, &indices);
  starved.worker_scratch_bytes = 16;
  CHECK_FALSE(starved.check().ok());
  KernelCall neither = top_k(1, true, x, &three, &indices);
  neither.params[2] = neither.params[3] = std::byte{0};
  CHECK_FALSE(neither.check().ok());
}
