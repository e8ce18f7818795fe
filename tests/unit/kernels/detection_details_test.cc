#include <doctest/doctest.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "plan_schema/params/decode.h"
#include "plan_schema/params/detection_details.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// source = network * scale + offset, as the letterbox, stretch and no frame at all say it.
struct Fit {
  double sx = 1, sy = 1, ox = 0, oy = 0, width = 0, height = 0;
};

Fit fit_of(const DetectionDetailParams& p, const ImageView* frame) {
  Fit f;
  f.width = p.input_width, f.height = p.input_height;
  if (frame == nullptr) return f;
  f.width = frame->width, f.height = frame->height;
  double inner_w = p.input_width, inner_h = p.input_height;
  if (p.fit == FitMode::kLetterbox) {
    const double scale = std::min(inner_w / f.width, inner_h / f.height);
    inner_w = std::round(f.width * scale), inner_h = std::round(f.height * scale);
  }
  f.sx = f.width / inner_w, f.sy = f.height / inner_h;
  f.ox = -std::floor((p.input_width - inner_w) / 2) * f.sx;
  f.oy = -std::floor((p.input_height - inner_h) / 2) * f.sy;
  return f;
}

ImageView frame_of_size(uint32_t width, uint32_t height) {
  ImageView view{};
  view.width = width, view.height = height;
  return view;
}

/// A head, the rows that were kept, and room for one kind of detail.
struct Case {
  DetectionDetailParams p;
  int64_t batch, rows, columns, most;
  Tensor head, kept;
  std::vector<ImageView> frames;

  Case(std::mt19937& random, int round, int64_t all_columns, double low, double high)
      : batch(1 + round % 3),
        rows(40 + int64_t(random() % 60)),
        columns(all_columns),
        most(7 + round % 5),
        head(DType::kF32,
             round & 1 ? std::vector<int64_t>{batch, columns, rows}
                       : std::vector<int64_t>{batch, rows, columns},
             round % 4 == 2 ? 3 : 0),
        kept(DType::kI32, {batch, most}, round % 3) {
    p.transposed = round & 1;
    p.input_width = 96, p.input_height = 64;
    p.fit = round % 2 ? FitMode::kLetterbox : FitMode::kStretch;
    head.fill_uniform<float>(random, low, high);
    for (int64_t slot = 0; slot < batch; ++slot) {
      // Fewer than there is room for, all of it, or none; then rows that no decoder writes.
      const int64_t count = round % 5 == 3 ? 0 : (slot == 1 ? most : most / 2);
      for (int64_t i = 0; i < most; ++i)
        kept.at<int32_t>(slot * most + i) = i < count ? int32_t(random() % uint32_t(rows)) : -1;
      if (count < most - 1) kept.at<int32_t>(slot * most + most - 1) = int32_t(rows);
      if (count < most - 2) kept.at<int32_t>(slot * most + most - 2) = INT32_MIN;
    }
    if (round % 7 == 5) return;
    for (int64_t slot = 0; slot < batch; ++slot)
      frames.push_back(frame_of_size(61 + uint32_t(random() % 400), 47 + uint32_t(random() % 300)));
  }

  float& value(int64_t slot, int64_t row, int64_t column) {
    return head.at<float>(p.transposed ? (slot * columns + column) * rows + row
                                       : (slot * rows + row) * columns + column);
  }
  /// -1 where there is no detection.
  int64_t row(int64_t slot, int64_t i) {
    const int64_t r = kept.at<int32_t>(slot * most + i);
    return r >= 0 && r < rows ? r : -1;
  }
  Fit fit(int64_t slot) const {
    return fit_of(p, frames.empty() ? nullptr : &frames[size_t(slot)]);
  }
  KernelCall call(KernelId id, std::vector<const Tensor*> more, Tensor& out) const {
    std::vector<const Tensor*> inputs = {&head, &kept};
    inputs.insert(inputs.end(), more.begin(), more.end());
    KernelCall c{id, pod_bytes(p), std::move(inputs), {&out}};
    c.images = frames;
    return c;
  }
};

}  // namespace

