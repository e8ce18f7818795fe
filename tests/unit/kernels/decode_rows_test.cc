// What the decoder says beyond boxes: the rows it kept; and heads with turned boxes.
#include <doctest/doctest.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "plan_schema/params/decode.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {
namespace {

struct Turned {
  double x, y, w, h, angle;
};

/// Overlap of two boxes as Gaussians: 1 - Hellinger distance, from the closed form of their
/// Bhattacharyya distance (arXiv:2106.06072).
double probabilistic_overlap(const Turned& p, const Turned& q) {
  const auto covariance = [](const Turned& t, double* xx, double* yy, double* xy) {
    const double a = t.w * t.w / 12, b = t.h * t.h / 12, c = std::cos(t.angle),
                 s = std::sin(t.angle);
    *xx = a * c * c + b * s * s, *yy = a * s * s + b * c * c, *xy = (a - b) * c * s;
  };
  double a, b, c, d, e, f;
  covariance(p, &a, &b, &c);
  covariance(q, &d, &e, &f);
  // Of the mean covariance: determinant, and the Mahalanobis distance of the centres.
  const double xx = (a + d) / 2, yy = (b + e) / 2, xy = (c + f) / 2;
  const double det = xx * yy - xy * xy, dx = p.x - q.x, dy = p.y - q.y;
  const double mahalanobis = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / det;
  const double distance =
      mahalanobis / 8 + std::log(det / std::sqrt((a * b - c * c) * (d * e - f * f))) / 2;
  return 1 - std::sqrt(1 - std::exp(-distance));
}

struct Found {
  int row, class_id;
  double score;
  std::array<double, 4> hull;
  Turned box;
};

struct Scene {
  DecodeParams p;
  int64_t batch, rows, most, columns;
  Tensor head, boxes, counts, kept;

  Scene(std::mt19937& random, int round, int classes)
      : batch(1 + round % 3),
        rows(60 + int64_t(random() % 100)),
        most(round % 4 == 0 ? 5 : 40),
        columns(4 + classes + 1 + round % 3),
        head(DType::kF32,
             round & 1 ? std::vector<int64_t>{batch, columns, rows}
                       : std::vector<int64_t>{batch, rows, columns},
             round % 4 == 2 ? 3 : 0),
        boxes(DType::kF32, {batch, most, 6}, round % 2),
        counts(DType::kI32, {batch}),
        kept(DType::kI32, {batch, most}, round % 3) {
    p.kind = DecoderKind::kYoloAnchorFree;
    p.center_boxes = 1;
    p.transposed = round & 1;
    p.classes = classes;
    p.class_agnostic_nms = round % 5 == 1;
    p.multi_label = round % 7 == 3;
    p.input_width = 96, p.input_height = 64;
    p.max_candidates = 500;
    p.score_threshold = round % 6 == 5 ? 1.0f : 0.4f;  // 1: nothing is found
    p.iou_threshold = round % 2 ? 0.3f : 0.1f;
    const auto uniform = [&](double a, double b) {
      return float(a + (b - a) * double(random()) / 4294967296.0);
    };
    for (int64_t slot = 0; slot < batch; ++slot)
      for (int64_t row = 0; row < rows; ++row) {
        const float values[4] = {uniform(-8, 104), uniform(-8, 72), uniform(3, 40), uniform(3, 25)};
        for (int k = 0; k < 4; ++k) at(slot, row, k) = values[k];
        for (int k = 0; k < classes; ++k) at(slot, row, 4 + k) = uniform(0, 0.99);
        for (int64_t k = 4 + classes; k < columns; ++k) at(slot, row, k) = uniform(-0.8, 2.4);
      }
  }

  float& at(int64_t slot, int64_t row, int64_t column) {
    return head.at<float>(p.transposed ? (slot * columns + column) * rows + row
                                       : (slot * rows + row) * columns + column);
  }
  Turned turned(int64_t slot, int64_t row) {
    return {at(slot, row, 0), at(slot, row, 1), at(slot, row, 2), at(slot, row, 3),
            p.flags != 0 ? at(slot, row, 4 + p.classes) : 0.0};
  }
  KernelCall call() {
    KernelCall c{KernelId::kDecode, pod_bytes(p), {&head}, {&boxes, &counts, &kept}};
    c.workspace_bytes = decode_workspace_bytes(uint64_t(batch), uint64_t(p.max_candidates));
    return c;
  }

