// Mean average precision of boxes, as COCO's evaluation computes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace stint::builder {

/// In pixels of the picture.
struct ScoredBox {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  int32_t class_id = 0;
  float score = 1.0f;
  bool is_crowd = false;  // of truth: a region that holds several; finding it counts neither way
};

/// Intersection over union; of a crowd, over the found box's own area.
double overlap(const ScoredBox& found, const ScoredBox& truth);

class AveragePrecision {
 public:
  /// One picture. Of the boxes that were found the best 100 count.
  void add(const std::vector<ScoredBox>& truth, std::vector<ScoredBox> found);

  /// Mean over the classes that truth has, 0..1: boxes match from this overlap on; 101 points of
  /// recall. NaN where truth has no boxes.
  double at(double overlap) const;
  /// Mean over 0.50, 0.55 ... 0.95.
  double mean() const;
  /// Boxes of truth, crowds aside.
  size_t truth_count() const;

 private:
  static constexpr size_t kThresholds = 10;
  struct Found {
    float score = 0;
    uint16_t matched = 0, ignored = 0;  // a bit for each threshold
  };
  struct Class {
    std::vector<Found> found;
    size_t truth = 0;
  };
  static double precision(const Class& of, size_t threshold);

  std::map<int32_t, Class> classes_;
};

}  // namespace stint::builder
