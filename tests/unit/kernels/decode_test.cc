#include <doctest/doctest.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>

#include "plan_schema/params/decode.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {
namespace {

using Box = std::array<double, 4>;  // x1, y1, x2, y2

struct Found {
  Box box;
  double score;
  int class_id;
  int row;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double iou(const Box& a, const Box& b) {
  const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const double h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const auto area = [](const Box& x) { return (x[2] - x[0]) * (x[3] - x[1]); };
  return w * h / (area(a) + area(b) - w * h);
}

Box from_center(double x, double y, double w, double h) {
  return {x - w / 2, y - h / 2, x + w / 2, y + h / 2};
}

/// What a decoder means, row by row, in double precision.
struct Head {
  int rows = 0;
  std::function<double(int row, int c)> score;  // final probability
  std::function<Box(int row)> box;              // network pixels
};

/// The naive way: all candidates, sorted, greedy suppression, clipping to a width x height network.
std::vector<Found> reference(const Head& head, const DecodeParams& p, size_t max,
                             double to_source = 1.0) {
  std::vector<Found> all;
  for (int row = 0; row < head.rows; ++row) {
    std::vector<Found> of_row;
    for (int c = p.first_class; c < p.classes; ++c) {
      const double s = head.score(row, c);
      if (p.multi_label) {
        if (s >= p.score_threshold) of_row.push_back({head.box(row), s, c, row});
      } else if (of_row.empty() || s > of_row[0].score) {
        of_row.assign(1, {head.box(row), s, c, row});
      }
    }
    for (const Found& f : of_row)
      if (f.score >= p.score_threshold) all.push_back(f);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Found& a, const Found& b) { return a.score > b.score; });
  if (all.size() > static_cast<size_t>(p.max_candidates))
    all.resize(static_cast<size_t>(p.max_candidates));
  std::vector<Found> kept;
  for (const Found& f : all) {
    const bool inside = f.box[2] > 0 && f.box[3] > 0 && f.box[0] < p.input_width &&
                        f.box[1] < p.input_height && f.box[2] > f.box[0] && f.box[3] > f.box[1];
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](const Found& k) {
      return (p.class_agnostic_nms || k.class_id == f.class_id) &&
             iou(k.box, f.box) > p.iou_threshold;
    });
    if (inside && !covered) kept.push_back(f);
  }
  if (kept.size() > max) kept.resize(max);
  for (Found& f : kept) {
    for (int k = 0; k < 4; ++k)
      f.box[k] =
          to_source * std::clamp(f.box[k], 0.0, double(k % 2 ? p.input_height : p.input_width));
  }
  return kept;
}

struct Outputs {
  Tensor boxes, counts;
  Outputs(int64_t batch, int64_t max, int64_t gap = 0)
      : boxes(DType::kF32, {batch, max, 6}, gap), counts(DType::kI32, {batch}) {}
  Detection get(int64_t slot, int64_t i) {
    Detection d;
    std::memcpy(&d, &boxes.at<float>((slot * boxes.view().shape[1] + i) * 6), sizeof(d));
    return d;
  }
};

void check_equal(Outputs& out, int64_t slot, const std::vector<Found>& expected) {
  REQUIRE(out.counts.at<int32_t>(slot) == int32_t(expected.size()));
  const auto max = out.boxes.view().shape[1];
  for (int64_t i = 0; i < max; ++i) {
    const Detection d = out.get(slot, i);
    if (i >= int64_t(expected.size())) {
      CHECK(d.class_id == -1);
      CHECK(d.score == 0.0f);
      continue;
    }
    const Found& f = expected[size_t(i)];
    CAPTURE(i);
    REQUIRE(d.class_id == f.class_id);
    CHECK(d.score == doctest::Approx(f.score).epsilon(1e-5));
    CHECK(d.x1 == doctest::Approx(f.box[0]).epsilon(1e-4).scale(1));
    CHECK(d.y1 == doctest::Approx(f.box[1]).epsilon(1e-4).scale(1));
    CHECK(d.x2 == doctest::Approx(f.box[2]).epsilon(1e-4).scale(1));
    CHECK(d.y2 == doctest::Approx(f.box[3]).epsilon(1e-4).scale(1));
  }
}

