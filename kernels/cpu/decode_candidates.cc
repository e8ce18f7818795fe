#include "kernels/cpu/decode_candidates.h"

#include <cmath>

namespace stint::cpu {
namespace {

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

/// A raw score below this cannot reach the threshold: spares the exponential. The margin is far
/// above rounding and costs nothing but a few more exact comparisons.
float raw_floor(ScoreFunction function, float threshold) {
  if (function == ScoreFunction::kNone) return threshold;
  if (function == ScoreFunction::kSoftmax || !(threshold > 0.0f) || !(threshold < 1.0f))
    return -INFINITY;
  const float logit = std::log(threshold / (1.0f - threshold));
  return logit - 1e-3f * (1.0f + std::fabs(logit));
}

/// Rows that transposed scores are scanned in at once; the running best of each fits the
/// first-level cache.
constexpr int64_t kScanBlock = 256;

}  // namespace

void ScoreScan::run(CandidateHeap* heap) const {
  if (transposed) {
    run_channels(heap);
  } else {
    run_rows(heap);
  }
}

void ScoreScan::run_rows(CandidateHeap* heap) const {
  const bool sigmoids = function == ScoreFunction::kSigmoid;
  const float floor = raw_floor(function, threshold);
  for (int64_t row = 0; row < rows; ++row) {
    const float* channels = data + row * row_stride;
    const float* scores = channels + first_score;
    float object = 1.0f;
    if (objectness >= 0) {
      // Class probabilities are at most 1, so a row's score is at most its objectness.
      const float raw = channels[objectness];
      if (!(raw >= floor)) continue;
      object = sigmoids ? sigmoid(raw) : raw;
      if (!(object >= threshold)) continue;
    }
    float largest = 0.0f, sum = 1.0f;
    if (function == ScoreFunction::kSoftmax) {
      largest = scores[0];
      for (int32_t c = 1; c < classes; ++c) largest = scores[c] > largest ? scores[c] : largest;
      sum = 0.0f;
      for (int32_t c = 0; c < classes; ++c) sum += std::exp(scores[c] - largest);
    }
    const auto probability = [&](float raw) {
      if (function == ScoreFunction::kNone) return raw;
      return sigmoids ? sigmoid(raw) : std::exp(raw - largest) / sum;
    };
    const auto index = static_cast<int32_t>(first_row + row);
    if (multi_label) {
      for (int32_t c = first_class; c < end_class; ++c) {
        if (!(scores[c] >= floor)) continue;
        const float score = object * probability(scores[c]);
        if (score >= threshold) heap->offer(score, c, index);
      }
      continue;
    }
    float best = -INFINITY;
    int32_t best_class = -1;
    for (int32_t c = first_class; c < end_class; ++c) {
      if (scores[c] > best) {
        best = scores[c];
        best_class = c;
      }
    }
    if (best_class < 0 || !(best >= floor)) continue;
    const float score = object * probability(best);
    if (score >= threshold) heap->offer(score, best_class, index);
  }
}

void ScoreScan::run_channels(CandidateHeap* heap) const {
  const float floor = raw_floor(function, threshold);
  for (int64_t begin = 0; begin < rows; begin += kScanBlock) {
    const int64_t n = rows - begin < kScanBlock ? rows - begin : kScanBlock;
    const auto scores = [&](int32_t c) { return data + (first_score + c) * row_stride + begin; };
    float largest[kScanBlock], sum[kScanBlock];
    if (function == ScoreFunction::kSoftmax) {
      for (int64_t i = 0; i < n; ++i) largest[i] = scores(0)[i];
      for (int32_t c = 1; c < classes; ++c) {
        const float* s = scores(c);
        for (int64_t i = 0; i < n; ++i) largest[i] = s[i] > largest[i] ? s[i] : largest[i];
      }
      for (int64_t i = 0; i < n; ++i) sum[i] = 0.0f;
      for (int32_t c = 0; c < classes; ++c) {
        const float* s = scores(c);
        for (int64_t i = 0; i < n; ++i) sum[i] += std::exp(s[i] - largest[i]);
      }
    }
    const auto offer = [&](int64_t i, float raw, int32_t c) {
      if (!(raw >= floor)) return;
      float score = raw;
      if (function == ScoreFunction::kSigmoid) score = sigmoid(raw);
      if (function == ScoreFunction::kSoftmax) score = std::exp(raw - largest[i]) / sum[i];
      if (score >= threshold) heap->offer(score, c, static_cast<int32_t>(first_row + begin + i));
    };
    if (multi_label) {
      for (int32_t c = first_class; c < end_class; ++c) {
        const float* s = scores(c);
        for (int64_t i = 0; i < n; ++i) offer(i, s[i], c);
      }
      continue;
    }
    float best[kScanBlock];
    int32_t best_class[kScanBlock];
    for (int64_t i = 0; i < n; ++i) {
      best[i] = -INFINITY;
      best_class[i] = -1;
    }
    for (int32_t c = first_class; c < end_class; ++c) {
      const float* s = scores(c);
      for (int64_t i = 0; i < n; ++i) {
        const bool better = s[i] > best[i];
        best[i] = better ? s[i] : best[i];
        best_class[i] = better ? c : best_class[i];
      }
    }
    for (int64_t i = 0; i < n; ++i) {
      if (best_class[i] >= 0) offer(i, best[i], best_class[i]);
    }
  }
}

void LabelScan::run(CandidateHeap* heap) const {
  const bool sigmoids = function == ScoreFunction::kSigmoid;
  const float floor = raw_floor(function, threshold);
  for (int64_t row = 0; row < rows; ++row) {
    const float raw = scores[row * score_stride];
    if (!(raw >= floor)) continue;
    const float label = labels[row * label_stride];
    if (!(label >= static_cast<float>(first_class)) || !(label < static_cast<float>(classes)))
      continue;
    const auto class_id = static_cast<int32_t>(label);
    if (static_cast<float>(class_id) != label) continue;
    const float score = sigmoids ? sigmoid(raw) : raw;
    if (score >= threshold) heap->offer(score, class_id, static_cast<int32_t>(row));
  }
}

}  // namespace stint::cpu