TEST_CASE("masks are the thresholded sums of prototypes inside the boxes, zeros elsewhere") {
  std::mt19937 random(41);
  int64_t ones = 0, inside = 0;
  for (int round = 0; round < 15; ++round) {
    const int64_t count = round % 3 == 0 ? 32 : 1 + int64_t(random() % 21);
    const int64_t height = 13 + int64_t(random() % 9), width = 17 + int64_t(random() % 15);
    Case c(random, round, 6 + count, -1, 1);
    c.p.first_column = 6;
    c.p.center_boxes = (round >> 1) & 1;
    c.p.normalized_boxes = round % 5 == 4;
    c.p.threshold = round % 4 == 1 ? 0.5f : 0.0f;
    const double unit_x = c.p.normalized_boxes ? 1 : 96, unit_y = c.p.normalized_boxes ? 1 : 64;
    for (int64_t slot = 0; slot < c.batch; ++slot)
      for (int64_t row = 0; row < c.rows; ++row) {
        const auto uniform = [&](double a, double b) {
          return a + (b - a) * double(random()) / 4294967296.0;
        };
        const double x = uniform(-0.2, 1.2) * unit_x, y = uniform(-0.2, 1.2) * unit_y;
        const double w = uniform(0, 0.8) * unit_x, h = uniform(0, 0.8) * unit_y;
        const double corners[4] = {x - w / 2, y - h / 2, x + w / 2, y + h / 2};
        const double centre[4] = {x, y, w, h};
        for (int k = 0; k < 4; ++k)
          c.value(slot, row, k) = float(c.p.center_boxes ? centre[k] : corners[k]);
      }
    Tensor prototypes(DType::kF32, {c.batch, height, width, count}, round % 2 ? 2 : 0);
    prototypes.fill_uniform<float>(random, -1, 1);
    Tensor out(DType::kU8, {c.batch, c.most, height, width}, round % 3);
    REQUIRE(c.call(KernelId::kDetectionMasks, {&prototypes}, out).run(1 + round % 2).ok());
    int64_t wrong = 0;
    for (int64_t at = 0; at < out.size(); ++at) {
      const int64_t x = at % width, y = at / width % height, i = at / width / height % c.most,
                    slot = at / width / height / c.most;
      const int64_t row = c.row(slot, i);
      const int found = out.at<uint8_t>(at);
      if (row < 0) {
        wrong += found != 0;
        continue;
      }
      double b[4];
      for (int k = 0; k < 4; ++k) b[k] = c.value(slot, row, k);
      if (c.p.center_boxes) {
        const double x0 = b[0] - b[2] / 2, y0 = b[1] - b[3] / 2;
        b[2] = b[0] + b[2] / 2, b[3] = b[1] + b[3] / 2, b[0] = x0, b[1] = y0;
      }
      const bool in_box =
          double(x) >= b[0] * double(width) / unit_x && double(x) < b[2] * double(width) / unit_x &&
          double(y) >= b[1] * double(height) / unit_y && double(y) < b[3] * double(height) / unit_y;
      double sum = 0;
      for (int64_t k = 0; k < count; ++k)
        sum += double(c.value(slot, row, 6 + k)) *
               double(prototypes.at<float>(((slot * height + y) * width + x) * count + k));
      if (std::fabs(sum - double(c.p.threshold)) < 1e-5) continue;  // either side is right
      wrong += found != int(in_box && sum > double(c.p.threshold));
      inside += in_box;
      ones += found;
    }
    CAPTURE(round);
    CHECK(wrong == 0);
    CHECK(out.gaps_untouched());
  }
  CHECK(ones > inside / 5);  // both kinds were there
  CHECK(ones < inside * 4 / 5);
}

TEST_CASE("keypoints return to the frame they came from and stay inside it") {
  std::mt19937 random(42);
  int clipped = 0;
  for (int round = 0; round < 20; ++round) {
    const int64_t points = 1 + int64_t(random() % 17);
    const int values = 2 + round % 2 * (round % 4 == 1) + (round % 3 == 0 && round % 2 == 0);
    Case c(random, round, 5 + points * values + round % 2, -20, 110);
    c.p.first_column = 5;
    c.p.point_values = values;
    Tensor out(DType::kF32, {c.batch, c.most, points, 3}, round % 3);
    REQUIRE(c.call(KernelId::kDetectionKeypoints, {}, out).run(1 + round % 2).ok());
    for (int64_t at = 0; at < out.size() / 3; ++at) {
      const int64_t k = at % points, i = at / points % c.most, slot = at / points / c.most;
      const int64_t row = c.row(slot, i);
      const Fit f = c.fit(slot);
      double expected[3] = {0, 0, 0};
      if (row >= 0) {
        const auto value = [&](int64_t n) {
          return double(c.value(slot, row, 5 + k * values + n));
        };
        const double x = value(0) * f.sx + f.ox, y = value(1) * f.sy + f.oy;
        expected[0] = std::min(std::max(x, 0.0), f.width);
        expected[1] = std::min(std::max(y, 0.0), f.height);
        expected[2] = values == 3 ? value(2) : 1;
        clipped += expected[0] != x;
      }
      for (int n = 0; n < 3; ++n) {
        CAPTURE(round);
        CAPTURE(at);
        REQUIRE(out.at<float>(at * 3 + n) == doctest::Approx(expected[n]).epsilon(1e-5).scale(1));
      }
    }
    CHECK(out.gaps_untouched());
  }
  CHECK(clipped > 0);
}

