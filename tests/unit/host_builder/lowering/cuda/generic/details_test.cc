// The generic GPU kernels of masks, keypoints, rotated boxes and of what the decoder tells them,
// against the CPU target.
#include <doctest/doctest.h>
#include <cstring>

#include "tests/support/cuda_on_host.h"
#include "tests/support/device_case.h"

namespace stint::builder {
namespace {

using test::DeviceCase;

constexpr int64_t kRows = 150, kMost = 9;

bool can_run() {
  if (test::can_run_device_code_on_host()) return true;
  MESSAGE("skipped: the compiler of this build is not on this machine");
  return false;
}

ImageView size_only(uint32_t width, uint32_t height) {
  ImageView view = {};
  view.width = width, view.height = height;
  return view;
}

/// Head and kept rows of two slots: some, then none, and numbers that are no rows.
DeviceCase detail(uint32_t seed, Op op, DetectionDetailAttributes a, int64_t columns) {
  DeviceCase c(seed);
  c.node.op = op;
  c.node.name = op_name(op);
  a.input_width = 64, a.input_height = 48;
  if (a.image >= 0) {
    c.graph.images.resize(1);
    c.images = {size_only(200, 100), size_only(90, 140)};
    a.fit = FitMode::kLetterbox;
  }
  c.node.attributes = a;
  c.graph.batch = 2;
  c.halves = false;
  c.tolerance = 1e-4;  // in pixels of a frame
  c.input(DType::kF32, a.transposed ? Shape{2, columns, kRows} : Shape{2, kRows, columns}, -1, 30);
  const ValueId rows = c.input(DType::kI32, {2, kMost});
  c.set(rows, std::vector<int32_t>{3, 149, 0, 77, 77, -1, -1, 150, INT32_MIN,  //
                                   9, 8, 7, 6, 5, 4, 3, 2, 1});
  return c;
}

}  // namespace

TEST_CASE("generic GPU kernels: masks of detections") {
  if (!can_run()) return;
  for (int i = 0; i < 4; ++i) {
    DetectionDetailAttributes a;
    a.first_column = 5;
    a.transposed = i % 2 == 1;
    a.center_boxes = i < 2;
    a.normalized_boxes = i == 3;
    a.threshold = i == 2 ? 3.0f : 0.0f;
    const int64_t count = i == 0 ? 32 : 7;
    DeviceCase c = detail(static_cast<uint32_t>(3400 + i), Op::kDetectionMasks, a, 6 + count);
    c.input(DType::kF32, {2, 11, 17, count}, -1, 1);
    c.output(DType::kU8, {2, kMost, 11, 17});
    c.check();
  }
}

TEST_CASE("generic GPU kernels: keypoints of detections") {
  if (!can_run()) return;
  for (int i = 0; i < 4; ++i) {
    DetectionDetailAttributes a;
    a.first_column = 5;
    a.transposed = i % 2 == 1;
    a.point_values = i < 2 ? 3 : 2;
    a.normalized_boxes = i == 3;
    a.image = i == 2 ? -1 : 0;
    DeviceCase c = detail(static_cast<uint32_t>(3410 + i), Op::kDetectionKeypoints, a, 40);
    c.output(DType::kF32, {2, kMost, 11, 3});
    c.check();
  }
}

TEST_CASE("generic GPU kernels: rotated boxes") {
  if (!can_run()) return;
  for (int i = 0; i < 4; ++i) {
    DetectionDetailAttributes a;
    a.first_column = 6;
    a.transposed = i % 2 == 1;
    a.normalized_boxes = i == 3;
    a.image = i == 2 ? -1 : 0;
    DeviceCase c = detail(static_cast<uint32_t>(3420 + i), Op::kRotatedBoxes, a, 7);
    const ValueId detections = c.input(DType::kF32, {2, kMost, 6});
    std::vector<float> found(2 * kMost * 6, 0.25f);
    for (int32_t k = 0; k < 2 * kMost; ++k)
      std::memcpy(&found[static_cast<size_t>(6 * k + 5)], &k, sizeof(k));
    c.set(detections, found);
    c.output(DType::kF32, {2, kMost, 7});
    c.check();
  }
}

TEST_CASE("generic GPU kernels: the decoder tells rows and turns boxes") {
  if (!can_run()) return;
  for (int i = 0; i < 7; ++i) {
    DecodeAttributes a;
    a.kind = i == 4   ? DecoderKind::kYoloxGrid
             : i == 6 ? DecoderKind::kEndToEnd
                      : DecoderKind::kYoloAnchorFree;
    a.center_boxes = true;
    a.rotated = i < 3 || i == 6;
    a.transposed = i % 2 == 1;
    a.multi_label = i == 2;
    a.classes = 3;
    a.input_width = 64, a.input_height = 48;
    a.score_threshold = i == 5 ? 1e9f : 5.0f;  // 5: nothing is found
    a.iou_threshold = 0.3f;
    a.max_detections = i == 1 ? 4 : 30;
    DeviceCase c(static_cast<uint32_t>(3430 + i));
    c.node.op = Op::kDecode;
    c.node.name = "rows " + std::to_string(i);
    c.graph.batch = 2;
    c.graph.images.resize(1);
    c.images = {size_only(200, 100), size_only(90, 140)};
    a.image = 0;
    a.fit = FitMode::kLetterbox;
    c.node.attributes = a;
    c.tolerance = 1e-4;
    c.halves = false;
    c.input(DType::kF32, a.transposed ? Shape{2, 12, 300} : Shape{2, 300, 12}, 1, 40);
    c.output(DType::kF32, {2, a.max_detections, 6});
    c.output(DType::kI32, {2});
    c.output(DType::kI32, {2, a.max_detections});
    c.check();
    c.images[1] = size_only(0, 0);
    c.node.name += " without a frame";
    c.check();
  }
}

TEST_CASE("generic GPU kernels of details compile for every SM") { test::compile_device_sources(); }

}  // namespace stint::builder
