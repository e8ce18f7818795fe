// The best-scored rows of a detector's output, at most a fixed number of them, in a caller's array.
#pragma once

#include <cstdint>

#include "plan_schema/params/decode.h"

namespace stint::cpu {

/// Total order of candidates: the higher score, then the lower row, then the lower class.
inline bool ranks_before(const DecodeCandidate& a, const DecodeCandidate& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.row != b.row) return a.row < b.row;
  return a.class_id < b.class_id;
}

/// A heap with the worst candidate on top, so that what it keeps does not depend on the order of
/// arrival.
class CandidateHeap {
 public:
  CandidateHeap(DecodeCandidate* items, int32_t capacity) : items_(items), capacity_(capacity) {}

  void offer(float score, int32_t class_id, int32_t row) {
    DecodeCandidate c{};
    c.score = score;
    c.class_id = class_id;
    c.row = row;
    if (count_ < capacity_) {
      int32_t at = count_++;
      for (; at > 0 && ranks_before(items_[(at - 1) / 2], c); at = (at - 1) / 2)
        items_[at] = items_[(at - 1) / 2];
      items_[at] = c;
    } else if (ranks_before(c, items_[0])) {
      sink(c, count_);
    }
  }

  /// Orders the candidates best first, which ends the heap. Returns how many there are.
  int32_t sort() {
    for (int32_t n = count_ - 1; n > 0; --n) {
      const DecodeCandidate last = items_[n];
      items_[n] = items_[0];
      sink(last, n);
    }
    return count_;
  }

 private:
  /// Puts `c` in place of the top of the first `n` items.
  void sink(const DecodeCandidate& c, int32_t n) {
    int32_t at = 0;
    for (int32_t child = 1; child < n; child = 2 * at + 1) {
      if (child + 1 < n && ranks_before(items_[child], items_[child + 1])) ++child;
      if (!ranks_before(c, items_[child])) break;
      items_[at] = items_[child];
      at = child;
    }
    items_[at] = c;
  }

  DecodeCandidate* items_;
  int32_t capacity_;
  int32_t count_ = 0;
};

/// Offers every row of one tensor that reaches `threshold`.
struct ScoreScan {
  const float* data = nullptr;  // of one batch slot
  int64_t row_stride = 0;       // elements; of a channel when `transposed`
  int64_t rows = 0;
  int32_t first_row = 0;    // number of row 0 among all levels
  int32_t objectness = -1;  // channel, or -1
  int32_t first_score = 0;  // channel of class 0
  int32_t classes = 0;
  int32_t first_class = 0;
  int32_t end_class = 0;  // those from here on are never offered
  ScoreFunction function = ScoreFunction::kNone;
  bool multi_label = false;
  bool transposed = false;  // data is [channels, rows]; without objectness only
  float threshold = 0.0f;

  void run(CandidateHeap* heap) const;

 private:
  void run_rows(CandidateHeap* heap) const;
  void run_channels(CandidateHeap* heap) const;
};

/// Offers every row of one tensor with one score and one class id a row. Rows whose id is no whole
/// number of first_class..classes - 1 are no objects (exporters pad with -1), nor are those whose
/// score is NaN.
struct LabelScan {
  const float* scores = nullptr;  // of one batch slot
  const float* labels = nullptr;
  int64_t score_stride = 0, label_stride = 0;  // elements between rows
  int64_t rows = 0;
  int32_t classes = 0;
  int32_t first_class = 0;
  ScoreFunction function = ScoreFunction::kNone;
  float threshold = 0.0f;

  void run(CandidateHeap* heap) const;
};

}  // namespace stint::cpu