TEST_CASE("rotated boxes in the frame are the network's, turned and scaled") {
  std::mt19937 random(43);
  for (int round = 0; round < 20; ++round) {
    const int64_t column = 4 + int64_t(random() % 4);
    Case c(random, round, column + 1, 2, 60);
    c.p.first_column = int32_t(column);
    c.p.normalized_boxes = round % 5 == 4;
    for (int64_t slot = 0; slot < c.batch; ++slot)
      for (int64_t row = 0; row < c.rows; ++row) {
        c.value(slot, row, column) = float(-4 + 8 * double(random()) / 4294967296.0);
        for (int k = 0; k < 4 && c.p.normalized_boxes; ++k) c.value(slot, row, k) /= 64.0f;
      }
    Tensor detections(DType::kF32, {c.batch, c.most, 6}, round % 2);
    for (int64_t i = 0; i < c.batch * c.most; ++i) {
      const int32_t class_id = int32_t(i % 15);
      detections.at<float>(i * 6 + 4) = 1.0f / float(i + 1);
      std::memcpy(&detections.at<float>(i * 6 + 5), &class_id, sizeof(class_id));
    }
    Tensor out(DType::kF32, {c.batch, c.most, 7}, round % 3);
    REQUIRE(c.call(KernelId::kRotatedBoxes, {&detections}, out).run(1 + round % 2).ok());
    for (int64_t at = 0; at < c.batch * c.most; ++at) {
      const int64_t slot = at / c.most, i = at % c.most, row = c.row(slot, i);
      const auto found = [&](int k) { return double(out.at<float>(at * 7 + k)); };
      CAPTURE(round);
      CAPTURE(at);
      if (row < 0) {
        for (int k = 0; k < 7; ++k) REQUIRE(out.at<float>(at * 7 + k) == 0.0f);
        continue;
      }
      const Fit f = c.fit(slot);
      double v[5];
      for (int k = 0; k < 4; ++k)
        v[k] = double(c.value(slot, row, k)) *
               (c.p.normalized_boxes ? (k % 2 ? c.p.input_height : c.p.input_width) : 1);
      v[4] = c.value(slot, row, column);
      CHECK(found(0) == doctest::Approx(v[0] * f.sx + f.ox).epsilon(1e-4));
      CHECK(found(1) == doctest::Approx(v[1] * f.sy + f.oy).epsilon(1e-4));
      CHECK(found(4) >= 0);
      CHECK(found(4) < kPi / 2 + 1e-6);
      CHECK(out.at<float>(at * 7 + 5) == 1.0f / float(at + 1));
      CHECK(found(6) == double(at % 15));
      // The sides' vectors, scaled: one of the two is the found width's, up to its direction.
      const double side[2][2] = {{v[2] * std::cos(v[4]) * f.sx, v[2] * std::sin(v[4]) * f.sy},
                                 {-v[3] * std::sin(v[4]) * f.sx, v[3] * std::cos(v[4]) * f.sy}};
      const double length[2] = {std::hypot(side[0][0], side[0][1]),
                                std::hypot(side[1][0], side[1][1])};
      double across = std::atan2(side[0][1], side[0][0]) - found(4);
      across -= std::round(across / (kPi / 2)) * (kPi / 2);
      CHECK(std::fabs(across) < 1e-4);  // parallel to the width's side, or at right angles to it
      double along = std::atan2(side[0][1], side[0][0]) - found(4);
      along -= std::round(along / kPi) * kPi;
      const bool swapped = std::fabs(along) > 0.1;
      CHECK(found(2) == doctest::Approx(length[swapped ? 1 : 0]).epsilon(1e-4));
      CHECK(found(3) == doctest::Approx(length[swapped ? 0 : 1]).epsilon(1e-4));
    }
    CHECK(out.gaps_untouched());
  }
}