  /// Naive: all candidates sorted, greedy. False if an overlap is too close to the threshold to say
  /// which side rounding puts it on.
  bool reference(int64_t slot, std::vector<Found>* result) {
    std::vector<Found> all;
    for (int row = 0; row < rows; ++row) {
      std::vector<Found> of_row;
      for (int k = 0; k < p.classes; ++k) {
        const double score = at(slot, row, 4 + k);
        const Turned t = turned(slot, row);
        const double c = std::fabs(std::cos(t.angle)), s = std::fabs(std::sin(t.angle));
        const double w = t.w * c + t.h * s, h = t.w * s + t.h * c;
        const Found f{row, k, score, {t.x - w / 2, t.y - h / 2, t.x + w / 2, t.y + h / 2}, t};
        if (p.multi_label)
          of_row.push_back(f);
        else if (of_row.empty() || score > of_row[0].score)
          of_row.assign(1, f);
      }
      for (const Found& f : of_row)
        if (f.score >= double(p.score_threshold)) all.push_back(f);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Found& a, const Found& b) { return a.score > b.score; });
    bool clear = true;
    for (const Found& f : all) {
      if (int64_t(result->size()) == most) break;
      if (f.hull[2] <= 0 || f.hull[3] <= 0 || f.hull[0] >= 96 || f.hull[1] >= 64) continue;
      bool covered = false;
      for (const Found& k : *result) {
        if (!p.class_agnostic_nms && k.class_id != f.class_id) continue;
        const double shared = probabilistic_overlap(k.box, f.box);
        clear = clear && std::fabs(shared - double(p.iou_threshold)) > 1e-4;
        covered = covered || shared > double(p.iou_threshold);
      }
      if (!covered) result->push_back(f);
    }
    return clear;
  }
};

}  // namespace

TEST_CASE("turned boxes: hulls as detections, suppression by the overlap of Gaussians") {
  std::mt19937 random(31);
  int compared = 0, dropped = 0;
  for (int round = 0; round < 24; ++round) {
    Scene s(random, round, 1 + int(random() % 4));
    s.p.flags = kRotated;
    REQUIRE(s.call().run(1 + round % 2).ok());
    CHECK(s.boxes.gaps_untouched());
    CHECK(s.kept.gaps_untouched());
    for (int64_t slot = 0; slot < s.batch; ++slot) {
      std::vector<Found> expected;
      if (!s.reference(slot, &expected)) continue;
      ++compared;
      CAPTURE(round);
      REQUIRE(s.counts.at<int32_t>(slot) == int32_t(expected.size()));
      dropped += s.counts.at<int32_t>(slot) < s.most;
      for (int64_t i = 0; i < s.most; ++i) {
        CAPTURE(i);
        Detection d;
        std::memcpy(&d, &s.boxes.at<float>((slot * s.most + i) * 6), sizeof(d));
        const int32_t row = s.kept.at<int32_t>(slot * s.most + i);
        if (i >= int64_t(expected.size())) {
          CHECK(row == -1);
          CHECK(d.class_id == -1);
          continue;
        }
        const Found& f = expected[size_t(i)];
        REQUIRE(row == f.row);
        CHECK(d.class_id == f.class_id);
        CHECK(d.score == doctest::Approx(f.score));
        const float found[4] = {d.x1, d.y1, d.x2, d.y2};
        for (int k = 0; k < 4; ++k)
          CHECK(found[k] == doctest::Approx(std::clamp(f.hull[size_t(k)], 0.0, k % 2 ? 64.0 : 96.0))
                                .epsilon(1e-4)
                                .scale(1));
      }
    }
  }
  CHECK(compared > 30);
  CHECK(dropped > 10);
}

TEST_CASE("final rows with an angle behind the class") {
  std::mt19937 random(35);
  Scene s(random, 0, 1);
  REQUIRE(s.p.transposed == 0);
  Tensor rows(DType::kF32, {1, 20, 7}, 2);
  for (int64_t row = 0; row < 20; ++row) {
    const float values[7] = {
        48, 32, 30, 10, 0.9f - 0.01f * float(row), float(row % 3), 0.1f * float(row)};
    for (int64_t k = 0; k < 7; ++k) rows.at<float>(row * 7 + k) = values[k];
  }
  s.p.kind = DecoderKind::kEndToEnd;
  s.p.flags = kRotated;
  s.p.classes = 3;
  s.p.iou_threshold = 1.0f;
  KernelCall call = s.call();
  call.inputs = {&rows};
  REQUIRE(call.run().ok());
  REQUIRE(s.most == 5);
  CHECK(s.counts.at<int32_t>(0) == 5);
  for (int64_t i = 0; i < 5; ++i) {
    Detection d;
    std::memcpy(&d, &s.boxes.at<float>(i * 6), sizeof(d));
    CHECK(s.kept.at<int32_t>(i) == i);
    CHECK(d.class_id == i % 3);
    const double a = 0.1 * double(i), w = 30 * std::cos(a) + 10 * std::sin(a);
    CHECK(d.x1 == doctest::Approx(48 - w / 2));
    CHECK(d.x2 == doctest::Approx(48 + w / 2));
  }
  Tensor short_rows(DType::kF32, {1, 20, 6});
  call.inputs = {&short_rows};
  CHECK_FALSE(call.check().ok());
}