KernelCall decode_call(const DecodeParams& p, std::vector<const Tensor*> inputs, Outputs& out) {
  KernelCall call{KernelId::kDecode, pod_bytes(p), std::move(inputs), {&out.boxes, &out.counts}};
  call.workspace_bytes =
      decode_workspace_bytes(uint64_t(out.counts.size()), uint64_t(p.max_candidates));
  return call;
}

DecodeParams settings(DecoderKind kind, int classes) {
  DecodeParams p;
  p.kind = kind;
  p.classes = classes;
  p.input_width = 96;
  p.input_height = 64;
  p.max_candidates = 500;
  p.score_threshold = 0.3f;
  p.iou_threshold = 0.4f;
  return p;
}

void set_levels(DecodeParams* p, std::vector<float> strides, int anchors = 1) {
  p->level_count = uint8_t(strides.size());
  for (size_t i = 0; i < strides.size(); ++i) {
    DecodeLevel& l = p->levels[i];
    l.stride = strides[i];
    l.grid_width = int(float(p->input_width) / strides[i]);
    l.grid_height = int(float(p->input_height) / strides[i]);
    l.anchor_count = anchors;
    for (int a = 0; a < anchors; ++a) {
      l.anchors[a][0] = strides[i] * (1.0f + float(a));
      l.anchors[a][1] = strides[i] * (2.5f - float(a) / 2);
    }
  }
}

}  // namespace

TEST_CASE("the YOLOX grid decoder agrees with the naive one") {
  std::mt19937 random(21);
  for (int round = 0; round < 12; ++round) {
    const int classes = 1 + int(random() % 7);
    DecodeParams p = settings(DecoderKind::kYoloxGrid, classes);
    set_levels(&p, {8, 16, 32});
    p.class_agnostic_nms = round & 1;
    p.multi_label = (round >> 1) & 1;
    p.score_function = round % 3 == 0 ? ScoreFunction::kSigmoid : ScoreFunction::kNone;
    const int rows = 12 * 8 + 6 * 4 + 3 * 2;
    Tensor x(DType::kF32, {2, rows, 5 + classes}, round % 4 == 0 ? 3 : 0);
    const bool raw = p.score_function == ScoreFunction::kSigmoid;
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t channel = i % (5 + classes);
      const double u = double(random()) / 4294967296.0;
      x.at<float>(i) = float(channel < 4 ? 2 * u - 0.5 : (raw ? 8 * u - 4 : u));
    }
    Outputs out(2, 40, round % 2 ? 2 : 0);
    REQUIRE(decode_call(p, {&x}, out).run(1 + round % 2).ok());
    for (int slot = 0; slot < 2; ++slot) {
      const auto v = [&](int row, int c) {
        return double(x.at<float>((slot * rows + row) * (5 + classes) + c));
      };
      const auto activate = [&](double s) { return raw ? sigmoid(s) : s; };
      Head head{rows, [&](int row, int c) { return activate(v(row, 4)) * activate(v(row, 5 + c)); },
                [&](int row) {
                  int at = row, level = 0;
                  for (const int size : {96, 24}) {
                    if (at < size) break;
                    at -= size;
                    ++level;
                  }
                  const int stride = 8 << level, width = 96 / stride;
                  return from_center((v(row, 0) + at % width) * stride,
                                     (v(row, 1) + at / width) * stride,
                                     std::exp(v(row, 2)) * stride, std::exp(v(row, 3)) * stride);
                }};
      check_equal(out, slot, reference(head, p, 40));
    }
    CHECK(out.boxes.gaps_untouched());
  }
}

