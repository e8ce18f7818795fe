#include <doctest/doctest.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "plan_schema/params/decode.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {
namespace {

Detection row(Tensor& t, int64_t slot, int64_t i) {
  Detection d;
  std::memcpy(&d, &t.at<float>((slot * t.view().shape[1] + i) * 6), sizeof(d));
  return d;
}

}  // namespace

TEST_CASE(
    "the best classes come in order, equal scores by class, with the part of the frame that was "
    "looked at") {
  std::mt19937 random(31);
  for (int round = 0; round < 12; ++round) {
    const int classes = 3 + int(random() % 60), k = 1 + int(random() % 8);
    TopClassesParams p;
    p.input_width = p.input_height = 32;
    p.first_class = round % 2;
    p.score_function = round % 3 == 0 ? ScoreFunction::kSoftmax : ScoreFunction::kNone;
    Tensor x(DType::kF32, {2, classes}, round % 2 ? 3 : 0), boxes(DType::kF32, {2, k, 6}),
        counts(DType::kI32, {2});
    for (int64_t i = 0; i < x.size(); ++i) x.at<float>(i) = float(random() % 12) / 4;  // many ties
    KernelCall call{KernelId::kTopClasses, pod_bytes(p), {&x}, {&boxes, &counts}};
    ImageView frame{};
    frame.width = 640, frame.height = 480;
    ImageView cropped = frame;
    cropped.crop_x = 10, cropped.crop_y = 20, cropped.crop_width = 100, cropped.crop_height = 50;
    call.images = {frame, cropped};
    REQUIRE(call.run().ok());
    for (int slot = 0; slot < 2; ++slot) {
      std::vector<int> order(size_t(classes) - p.first_class);
      std::iota(order.begin(), order.end(), p.first_class);
      const auto v = [&](int c) { return double(x.at<float>(slot * classes + c)); };
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return v(a) > v(b); });
      double sum = 0;
      for (int c = 0; c < classes; ++c) sum += std::exp(v(c));
      const int expected = std::min(k, int(order.size()));
      REQUIRE(counts.at<int32_t>(slot) == expected);
      for (int i = 0; i < expected; ++i) {
        const Detection d = row(boxes, slot, i);
        CHECK(d.class_id == order[size_t(i)]);
        const double score = p.score_function == ScoreFunction::kSoftmax
                                 ? std::exp(v(d.class_id)) / sum
                                 : v(d.class_id);
        CHECK(d.score == doctest::Approx(score).epsilon(1e-5));
        CHECK(d.x1 == (slot ? 10.0f : 0.0f));
        CHECK(d.y2 == (slot ? 70.0f : 480.0f));
      }
    }
  }
}

TEST_CASE("the class mask holds the first of the best classes, whatever the axis") {
  std::mt19937 random(32);
  for (int axis = 0; axis < 4; ++axis) {
    for (const bool keep : {false, true}) {
      std::vector<int64_t> shape = {2, 5, 7, 6};
      Tensor x(DType::kF32, shape, 1);
      for (int64_t i = 0; i < x.size(); ++i) x.at<float>(i) = float(int(random() % 9) - 4);
      std::vector<int64_t> result = shape;
      if (keep) result[size_t(axis)] = 1;
      if (!keep) result.erase(result.begin() + axis);
      Tensor y(DType::kU8, result);
      ArgmaxMaskParams p;
      p.axis = axis;
      REQUIRE(KernelCall{KernelId::kArgmaxMask, pod_bytes(p), {&x}, {&y}}.run(2).ok());
      int64_t inner = 1, outer = 1;
      for (int i = 0; i < axis; ++i) outer *= shape[size_t(i)];
      for (int i = axis + 1; i < 4; ++i) inner *= shape[size_t(i)];
      for (int64_t o = 0; o < outer; ++o) {
        for (int64_t i = 0; i < inner; ++i) {
          int best = 0;
          const auto v = [&](int64_t c) {
            return x.at<float>((o * shape[size_t(axis)] + c) * inner + i);
          };
          for (int c = 1; c < shape[size_t(axis)]; ++c)
            if (v(c) > v(best)) best = c;
          REQUIRE(int(y.at<uint8_t>(o * inner + i)) == best);
        }
      }
    }
  }
}

TEST_CASE("classifiers and masks with contradicting parameters are refused at load") {
  Tensor x(DType::kF32, {2, 10}), boxes(DType::kF32, {2, 5, 6}), counts(DType::kI32, {2}),
      three(DType::kI32, {3});
  TopClassesParams p;
  p.input_width = p.input_height = 8;
  CHECK(KernelCall{KernelId::kTopClasses, pod_bytes(p), {&x}, {&boxes, &counts}}.check().ok());
  CHECK_FALSE(KernelCall{KernelId::kTopClasses, pod_bytes(p), {&x}, {&boxes, &three}}.check().ok());
  CHECK_FALSE(
      KernelCall{KernelId::kTopClasses, pod_bytes(p), {&boxes}, {&boxes, &counts}}.check().ok());
  p.first_class = 10;
  CHECK_FALSE(
      KernelCall{KernelId::kTopClasses, pod_bytes(p), {&x}, {&boxes, &counts}}.check().ok());

  Tensor scores(DType::kF32, {1, 4, 4, 300}), small(DType::kF32, {1, 4, 4, 3}),
      mask(DType::kU8, {1, 4, 4}), wrong(DType::kU8, {1, 4, 5});
  ArgmaxMaskParams a;
  a.axis = 3;
  CHECK(KernelCall{KernelId::kArgmaxMask, pod_bytes(a), {&small}, {&mask}}.check().ok());
  CHECK_FALSE(KernelCall{KernelId::kArgmaxMask, pod_bytes(a), {&scores}, {&mask}}.check().ok());
  CHECK_FALSE(KernelCall{KernelId::kArgmaxMask, pod_bytes(a), {&small}, {&wrong}}.check().ok());
  a.axis = 4;
  CHECK_FALSE(KernelCall{KernelId::kArgmaxMask, pod_bytes(a), {&small}, {&mask}}.check().ok());
}

}  // namespace stint::test
