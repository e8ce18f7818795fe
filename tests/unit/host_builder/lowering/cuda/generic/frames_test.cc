// The generic GPU kernels between camera and network and between network and user, against the CPU
// target.
#include <doctest/doctest.h>

#include <cmath>
#include <deque>

#include "tests/support/cuda_on_host.h"
#include "tests/support/device_case.h"

namespace stint::builder {
namespace {

using test::DeviceCase;

bool can_run() { return test::can_run_device_code_on_host(); }

/// A frame of noise that outlives the test's views of it.
class Noise {
 public:
  explicit Noise(uint32_t seed) : random_(seed) {}
  ImageView frame(PixelFormat format, uint32_t width, uint32_t height) {
    ImageView view = {};
    view.width = width, view.height = height;
    view.format = static_cast<uint32_t>(format);
    for (int p = 0; p < 3; ++p) {
      view.strides[p] = static_cast<int32_t>(width * 4 + 13);
      planes_.emplace_back(static_cast<size_t>(view.strides[p]) * (height + 1));
      for (uint8_t& b : planes_.back()) b = static_cast<uint8_t>(random_());
      view.planes[p] = planes_.back().data();
    }
    return view;
  }

 private:
  std::mt19937 random_;
  std::deque<std::vector<uint8_t>> planes_;
};

ImageView size_only(uint32_t width, uint32_t height) {
  ImageView view = {};
  view.width = width, view.height = height;
  return view;
}

DeviceCase decoder(uint32_t seed, const char* name, DecodeAttributes a, int64_t batch = 2) {
  DeviceCase c(seed);
  c.node.op = Op::kDecode;
  c.node.name = name;
  a.input_width = 64, a.input_height = 48;
  a.score_threshold = 0.3f;
  if (a.classes == 0) a.classes = 5;
  if (a.image >= 0) {
    c.graph.images.resize(1);
    c.images = {size_only(200, 100), size_only(90, 140)};
    a.fit = FitMode::kLetterbox;
  }
  c.node.attributes = a;
  c.graph.batch = batch;
  c.tolerance = 1e-4;  // in pixels of a frame
  c.halves = false;
  return c;
}

void outputs(DeviceCase& c, int64_t most) {
  c.output(DType::kF32, {2, most, 6});
  c.output(DType::kI32, {2});
}

}  // namespace

TEST_CASE("generic GPU kernels: frames of every format and fit") {
  if (!can_run()) return;
  Noise noise(3000);
  for (int i = 0; i < 18; ++i) {
    DeviceCase c(static_cast<uint32_t>(3000 + i));
    c.node.op = Op::kPreprocess;
    c.node.name = "format " + std::to_string(i % 9);
    PreprocessAttributes a;
    a.width = 70, a.height = 21, a.channels = i % 4 == 3 ? 1 : 3;
    a.fit = static_cast<FitMode>(i % 4 == 3 ? i / 4 % 4 : (i + i / 9) % 4);
    a.order_bgr = i % 2 == 1;
    a.pad_value = 114;
    a.mean = {10, 20, 30}, a.scale = {0.1f, 0.02f, 0.3f};
    a.mean.resize(static_cast<size_t>(a.channels)), a.scale.resize(static_cast<size_t>(a.channels));
    c.node.attributes = a;
    c.graph.images.resize(1);
    c.graph.images[0].spec = a;
    c.graph.batch = 3;
    c.images.push_back(noise.frame(static_cast<PixelFormat>(i % 9), 61, 47));
    c.images.push_back(noise.frame(static_cast<PixelFormat>(i % 9), 90, 20));
    c.images.push_back(size_only(0, 0));
    c.images[0].crop_x = 4, c.images[0].crop_y = 2, c.images[0].crop_width = 50,
    c.images[0].crop_height = 40;
    for (ImageView& image : c.images) {
      image.matrix = i < 9 ? 0 : 1;
      image.range = i % 5 == 0 ? 1 : 0;
    }
    c.output(DType::kF32, {3, 21, 70, a.channels});
    c.tolerance = 1e-4;  // 255 grey levels
    c.check();
  }
}

TEST_CASE("generic GPU kernels: frames as bytes") {
  if (!can_run()) return;
  Noise noise(3050);
  for (int i = 0; i < 9; ++i) {
    DeviceCase c(static_cast<uint32_t>(3050 + i));
    c.node.op = Op::kPreprocess;
    c.node.name = "bytes of format " + std::to_string(i);
    PreprocessAttributes a;
    a.width = 67, a.height = 19, a.channels = i % 4 == 3 ? 1 : 3;
    a.fit = static_cast<FitMode>(i % 4);
    a.order_bgr = i % 2 == 1;
    a.pad_value = 113.5f;
    a.mean.assign(static_cast<size_t>(a.channels), 0.0f);
    a.scale.assign(static_cast<size_t>(a.channels), 1.0f);
    c.node.attributes = a;
    c.graph.images.resize(1);
    c.graph.images[0].spec = a;
    c.graph.batch = 3;
    c.images.push_back(noise.frame(static_cast<PixelFormat>(i), 61, 47));
    c.images.push_back(noise.frame(static_cast<PixelFormat>(i), 90, 20));
    c.images.push_back(size_only(0, 0));
    c.output(DType::kU8, {3, 19, 67, a.channels});
    c.halves = false;
    c.check();  // to the last bit
  }
}

TEST_CASE("generic GPU kernels: decoders of detectors") {
  if (!can_run()) return;
  {
    DecodeAttributes a;
    a.kind = DecoderKind::kYoloxGrid;
    a.strides = {8, 16};
    a.apply_sigmoid = true;
    a.image = 0;
    DeviceCase c = decoder(3100, "YOLOX", a);
    c.input(DType::kF32, {2, 8 * 6 + 4 * 3, 10}, -1, 2);
    outputs(c, 20);
    c.check();
    c.limits = {0.5f, 0.2f, 3};
    c.node.name = "YOLOX with limits";
    c.check();
    c.images[1] = size_only(0, 0);
    c.node.name = "YOLOX without a frame";
    c.check();
  }
  for (const bool transposed : {false, true}) {
    DecodeAttributes a;
    a.kind = DecoderKind::kYoloAnchorFree;
    a.transposed = transposed;
    a.center_boxes = true;
    a.class_agnostic_nms = transposed;
    DeviceCase c = decoder(3101, transposed ? "YOLOv8" : "anchor-free", a);
    c.input(DType::kF32, transposed ? Shape{2, 9, 700} : Shape{2, 700, 9}, 0, 0.5);
    outputs(c, 30);
    c.check();
  }
  {
    DecodeAttributes a;
    a.kind = DecoderKind::kYoloAnchors;
    a.strides = {8, 16};
    a.anchors = {10, 13, 16, 30, 33, 23, 30, 61};
    a.apply_sigmoid = true;
    for (const bool scaled : {false, true}) {
      a.scaled_anchors = scaled;
      a.anchor_major = scaled;
      a.multi_label = scaled;
      DeviceCase c = decoder(3102, "anchors", a);
      c.input(DType::kF32, {2, 8 * 6 * 2, 10}, -1, 2);
      c.input(DType::kF32, {2, 4 * 3 * 2, 10}, -1, 2);
      outputs(c, 25);
      c.check();
    }
  }
  {
    DecodeAttributes a;
    a.kind = DecoderKind::kSsdPriors;
    a.variances = {0.1f, 0.2f};
    a.normalized_boxes = true;
    a.apply_softmax = true;
    a.first_class = 1;
    DeviceCase c = decoder(3103, "SSD", a);
    c.input(DType::kF32, {2, 90, 4}, -1, 1);
    c.input(DType::kF32, {2, 90, 5}, -2, 3);
    c.constant(DType::kF32, {90, 4}, 0.1, 0.9);
    outputs(c, 12);
    c.check();
  }
  {
    DecodeAttributes a;
    a.kind = DecoderKind::kBoxesScores;
    a.transposed = true;
    a.max_candidates = 40;  // fewer than there are over the threshold, and many equal scores
    DeviceCase c = decoder(3104, "boxes and scores", a);
    c.input(DType::kF32, {2, 300, 4}, 0, 48);
    const ValueId scores = c.input(DType::kF32, {2, 5, 300});
    std::vector<float> values(2 * 5 * 300);
    std::mt19937 random(3104);
    for (float& v : values) v = static_cast<float>(random() % 8) / 10.0f;
    c.set(scores, values);
    outputs(c, 25);
    c.check();
  }
}

TEST_CASE("generic GPU kernels: decoders of rows with class ids, and of queries") {
  if (!can_run()) return;
  // Ids of all kinds, scores that are no numbers among them.
  const auto ids = [](uint32_t seed, size_t count) {
    std::mt19937 random(seed);
    const float odd[] = {-1.0f, 0.5f, 5.0f, 1e10f, NAN, INFINITY};
    std::vector<float> values(count);
    for (float& v : values)
      v = random() % 4 == 0 ? odd[random() % 6] : static_cast<float>(random() % 5);
    return values;
  };
  for (const bool frame : {false, true}) {
    DecodeAttributes a;
    a.kind = DecoderKind::kEndToEnd;
    a.image = frame ? 0 : -1;
    a.apply_sigmoid = frame;
    a.first_class = frame ? 1 : 0;
    DeviceCase c = decoder(3400, frame ? "end to end, logits" : "end to end", a);
    c.node.as<DecodeAttributes>().iou_threshold = frame ? 0.45f : 1.0f;
    const ValueId rows = c.input(DType::kF32, {2, 300, 6}, 0, 48);
    std::vector<float> values(2 * 300 * 6);
    const std::vector<float> classes = ids(3401, 600);
    std::mt19937 random(3402);
    for (size_t i = 0; i < values.size(); ++i) {
      const float u = static_cast<float>(random() % 1000) / 1000.0f;
      const size_t k = i % 6;
      values[i] = k == 5 ? classes[i / 6] : k == 4 ? (random() % 16 == 0 ? NAN : u) : 40 * u;
      if (k == 2 || k == 3) values[i] = values[i - 2] + 20 * u;
    }
    c.set(rows, values);
    outputs(c, 30);
    c.check();
  }
  for (const bool counted : {false, true}) {
    DecodeAttributes a;
    a.kind = DecoderKind::kBoxesScores;
    a.row_labels = true;
    a.row_counts = counted;
    a.y_first = counted;
    DeviceCase c = decoder(3410, counted ? "labels and counts" : "labels", a);
    c.input(DType::kF32, {2, 200, 4}, 0, 60);
    c.input(DType::kF32, {2, 200, 1}, 0, 1);
    c.set(c.input(DType::kF32, {2, 200, 1}), ids(3411, 400));
    if (counted) c.set(c.input(DType::kF32, {2, 1, 1}), std::vector<float>{77.0f, NAN});
    outputs(c, 30);
    c.check();
  }
  for (const bool several : {false, true}) {
    DecodeAttributes a;
    a.kind = DecoderKind::kBoxesScores;
    a.no_object_last = true;
    a.apply_softmax = true;
    a.normalized_boxes = a.center_boxes = true;
    a.multi_label = several;
    DeviceCase c = decoder(3420, "queries", a);
    c.node.as<DecodeAttributes>().iou_threshold = 1.0f;
    c.input(DType::kF32, {2, 100, 4}, 0.1, 0.9);
    c.input(DType::kF32, {2, 100, 5}, -3, 3);
    outputs(c, 40);
    c.check();
  }
  {
    DecodeAttributes a;
    a.kind = DecoderKind::kYoloAnchorFree;
    a.transposed = a.center_boxes = true;
    DeviceCase c = decoder(3430, "columns behind the classes", a);
    c.input(DType::kF32, {2, 9 + 32, 300}, 0, 0.5);
    outputs(c, 30);
    c.check();
  }
}

TEST_CASE("generic GPU kernels: best classes") {
  if (!can_run()) return;
  for (int function = 0; function < 3; ++function) {
    DecodeAttributes a;
    a.kind = DecoderKind::kTopClasses;
    a.classes = 300;
    a.apply_sigmoid = function == 1, a.apply_softmax = function == 2;
    a.first_class = function;
    a.image = function == 0 ? -1 : 0;
    DeviceCase c = decoder(3200, "best classes", a);
    c.node.op = Op::kTopClasses;
    auto& attributes = c.node.as<DecodeAttributes>();
    attributes.score_threshold = function == 2 ? 0.001f : 0.2f;
    c.input(DType::kF32, {2, 300}, -1, 4);
    outputs(c, 9);
    c.check();
  }
}

TEST_CASE("generic GPU kernels: ONNX NonMaxSuppression") {
  if (!can_run()) return;
  for (const bool center : {false, true}) {
    DeviceCase c(3300);
    c.node.op = Op::kNonMaxSuppression;
    NmsAttributes a;
    a.max_output_per_class = 12;
    a.iou_threshold = 0.2f;
    a.score_threshold = 0.3f;
    a.has_score_threshold = center;
    a.center_point_box = center;
    c.node.attributes = a;
    c.input(DType::kF32, {2, 400, 4}, 0, 1);
    const ValueId scores = c.input(DType::kF32, {2, 3, 400});
    std::vector<float> values(2 * 3 * 400);
    std::mt19937 random(3300);
    for (float& v : values) v = static_cast<float>(random() % 16) / 16.0f;
    c.set(scores, values);
    c.output(DType::kI64, {2 * 3 * 12, 3});
    c.halves = false;
    c.check();
  }
}

TEST_CASE("generic GPU kernels of this file compile for every SM") {
  test::compile_device_sources();
}

}  // namespace stint::builder