TEST_CASE("anchor-free heads in both orders agree with the naive decoder") {
  std::mt19937 random(22);
  for (int round = 0; round < 12; ++round) {
    const int classes = 1 + int(random() % 9), rows = 300 + int(random() % 300);
    DecodeParams p = settings(DecoderKind::kYoloAnchorFree, classes);
    p.transposed = round & 1;
    p.multi_label = (round >> 1) & 1;
    p.center_boxes = (round >> 2) & 1;
    p.first_class = classes > 3 ? 1 : 0;
    p.score_function = round % 3 == 2 ? ScoreFunction::kSoftmax : ScoreFunction::kSigmoid;
    const int channels = 4 + classes;
    Tensor x = p.transposed ? Tensor(DType::kF32, {1, channels, rows}, 7)
                            : Tensor(DType::kF32, {1, rows, channels});
    const auto v = [&](int row, int c) -> float& {
      return x.at<float>(p.transposed ? int64_t{c} * rows + row : int64_t{row} * channels + c);
    };
    const auto uniform = [&](double a, double b) {
      return float(a + (b - a) * double(random()) / 4294967296.0);
    };
    for (int row = 0; row < rows; ++row) {
      const float cx = uniform(-5, 100), cy = uniform(-5, 70), w = uniform(3, 30),
                  h = uniform(3, 30);
      const float corner[4] = {cx - w, cy - h, cx + w, cy + h}, center[4] = {cx, cy, w, h};
      for (int k = 0; k < 4; ++k) v(row, k) = p.center_boxes ? center[k] : corner[k];
      for (int c = 0; c < classes; ++c) v(row, 4 + c) = uniform(-5, 3);
    }
    Outputs out(1, 25);
    REQUIRE(decode_call(p, {&x}, out).run().ok());
    Head head{rows,
              [&](int row, int c) {
                if (p.score_function == ScoreFunction::kSigmoid) return sigmoid(v(row, 4 + c));
                double sum = 0;
                for (int k = 0; k < classes; ++k) sum += std::exp(double(v(row, 4 + k)));
                return std::exp(double(v(row, 4 + c))) / sum;
              },
              [&](int row) {
                const Box b = {v(row, 0), v(row, 1), v(row, 2), v(row, 3)};
                return p.center_boxes ? from_center(b[0], b[1], b[2], b[3]) : b;
              }};
    check_equal(out, 0, reference(head, p, 25));
  }
}

TEST_CASE("anchor heads of YOLOv3 and YOLOv5, in both row orders, agree with the naive decoder") {
  std::mt19937 random(23);
  for (int round = 0; round < 8; ++round) {
    const int classes = 3, anchors = 3, channels = 5 + classes;
    DecodeParams p = settings(DecoderKind::kYoloAnchors, classes);
    set_levels(&p, {8, 16}, anchors);
    p.scaled_anchors = round & 1;
    p.anchor_major = (round >> 1) & 1;
    p.score_function = ScoreFunction::kSigmoid;
    const int cells[2] = {12 * 8, 6 * 4};
    Tensor a(DType::kF32, {1, cells[0] * anchors, channels}),
        b(DType::kF32, {1, cells[1] * anchors, channels});
    a.fill_uniform<float>(random, -1.5, 1.5);
    b.fill_uniform<float>(random, -1.5, 1.5);
    Outputs out(1, 50);
    REQUIRE(decode_call(p, {&a, &b}, out).run().ok());
    const int first = cells[0] * anchors;
    const auto v = [&](int row, int c) {
      return double(row < first ? a.at<float>(row * channels + c)
                                : b.at<float>((row - first) * channels + c));
    };
    Head head{
        first + cells[1] * anchors,
        [&](int row, int c) { return sigmoid(v(row, 4)) * sigmoid(v(row, 5 + c)); },
        [&](int row) {
          const int level = row < first ? 0 : 1, at = row - level * first, width = level ? 6 : 12;
          const int cell = p.anchor_major ? at % cells[level] : at / anchors;
          const int anchor = p.anchor_major ? at / cells[level] : at % anchors;
          const double stride = level ? 16 : 8, aw = stride * (1 + anchor),
                       ah = stride * (2.5 - anchor / 2.0);
          const double gx = cell % width, gy = cell / width;
          if (p.scaled_anchors) {
            return from_center((2 * sigmoid(v(row, 0)) - 0.5 + gx) * stride,
                               (2 * sigmoid(v(row, 1)) - 0.5 + gy) * stride,
                               std::pow(2 * sigmoid(v(row, 2)), 2) * aw,
                               std::pow(2 * sigmoid(v(row, 3)), 2) * ah);
          }
          return from_center((sigmoid(v(row, 0)) + gx) * stride, (sigmoid(v(row, 1)) + gy) * stride,
                             std::exp(v(row, 2)) * aw, std::exp(v(row, 3)) * ah);
        }};
    check_equal(out, 0, reference(head, p, 50));
  }
}

