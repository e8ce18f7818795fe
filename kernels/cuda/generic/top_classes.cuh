// Classification scores -> the best classes as detections of the part of the frame that was looked
// at. A block a batch slot. Before this header, besides detections.cuh's: kClasses, kFirstClass,
// kScoreSlot (stride), kFunction (ScoreFunction), kFit, kInputWidth, kInputHeight,
// score_threshold().
#pragma once

struct ClassPick {
  float score;
  int32_t class_id;  // -1: none
};
struct BetterClass {
  __device__ __forceinline__ ClassPick operator()(const ClassPick& a, const ClassPick& b) const {
    if (a.class_id < 0) return b;
    if (b.class_id < 0) return a;
    const bool first = a.score != b.score ? a.score > b.score : a.class_id < b.class_id;
    return first ? a : b;
  }
};

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const int64_t slot = blockIdx.x;
  const ImageView* image = frame_of(args, slot);
  if (without_frame(image)) {
    finish_detections(args, slot, 0);
    return;
  }
  const In0* scores = in0(args) + slot * kScoreSlot;
  float largest = 0.0f;
  double sum = 0.0;
  if (kFunction == 2) {
    largest = lowest<float>();
    for (int32_t c = team.part; c < kClasses; c += kParts) {
      const float v = load<float>(scores[c]);
      largest = v > largest ? v : largest;
    }
    largest = team.combined(largest, [](float a, float b) { return b > a ? b : a; });
    for (int32_t c = team.part; c < kClasses; c += kParts)
      sum += exp(static_cast<double>(load<float>(scores[c]) - largest));
    sum = team.combined(sum, [](double a, double b) { return a + b; });
  }
  float threshold = score_threshold();
  int64_t wanted = kMaxDetections;
  const DetectionLimits* limits = limits_of(args);
  if (limits->score_threshold >= 0.0f) threshold = limits->score_threshold;
  if (limits->max_detections > 0 && limits->max_detections < wanted)
    wanted = limits->max_detections;
  const FitGeometry g = fit_geometry<kFit>(kInputWidth, kInputHeight, image);
  Detection d = {static_cast<float>(g.source_x),
                 static_cast<float>(g.source_y),
                 static_cast<float>(g.source_x + g.source_width),
                 static_cast<float>(g.source_y + g.source_height),
                 0.0f,
                 0};
  // The next one is the best among those that come after the last one in the order.
  ClassPick last = {0.0f, -1};
  int64_t count = 0;
  for (; count < wanted; ++count) {
    ClassPick best = {0.0f, -1};
    for (int32_t c = kFirstClass + team.part; c < kClasses; c += kParts) {
      const float v = load<float>(scores[c]);
      const bool available =
          v == v && (count == 0 || v < last.score || (v == last.score && c > last.class_id));
      if (available) best = BetterClass()(best, {v, c});
    }
    best = team.combined(best, BetterClass());
    if (best.class_id < 0) break;
    last = best;
    d.score = best.score;
    if (kFunction == 1) d.score = 1.0f / (1.0f + expf(-best.score));
    if (kFunction == 2)
      d.score = static_cast<float>(exp(static_cast<double>(best.score - largest)) / sum);
    if (!(d.score >= threshold)) break;
    d.class_id = best.class_id;
    if (threadIdx.x == 0) write_detection(args, slot, count, d);
  }
  finish_detections(args, slot, count);
}