TEST_CASE("details with contradicting parameters are refused at load") {
  std::mt19937 random(44);
  Case c(random, 1, 12, 0, 1);
  c.p.first_column = 6;
  const int64_t n = c.batch, most = c.most;
  Tensor prototypes(DType::kF32, {n, 5, 7, 6}), masks(DType::kU8, {n, most, 5, 7});
  Tensor points(DType::kF32, {n, most, 2, 3}), boxes(DType::kF32, {n, most, 7}),
      detections(DType::kF32, {n, most, 6});
  const auto all_ok = [&] {
    return std::array<bool, 3>{c.call(KernelId::kDetectionMasks, {&prototypes}, masks).check().ok(),
                               c.call(KernelId::kDetectionKeypoints, {}, points).check().ok(),
                               c.call(KernelId::kRotatedBoxes, {&detections}, boxes).check().ok()};
  };
  const std::array<bool, 3> good = {true, true, true}, bad = {false, false, false};
  CHECK(all_ok() == good);
  c.p.first_column = 7;  // one coefficient, one keypoint's value too few; the angle is there
  CHECK(all_ok() == std::array<bool, 3>{false, false, true});
  for (const int32_t column : {-1, 0, 3, 12, INT32_MAX}) {
    c.p.first_column = column;
    CHECK(all_ok() == bad);
  }
  c.p.first_column = 6;
  for (const int32_t side : {0, -5, INT32_MAX}) {
    c.p.input_width = side;
    CHECK(all_ok() == bad);
    c.p.input_width = 96;
    c.p.input_height = side;
    CHECK(all_ok() == bad);
    c.p.input_height = 64;
  }
  c.p.fit = static_cast<FitMode>(9);
  CHECK(all_ok() == bad);
  c.p.fit = FitMode::kStretch;
  c.p.transposed = 0;  // the rows are read as columns: there are enough of them
  c.frames.push_back(frame_of_size(3, 3));
  CHECK(all_ok() == bad);  // a frame more than slots
  c.frames.pop_back();
  CHECK(all_ok() == good);
  for (const int32_t values : {1, 4, -3}) {
    c.p.point_values = values;
    CHECK(all_ok() == std::array<bool, 3>{true, false, true});
  }
  c.p.point_values = 3;

  Tensor other_batch(DType::kF32, {n + 1, 5, 7, 6}), flat(DType::kF32, {n, 35, 6}),
      wide(DType::kF32, {n, 5, 7, 300}), doubles(DType::kF64, {n, 5, 7, 6});
  for (const Tensor* t : {&other_batch, &flat, &wide, &doubles, &detections})
    CHECK_FALSE(c.call(KernelId::kDetectionMasks, {t}, masks).check().ok());
  Tensor high(DType::kU8, {n, most, 6, 7}), few(DType::kU8, {n, most - 1, 5, 7}),
      floats(DType::kF32, {n, most, 5, 7});
  for (Tensor* t : {&high, &few, &floats})
    CHECK_FALSE(c.call(KernelId::kDetectionMasks, {&prototypes}, *t).check().ok());
  Tensor two(DType::kF32, {n, most, 2, 2}), fewer(DType::kF32, {n, most - 1, 2, 3}),
      none(DType::kF32, {n, most, 0, 3});
  for (Tensor* t : {&two, &fewer, &none, &boxes})
    CHECK_FALSE(c.call(KernelId::kDetectionKeypoints, {}, *t).check().ok());
  Tensor six(DType::kF32, {n, most, 6}), fewer_boxes(DType::kF32, {n, most - 1, 7});
  for (Tensor* t : {&six, &fewer_boxes, &points})
    CHECK_FALSE(c.call(KernelId::kRotatedBoxes, {&detections}, *t).check().ok());
  CHECK_FALSE(c.call(KernelId::kRotatedBoxes, {&boxes}, boxes).check().ok());
  CHECK_FALSE(c.call(KernelId::kRotatedBoxes, {}, boxes).check().ok());
}

}  // namespace stint::test