TEST_CASE("priors and plain boxes with scores agree with the naive decoder") {
  std::mt19937 random(24);
  for (int round = 0; round < 16; ++round) {
    const bool ssd = round & 1;
    const int classes = 2 + int(random() % 4), rows = 257 + int(random() % 300);
    DecodeParams p = settings(ssd ? DecoderKind::kSsdPriors : DecoderKind::kBoxesScores, classes);
    p.first_class = 1;
    p.multi_label = 1;
    p.normalized_boxes = 1;
    p.center_boxes = (round >> 1) & 1;
    p.transposed = (round >> 2) & 1;
    p.score_function = (round >> 3) ? ScoreFunction::kSoftmax : ScoreFunction::kNone;
    p.variances[0] = 0.1f, p.variances[1] = 0.2f;
    Tensor boxes(DType::kF32, {1, rows, 4}), priors(DType::kF32, {rows, 4});
    Tensor scores = p.transposed ? Tensor(DType::kF32, {1, classes, rows})
                                 : Tensor(DType::kF32, {1, rows, classes});
    scores.fill_uniform<float>(random, 0.0, p.score_function == ScoreFunction::kNone ? 1.0 : 3.0);
    const auto uniform = [&](double a, double b) {
      return float(a + (b - a) * double(random()) / 4294967296.0);
    };
    const auto fill_boxes = [&](Tensor& t) {
      for (int row = 0; row < rows; ++row) {
        const float x = uniform(0, 1), y = uniform(0, 1), w = uniform(0.05, 0.4),
                    h = uniform(0.05, 0.4);
        const float corner[4] = {x - w / 2, y - h / 2, x + w / 2, y + h / 2},
                    center[4] = {x, y, w, h};
        for (int k = 0; k < 4; ++k)
          t.at<float>(row * 4 + k) = p.center_boxes ? center[k] : corner[k];
      }
    };
    fill_boxes(priors);
    if (ssd) {
      boxes.fill_uniform<float>(random, -1.0, 1.0);
    } else {
      fill_boxes(boxes);
    }
    Outputs out(1, 60);
    std::vector<const Tensor*> inputs = {&boxes, &scores};
    if (ssd) inputs.push_back(&priors);
    REQUIRE(decode_call(p, inputs, out).run().ok());
    const auto s = [&](int row, int c) {
      return double(scores.at<float>(p.transposed ? c * rows + row : row * classes + c));
    };
    Head head{rows,
              [&](int row, int c) {
                if (p.score_function == ScoreFunction::kNone) return s(row, c);
                double sum = 0;
                for (int k = 0; k < classes; ++k) sum += std::exp(s(row, k));
                return std::exp(s(row, c)) / sum;
              },
              [&](int row) {
                const auto at = [&](Tensor& t, int k) { return double(t.at<float>(row * 4 + k)); };
                Box b = {at(boxes, 0), at(boxes, 1), at(boxes, 2), at(boxes, 3)};
                if (ssd) {
                  Box q = {at(priors, 0), at(priors, 1), at(priors, 2), at(priors, 3)};
                  if (!p.center_boxes)
                    q = {(q[0] + q[2]) / 2, (q[1] + q[3]) / 2, q[2] - q[0], q[3] - q[1]};
                  b = from_center(q[0] + 0.1 * b[0] * q[2], q[1] + 0.1 * b[1] * q[3],
                                  q[2] * std::exp(0.2 * b[2]), q[3] * std::exp(0.2 * b[3]));
                } else if (p.center_boxes) {
                  b = from_center(b[0], b[1], b[2], b[3]);
                }
                for (int k = 0; k < 4; ++k) b[k] *= k % 2 ? p.input_height : p.input_width;
                return b;
              }};
    check_equal(out, 0, reference(head, p, 60));
  }
}

