// Overlap of rotated boxes by ProbIoU (arXiv:2106.06072): each box is the Gaussian with the mean
// and the covariance of the uniform distribution over it, the overlap is 1 minus the Hellinger
// distance of the two. Smooth, cheap, and what YOLO's obb heads are trained and filtered with.
#pragma once

#include <cmath>

#include "kernels/cpu/decode_boxes.h"

namespace stint::cpu {

/// Replaces a candidate's box and area by its Gaussian.
inline void become_gaussian(const DecodeParams& p, const StepArgs& args, int64_t slot,
                            DecodeCandidate* c) {
  const TurnedBox t = turned_box(p, args, slot, c->row);
  const float a = t.w * t.w / 12.0f, b = t.h * t.h / 12.0f;
  const float cosine = std::cos(t.angle), sine = std::sin(t.angle);
  c->box[0] = t.x, c->box[1] = t.y;
  c->box[2] = a * cosine * cosine + b * sine * sine;
  c->box[3] = a * sine * sine + b * cosine * cosine;
  c->area = (a - b) * cosine * sine;
}

/// 0..1 of two candidates that became Gaussians.
inline float gaussian_overlap(const DecodeCandidate& p, const DecodeCandidate& q) {
  constexpr float kEpsilon = 1e-7f;
  const float a = p.box[2] + q.box[2], b = p.box[3] + q.box[3], c = p.area + q.area;
  const float dx = p.box[0] - q.box[0], dy = p.box[1] - q.box[1];
  const float determinant = a * b - c * c;
  const float nearness =
      ((a * dy * dy + b * dx * dx) / 4 - c * dx * dy / 2) / (determinant + kEpsilon);
  const auto own = [](const DecodeCandidate& x) {
    const float d = x.box[2] * x.box[3] - x.area * x.area;
    return d > 0.0f ? d : 0.0f;
  };
  const float likeness =
      std::log(determinant / (4 * std::sqrt(own(p) * own(q)) + kEpsilon) + kEpsilon) / 2;
  float distance = nearness + likeness;
  distance = distance > kEpsilon ? (distance < 100.0f ? distance : 100.0f) : kEpsilon;
  return 1.0f - std::sqrt(1.0f - std::exp(-distance) + kEpsilon);
}

}  // namespace stint::cpu
