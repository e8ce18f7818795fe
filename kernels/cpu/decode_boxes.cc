#include "kernels/cpu/decode_boxes.h"

#include <cmath>

namespace stint::cpu {
namespace {

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

struct Level {
  int index = 0;
  int64_t row = 0;  // within the level
};

Level find_level(const DecodeParams& p, int64_t row) {
  Level level{0, row};
  for (; level.index + 1 < p.level_count; ++level.index) {
    const DecodeLevel& l = p.levels[level.index];
    const int64_t rows = int64_t{l.grid_width} * l.grid_height * l.anchor_count;
    if (level.row < rows) break;
    level.row -= rows;
  }
  return level;
}

/// Centre and size.
struct CenterBox {
  float x, y, w, h;
};

CenterBox yolox_box(const DecodeParams& p, const float* v, int64_t row) {
  if (p.level_count == 0) return {v[0], v[1], v[2], v[3]};
  const Level at = find_level(p, row);
  const DecodeLevel& l = p.levels[at.index];
  const int64_t column = at.row % l.grid_width, line = at.row / l.grid_width;
  const auto x = static_cast<float>(column), y = static_cast<float>(line);
  return {(v[0] + x) * l.stride, (v[1] + y) * l.stride, std::exp(v[2]) * l.stride,
          std::exp(v[3]) * l.stride};
}

CenterBox anchor_box(const DecodeParams& p, const float* v, const Level& at) {
  const DecodeLevel& l = p.levels[at.index];
  const int64_t cells = int64_t{l.grid_width} * l.grid_height;
  const int64_t cell = p.anchor_major ? at.row % cells : at.row / l.anchor_count;
  const int64_t anchor = p.anchor_major ? at.row / cells : at.row % l.anchor_count;
  const int64_t column = cell % l.grid_width, line = cell / l.grid_width;
  const auto x = static_cast<float>(column), y = static_cast<float>(line);
  const float* size = l.anchors[anchor];
  if (p.scaled_anchors) {
    const float w = 2.0f * sigmoid(v[2]), h = 2.0f * sigmoid(v[3]);
    return {(2.0f * sigmoid(v[0]) - 0.5f + x) * l.stride,
            (2.0f * sigmoid(v[1]) - 0.5f + y) * l.stride, w * w * size[0], h * h * size[1]};
  }
  return {(sigmoid(v[0]) + x) * l.stride, (sigmoid(v[1]) + y) * l.stride, std::exp(v[2]) * size[0],
          std::exp(v[3]) * size[1]};
}

CenterBox in_order(const DecodeParams& p, const float* v) {
  if ((p.flags & kYFirst) != 0) return {v[1], v[0], v[3], v[2]};
  return {v[0], v[1], v[2], v[3]};
}

CenterBox prior_box(const DecodeParams& p, const float* offsets, const float* prior) {
  const CenterBox v = in_order(p, offsets);
  CenterBox c = in_order(p, prior);
  if (!p.center_boxes) {
    c = {(c.x + c.w) / 2, (c.y + c.h) / 2, c.w - c.x, c.h - c.y};
  }
  return {c.x + v.x * p.variances[0] * c.w, c.y + v.y * p.variances[0] * c.h,
          c.w * std::exp(v.w * p.variances[1]), c.h * std::exp(v.h * p.variances[1])};
}

/// The upright hull.
bool hull_of(const TurnedBox& t, float box[4]) {
  const float c = std::fabs(std::cos(t.angle)), s = std::fabs(std::sin(t.angle));
  const float w = std::fabs(t.w), h = std::fabs(t.h);
  const float half_w = (w * c + h * s) / 2, half_h = (w * s + h * c) / 2;
  box[0] = t.x - half_w, box[1] = t.y - half_h, box[2] = t.x + half_w, box[3] = t.y + half_h;
  return std::isfinite(box[0]) && std::isfinite(box[1]) && std::isfinite(box[2]) &&
         std::isfinite(box[3]);
}

}  // namespace

TurnedBox turned_box(const DecodeParams& p, const StepArgs& args, int64_t slot, int64_t row) {
  const TensorView& t = args.inputs[0];
  const float* data = t.as<float>() + slot * t.strides[0];
  const auto value = [&](int64_t column) {
    return p.transposed ? data[column * t.strides[1] + row] : data[row * t.strides[1] + column];
  };
  const int64_t angle = p.kind == DecoderKind::kEndToEnd ? 6 : 4 + int64_t{p.classes};
  TurnedBox box{value(0), value(1), value(2), value(3), value(angle)};
  if (p.normalized_boxes) {
    box.x *= static_cast<float>(p.input_width), box.w *= static_cast<float>(p.input_width);
    box.y *= static_cast<float>(p.input_height), box.h *= static_cast<float>(p.input_height);
  }
  return box;
}

bool decode_box(const DecodeParams& p, const StepArgs& args, int64_t slot, int64_t row,
                float box[4]) {
  const auto row_of = [&](const TensorView& t, int64_t r) {
    return t.as<float>() + slot * t.strides[0] + r * t.strides[1];
  };
  if ((p.flags & kRotated) != 0) return hull_of(turned_box(p, args, slot, row), box);
  CenterBox c{};
  bool corners = false;
  switch (p.kind) {
    case DecoderKind::kYoloxGrid:
      c = yolox_box(p, row_of(args.inputs[0], row), row);
      break;
    case DecoderKind::kYoloAnchors: {
      const Level at = find_level(p, row);
      c = anchor_box(p, row_of(args.inputs[at.index], at.row), at);
      break;
    }
    case DecoderKind::kSsdPriors: {
      const TensorView& priors = args.inputs[2];
      c = prior_box(p, row_of(args.inputs[0], row), priors.as<float>() + row * priors.strides[0]);
      break;
    }
    default: {
      float v[4];
      const TensorView& t = args.inputs[0];
      const bool channels_first = p.kind == DecoderKind::kYoloAnchorFree && p.transposed;
      for (int k = 0; k < 4; ++k) {
        v[k] = channels_first ? t.as<float>()[slot * t.strides[0] + k * t.strides[1] + row]
                              : row_of(t, row)[k];
      }
      c = in_order(p, v);
      corners = !p.center_boxes;
      break;
    }
  }
  if (corners) {
    box[0] = c.x, box[1] = c.y, box[2] = c.w, box[3] = c.h;
  } else {
    box[0] = c.x - c.w / 2, box[1] = c.y - c.h / 2, box[2] = c.x + c.w / 2, box[3] = c.y + c.h / 2;
  }
  if (p.normalized_boxes) {
    box[0] *= static_cast<float>(p.input_width), box[2] *= static_cast<float>(p.input_width);
    box[1] *= static_cast<float>(p.input_height), box[3] *= static_cast<float>(p.input_height);
  }
  return std::isfinite(box[0]) && std::isfinite(box[1]) && std::isfinite(box[2]) &&
         std::isfinite(box[3]);
}

}  // namespace stint::cpu