TEST_CASE("rows with class ids agree with the naive decoder, whatever the ids and counts hold") {
  std::mt19937 random(27);
  for (int round = 0; round < 24; ++round) {
    const bool one_tensor = round & 1;
    const int classes = 4 + int(random() % 4), rows = 31 + int(random() % 300);
    DecodeParams p =
        settings(one_tensor ? DecoderKind::kEndToEnd : DecoderKind::kBoxesScores, classes);
    p.first_class = (round >> 1) & 1;
    p.center_boxes = (round >> 2) & 1;
    p.iou_threshold = round % 3 == 0 ? 0.4f : 1.0f;
    const bool raw = round % 4 == 3, y_first = round % 5 == 1;
    const bool counted = !one_tensor && (round & 4);
    p.score_function = raw ? ScoreFunction::kSigmoid : ScoreFunction::kNone;
    p.flags = uint8_t((y_first ? kYFirst : 0) | (one_tensor ? 0 : kRowLabels) |
                      (counted ? kRowCounts : 0));
    const int columns = one_tensor ? 6 + round % 3 : 4;
    const int64_t gap = round % 3;
    Tensor boxes(DType::kF32, {2, rows, columns}, gap), scores(DType::kF32, {2, rows, 1}, gap),
        labels(DType::kF32, {2, rows, 1}, gap), counts(DType::kF32, {2, 1, 1}, gap);
    boxes.fill_uniform<float>(random, -5.0, 60.0);  // also the columns that are not read
    const float odd[] = {-1.0f, 0.5f, float(classes), 1e10f, NAN, INFINITY, -0.25f, 2.9999f};
    const auto score = [&](int i) -> float& {
      return one_tensor ? boxes.at<float>(i * columns + 4) : scores.at<float>(i);
    };
    const auto label = [&](int i) -> float& {
      return one_tensor ? boxes.at<float>(i * columns + 5) : labels.at<float>(i);
    };
    for (int i = 0; i < 2 * rows; ++i) {
      const double u = double(random()) / 4294967296.0;
      score(i) = random() % 16 == 0 ? NAN : float(raw ? 8 * u - 4 : u);
      label(i) = random() % 4 == 0 ? odd[random() % 8] : float(random() % unsigned(classes));
      if (!p.center_boxes)  // corners in order
        for (int k = 0; k < 2; ++k)
          boxes.at<float>(i * columns + 2 + k) = boxes.at<float>(i * columns + k) + 20;
    }
    const float some_counts[] = {float(rows) / 2, NAN, 1e20f, -3.0f, 0.0f, float(rows)};
    for (int slot = 0; slot < 2; ++slot)
      counts.at<float>(slot) = some_counts[(round / 8 * 2 + slot) % 6];
    std::vector<const Tensor*> inputs = {&boxes};
    if (!one_tensor) inputs.insert(inputs.end(), {&scores, &labels});
    if (counted) inputs.push_back(&counts);
    Outputs out(2, 60);
    REQUIRE(decode_call(p, inputs, out).run(1 + round % 2).ok());
    for (int slot = 0; slot < 2; ++slot) {
      const double count = counted ? double(counts.at<float>(slot)) : 1e30;
      Head head{rows,
                [&](int row, int c) {
                  const int i = slot * rows + row;
                  if (!(row < std::floor(count)) || double(label(i)) != c) return -1.0;
                  const double s = score(i);
                  return std::isnan(s) ? -1.0 : (raw ? sigmoid(s) : s);
                },
                [&](int row) {
                  double v[4];
                  for (int k = 0; k < 4; ++k)
                    v[y_first ? k ^ 1 : k] = boxes.at<float>((slot * rows + row) * columns + k);
                  return p.center_boxes ? from_center(v[0], v[1], v[2], v[3])
                                        : Box{v[0], v[1], v[2], v[3]};
                }};
      check_equal(out, slot, reference(head, p, 60));
    }
  }
}