TEST_CASE("columns behind the classes are no scores, and rows say where a detection came from") {
  std::mt19937 random(32);
  for (int round = 0; round < 12; ++round) {
    Scene s(random, round, 3);
    for (int64_t slot = 0; slot < s.batch; ++slot)
      for (int64_t row = 0; row < s.rows; ++row)
        for (int64_t k = 7; k < s.columns; ++k) s.at(slot, row, k) = 4.0f;  // would win everywhere
    REQUIRE(s.call().run(1 + round % 2).ok());
    for (int64_t slot = 0; slot < s.batch; ++slot) {
      const int32_t count = s.counts.at<int32_t>(slot);
      CHECK((count > 0) == (round % 6 != 5));
      for (int64_t i = 0; i < s.most; ++i) {
        const int32_t row = s.kept.at<int32_t>(slot * s.most + i);
        if (i >= count) {
          CHECK(row == -1);
          continue;
        }
        REQUIRE(row >= 0);
        REQUIRE(row < s.rows);
        Detection d;
        std::memcpy(&d, &s.boxes.at<float>((slot * s.most + i) * 6), sizeof(d));
        REQUIRE(d.class_id >= 0);
        REQUIRE(d.class_id < 3);
        CHECK(d.score == s.at(slot, row, 4 + d.class_id));
        CHECK(d.x1 == std::max(0.0f, s.at(slot, row, 0) - s.at(slot, row, 2) / 2));
      }
    }
  }
}

TEST_CASE("a slot without a frame keeps no rows; limits at run time cut rows and boxes alike") {
  std::mt19937 random(33);
  Scene s(random, 1, 2);
  REQUIRE(s.batch == 2);
  KernelCall call = s.call();
  ImageView frame{};
  frame.width = 200, frame.height = 100;
  call.images = {frame, ImageView{}};
  const cpu::DetectionLimits limits{-1.0f, -1.0f, 3};
  call.limits = &limits;
  REQUIRE(call.run().ok());
  CHECK(s.counts.at<int32_t>(0) == 3);
  CHECK(s.counts.at<int32_t>(1) == 0);
  for (int64_t i = 0; i < 2 * s.most; ++i) CHECK((s.kept.at<int32_t>(i) >= 0) == (i < 3));
}

TEST_CASE("decoders with a wrong row output or no angle are refused at load") {
  std::mt19937 random(34);
  Scene s(random, 1, 2);
  KernelCall call = s.call();
  CHECK(call.check().ok());
  Tensor floats(DType::kF32, {s.batch, s.most}), few(DType::kI32, {s.batch, s.most - 1}),
      flat(DType::kI32, {s.batch * s.most}), more(DType::kI32, {s.batch + 1, s.most});
  for (const Tensor* t : {&floats, &few, &flat, &more}) {
    call.outputs[2] = t;
    CHECK_FALSE(call.check().ok());
  }
  call.outputs[2] = &s.kept;
  call.outputs.push_back(&s.kept);
  CHECK_FALSE(call.check().ok());

  s.p.flags = kRotated;
  CHECK(s.call().check().ok());
  s.p.classes = int32_t(s.columns) - 4;  // the last column is a score now
  CHECK_FALSE(s.call().check().ok());
  s.p.flags = 0;
  CHECK(s.call().check().ok());
  s.p.classes = 2;
  s.p.flags = kRotated;
  s.p.center_boxes = 0;
  CHECK_FALSE(s.call().check().ok());
  s.p.center_boxes = 1;
  s.p.kind = DecoderKind::kYoloxGrid;
  s.p.transposed = 0;
  CHECK_FALSE(s.call().check().ok());
}

}  // namespace stint::test
