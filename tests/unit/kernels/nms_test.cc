#include <doctest/doctest.h>
#include <algorithm>
#include <cmath>

#include "plan_schema/params/nms.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {
namespace {

struct Selection {
  int64_t image, c, row;
};

/// The operator's text, the slow way.
std::vector<Selection> reference(const NmsParams& p, Tensor& boxes, Tensor& scores) {
  const int64_t images = scores.view().shape[0], classes = scores.view().shape[1],
                rows = scores.view().shape[2];
  std::vector<Selection> result;
  for (int64_t image = 0; image < images; ++image) {
    for (int64_t c = 0; c < classes; ++c) {
      const auto score = [&](int64_t row) {
        return double(scores.at<float>((image * classes + c) * rows + row));
      };
      const auto side = [&](int64_t row, int k) {
        return double(boxes.at<float>((image * rows + row) * 4 + k));
      };
      std::vector<int64_t> order;
      for (int64_t row = 0; row < rows; ++row)
        if (!p.has_score_threshold || score(row) > p.score_threshold) order.push_back(row);
      std::stable_sort(order.begin(), order.end(),
                       [&](int64_t a, int64_t b) { return score(a) > score(b); });
      std::vector<int64_t> kept;
      for (const int64_t row : order) {
        if (int64_t(kept.size()) >= p.max_output_per_class) break;
        const auto corners = [&](int64_t r) {
          const double a = side(r, 0), b = side(r, 1), e = side(r, 2), f = side(r, 3);
          if (p.center_point_box)
            return std::vector<double>{a - e / 2, b - f / 2, a + e / 2, b + f / 2};
          return std::vector<double>{std::min(a, e), std::min(b, f), std::max(a, e),
                                     std::max(b, f)};
        };
        const auto overlap = [&](int64_t other) {
          const auto u = corners(row), v = corners(other);
          const double w = std::max(0.0, std::min(u[2], v[2]) - std::max(u[0], v[0]));
          const double h = std::max(0.0, std::min(u[3], v[3]) - std::max(u[1], v[1]));
          const double all = (u[2] - u[0]) * (u[3] - u[1]) + (v[2] - v[0]) * (v[3] - v[1]) - w * h;
          return all > 0 ? w * h / all : 0;
        };
        if (std::all_of(kept.begin(), kept.end(),
                        [&](int64_t k) { return overlap(k) <= p.iou_threshold; }))
          kept.push_back(row);
      }
      for (const int64_t row : kept) result.push_back({image, c, row});
    }
  }
  return result;
}

}  // namespace

TEST_CASE("selected boxes agree with the naive suppression") {
  std::mt19937 random(51);
  for (int round = 0; round < 30; ++round) {
    const int64_t images = 1 + random() % 2, classes = 1 + random() % 3, rows = 1 + random() % 80;
    NmsParams p;
    p.max_output_per_class = int64_t(random() % 20);
    p.iou_threshold = 0.1f * float(random() % 8);
    p.has_score_threshold = round % 2;
    p.score_threshold = 0.4f;
    p.center_point_box = (round >> 1) & 1;
    Tensor boxes(DType::kF32, {images, rows, 4}, round % 3 ? 0 : 2),
        scores(DType::kF32, {images, classes, rows});
    boxes.fill_uniform<float>(random, 0, 1);  // corners in any order
    for (int64_t i = 0; i < scores.size(); ++i)
      scores.at<float>(i) = float(random() % 40) / 40;  // ties
    const int64_t bound = images * classes * std::min(p.max_output_per_class, rows);
    Tensor y(DType::kI64, {bound, 3});
    KernelCall call{KernelId::kNms, pod_bytes(p), {&boxes, &scores}, {&y}};
    call.worker_scratch_bytes = nms_scratch_bytes(uint64_t(rows));
    REQUIRE(call.run().ok());
    const auto expected = reference(p, boxes, scores);
    for (int64_t i = 0; i < bound; ++i) {
      const bool used = i < int64_t(expected.size());
      CAPTURE(round);
      CAPTURE(i);
      CHECK(y.at<int64_t>(3 * i) == (used ? expected[size_t(i)].image : -1));
      CHECK(y.at<int64_t>(3 * i + 1) == (used ? expected[size_t(i)].c : -1));
      CHECK(y.at<int64_t>(3 * i + 2) == (used ? expected[size_t(i)].row : -1));
    }
  }
}

TEST_CASE("suppression with operands that do not fit is refused at load") {
  NmsParams p;
  p.max_output_per_class = 5;
  Tensor boxes(DType::kF32, {1, 20, 4}), scores(DType::kF32, {1, 2, 20}), y(DType::kI64, {10, 3}),
      wrong(DType::kI64, {9, 3});
  const auto accepted = [&](const Tensor& b, const Tensor& s, const Tensor& out,
                            uint64_t scratch = 80) {
    KernelCall call{KernelId::kNms, pod_bytes(p), {&b, &s}, {&out}};
    call.worker_scratch_bytes = scratch;
    return call.check().ok();
  };
  CHECK(accepted(boxes, scores, y));
  CHECK_FALSE(accepted(boxes, scores, wrong));
  CHECK_FALSE(accepted(scores, boxes, y));
  CHECK_FALSE(accepted(boxes, scores, y, 79));
  p.max_output_per_class = INT64_MAX;
  CHECK_FALSE(accepted(boxes, scores, y));
}

}  // namespace stint::test