TEST_CASE("a last class of no object takes part in the softmax and is never reported") {
  std::mt19937 random(28);
  for (int round = 0; round < 8; ++round) {
    const int classes = 3 + int(random() % 5), rows = 100;
    DecodeParams p = settings(DecoderKind::kBoxesScores, classes);
    p.flags = kNoObjectLast;
    p.transposed = round & 1;
    p.multi_label = (round >> 1) & 1;
    p.score_function = ScoreFunction::kSoftmax;
    p.score_threshold = 0.2f;
    p.normalized_boxes = p.center_boxes = 1;
    p.iou_threshold = 1.0f;
    Tensor boxes(DType::kF32, {1, rows, 4});
    Tensor scores = p.transposed ? Tensor(DType::kF32, {1, classes, rows})
                                 : Tensor(DType::kF32, {1, rows, classes});
    boxes.fill_uniform<float>(random, 0.1, 0.9);
    scores.fill_uniform<float>(random, -3.0, 3.0);
    Outputs out(1, 200);
    REQUIRE(decode_call(p, {&boxes, &scores}, out).run().ok());
    const auto s = [&](int row, int c) {
      return double(scores.at<float>(p.transposed ? c * rows + row : row * classes + c));
    };
    Head head{rows,
              [&](int row, int c) {
                double sum = 0;
                for (int k = 0; k < classes; ++k) sum += std::exp(s(row, k));
                return c == classes - 1 ? -1.0 : std::exp(s(row, c)) / sum;
              },
              [&](int row) {
                const auto at = [&](int k) {
                  return double(boxes.at<float>(row * 4 + k)) *
                         (k % 2 ? p.input_height : p.input_width);
                };
                return from_center(at(0), at(1), at(2), at(3));
              }};
    check_equal(out, 0, reference(head, p, 200));
  }
}

TEST_CASE("columns behind the classes are not read") {
  for (const bool transposed : {false, true}) {
    for (const DecoderKind kind : {DecoderKind::kYoloAnchorFree, DecoderKind::kYoloxGrid}) {
      if (transposed && kind == DecoderKind::kYoloxGrid) continue;
      DecodeParams p = settings(kind, 2);
      p.center_boxes = 1;
      p.transposed = transposed;
      const int head = kind == DecoderKind::kYoloxGrid ? 5 : 4, channels = head + 2 + 32;
      Tensor x = transposed ? Tensor(DType::kF32, {1, channels, 10})
                            : Tensor(DType::kF32, {1, 10, channels});
      for (int row = 0; row < 10; ++row) {
        for (int c = 0; c < channels; ++c) {
          const float v = c < 4 ? 10.0f + float(row) : (c == head + 1 ? 0.5f : c == 4 ? 1.0f : 0);
          x.at<float>(transposed ? c * 10 + row : row * channels + c) = c < head + 2 ? v : 300.0f;
        }
        if (head == 4) x.at<float>(transposed ? 40 + row : row * channels + 4) = 0.1f;
      }
      Outputs out(1, 20);
      p.iou_threshold = 1.0f;
      REQUIRE(decode_call(p, {&x}, out).run().ok());
      REQUIRE(out.counts.at<int32_t>(0) == 10);
      for (int i = 0; i < 10; ++i) {
        CHECK(out.get(0, i).class_id == 1);
        CHECK(out.get(0, i).score == 0.5f);
      }
      p.classes = 40;  // more than there are columns
      CHECK_FALSE(decode_call(p, {&x}, out).check().ok());
    }
  }
}

TEST_CASE("of more candidates than fit, the best enter; equal scores go to the lower row") {
  DecodeParams p = settings(DecoderKind::kBoxesScores, 1);
  const int rows = 400;
  p.max_candidates = 10;
  p.iou_threshold = 1.0f;
  Tensor boxes(DType::kF32, {1, rows, 4}), scores(DType::kF32, {1, rows, 1});
  for (int row = 0; row < rows; ++row) {
    const float box[4] = {float(row % 90), 0, float(row % 90) + 1, 1};
    for (int k = 0; k < 4; ++k) boxes.at<float>(row * 4 + k) = box[k];
    scores.at<float>(row) = row % 20 == 7 ? 0.9f : 0.5f;  // 20 rows tie at the top
  }
  Outputs out(1, 30);
  REQUIRE(decode_call(p, {&boxes, &scores}, out).run().ok());
  REQUIRE(out.counts.at<int32_t>(0) == 10);
  for (int i = 0; i < 10; ++i) CHECK(out.get(0, i).x1 == float((20 * i + 7) % 90));
}

TEST_CASE("boxes return to the pixels of the frame they came from, and stay inside it") {
  DecodeParams p = settings(DecoderKind::kBoxesScores, 2);
  p.input_width = p.input_height = 416;
  p.iou_threshold = 1.0f;
  p.fit = FitMode::kLetterbox;
  // In a 1920x1080 frame: x * 416 / 1920, y * 416 / 1920 + 91.
  const float wanted[3][4] = {{100, 200, 700, 900}, {0, 0, 1920, 1080}, {1500, 40, 1900, 1079}};
  Tensor boxes(DType::kF32, {1, 4, 4}), scores(DType::kF32, {1, 4, 2});
  for (int i = 0; i < 4; ++i) {
    scores.at<float>(i * 2) = 0.0f;
    scores.at<float>(i * 2 + 1) = 0.9f - 0.1f * float(i);
    for (int k = 0; k < 4; ++k) {
      const float v = i < 3 ? wanted[i][k] : (k < 2 ? -50.0f : -10.0f);  // the last lies outside
      boxes.at<float>(i * 4 + k) = v * 416.0f / 1920.0f + (k % 2 ? 91.0f : 0.0f);
    }
  }
  Outputs out(1, 8);
  KernelCall call = decode_call(p, {&boxes, &scores}, out);
  ImageView frame{};
  frame.width = 1920, frame.height = 1080;
  call.images = {frame};
  REQUIRE(call.run().ok());
  REQUIRE(out.counts.at<int32_t>(0) == 3);
  for (int i = 0; i < 3; ++i) {
    const Detection d = out.get(0, i);
    CHECK(d.class_id == 1);
    CHECK(d.x1 == doctest::Approx(wanted[i][0]).epsilon(1e-4).scale(1));
    CHECK(d.y1 == doctest::Approx(wanted[i][1]).epsilon(1e-4).scale(1));
    CHECK(d.x2 == doctest::Approx(wanted[i][2]).epsilon(1e-4));
    CHECK(d.y2 == doctest::Approx(wanted[i][3]).epsilon(1e-4));
    CHECK(d.x2 <= 1920.0f);
    CHECK(d.y2 <= 1080.0f);
  }
  SUBCASE("the caller's limits replace the plan's") {
    cpu::DetectionLimits limits{0.75f, -1.0f, 0};
    call.limits = &limits;
    REQUIRE(call.run().ok());
    CHECK(out.counts.at<int32_t>(0) == 2);
    limits = {-1.0f, 0.0f, 0};  // any overlap suppresses: the second box covers the first
    REQUIRE(call.run().ok());
    CHECK(out.counts.at<int32_t>(0) == 2);
    limits = {-1.0f, -1.0f, 1};
    REQUIRE(call.run().ok());
    CHECK(out.counts.at<int32_t>(0) == 1);
  }
  SUBCASE("a slot without a frame has no detections") {
    call.images = {ImageView{}};
    REQUIRE(call.run().ok());
    CHECK(out.counts.at<int32_t>(0) == 0);
  }
}

TEST_CASE("outputs that are not numbers give no detections") {
  DecodeParams p = settings(DecoderKind::kYoloAnchorFree, 2);
  Tensor x(DType::kF32, {1, 50, 6});
  for (int64_t i = 0; i < x.size(); ++i)
    x.at<float>(i) = i % 6 < 4 ? (i % 3 ? INFINITY : NAN) : (i % 5 ? NAN : 0.9f);
  Outputs out(1, 10);
  REQUIRE(decode_call(p, {&x}, out).run().ok());
  CHECK(out.counts.at<int32_t>(0) == 0);
}

TEST_CASE("decoder parameters that contradict the operands are refused at load") {
  DecodeParams good = settings(DecoderKind::kYoloxGrid, 3);
  set_levels(&good, {8, 16, 32});
  Tensor x(DType::kF32, {2, 126, 8}), small(DType::kF32, {2, 125, 8}),
      half(DType::kF16, {2, 126, 8}), flat(DType::kF32, {2, 126});
  const auto accepted = [](const DecodeParams& p, std::vector<const Tensor*> inputs,
                           int64_t batch = 2, int64_t max = 10, uint64_t missing = 0) {
    Outputs out(batch, max);
    KernelCall call = decode_call(p, std::move(inputs), out);
    call.workspace_bytes -= missing;
    return call.check().ok();
  };
  CHECK(accepted(good, {&x}));
  CHECK_FALSE(accepted(good, {&small}));
  CHECK_FALSE(accepted(good, {&half}));
  CHECK_FALSE(accepted(good, {&flat}));
  CHECK_FALSE(accepted(good, {}));
  CHECK_FALSE(accepted(good, {&x, &x}));
  CHECK_FALSE(accepted(good, {&x}, 1));
  CHECK_FALSE(accepted(good, {&x}, 2, 0));
  CHECK_FALSE(accepted(good, {&x}, 2, 8193));
  CHECK_FALSE(accepted(good, {&x}, 2, 10, 1));
  const auto changed = [&](auto change) {
    DecodeParams p = good;
    change(p);
    return accepted(p, {&x});
  };
  CHECK_FALSE(changed([](DecodeParams& p) { p.kind = static_cast<DecoderKind>(77); }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.kind = DecoderKind::kYoloAnchors; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.kind = DecoderKind::kBoxesScores; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.kind = DecoderKind::kSsdPriors; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.classes = 4; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.classes = INT32_MAX; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.first_class = 3; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.first_class = -1; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.max_candidates = 0; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.max_candidates = INT32_MAX; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.level_count = 9; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.transposed = 1; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.input_width = 0; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.fit = static_cast<FitMode>(4); }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.score_function = static_cast<ScoreFunction>(3); }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.levels[1].grid_width = 0; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.levels[1].anchor_count = 2; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.levels[0].grid_height = 1 << 30; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.flags = 16; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.flags = kYFirst; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.flags = kRowLabels; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.flags = kRowCounts; }));
  CHECK_FALSE(changed([](DecodeParams& p) { p.kind = DecoderKind::kTopClasses; }));

  DecodeParams rows = settings(DecoderKind::kBoxesScores, 3);
  rows.flags = kRowLabels | kRowCounts;
  Tensor boxes(DType::kF32, {2, 50, 4}), column(DType::kF32, {2, 50, 1}),
      other(DType::kF32, {2, 49, 1}), whole(DType::kI32, {2, 50, 1}), count(DType::kF32, {2, 1, 1}),
      six(DType::kF32, {2, 50, 6}), five(DType::kF32, {2, 50, 5});
  CHECK(accepted(rows, {&boxes, &column, &column, &count}));
  CHECK_FALSE(accepted(rows, {&boxes, &column, &column}));
  CHECK_FALSE(accepted(rows, {&boxes, &column, &other, &count}));
  CHECK_FALSE(accepted(rows, {&boxes, &other, &column, &count}));
  CHECK_FALSE(accepted(rows, {&boxes, &column, &whole, &count}));
  CHECK_FALSE(accepted(rows, {&boxes, &column, &column, &column}));
  CHECK_FALSE(accepted(rows, {&boxes, &six, &column, &count}));
  const auto rows_changed = [&](auto change) {
    DecodeParams p = rows;
    change(p);
    return accepted(p, {&boxes, &column, &column, &count});
  };
  CHECK_FALSE(rows_changed([](DecodeParams& p) { p.multi_label = 1; }));
  CHECK_FALSE(rows_changed([](DecodeParams& p) { p.transposed = 1; }));
  CHECK_FALSE(rows_changed([](DecodeParams& p) { p.flags |= kNoObjectLast; }));
  CHECK_FALSE(rows_changed([](DecodeParams& p) { p.score_function = ScoreFunction::kSoftmax; }));
  DecodeParams ends = settings(DecoderKind::kEndToEnd, 3);
  CHECK(accepted(ends, {&six}));
  CHECK_FALSE(accepted(ends, {&five}));
  CHECK_FALSE(accepted(ends, {&six, &six}));
  DecodeParams last = settings(DecoderKind::kBoxesScores, 1);
  last.flags = kNoObjectLast;  // leaves no class
  CHECK_FALSE(accepted(last, {&boxes, &column}));
}

}  // namespace stint::test
