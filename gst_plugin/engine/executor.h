// What the batcher drives: something that runs a few frames at once. The plan executor is the real
// one; tests use fakes.
#pragma once

#include <cstdint>
#include <vector>

#include "gst_plugin/engine/problem.h"
#include "stint/stint.h"

namespace stint::gst {

/// Limits on the detections of one frame. Negative (0 for max_detections): what the plan says.
struct Limits {
  float score_threshold = -1.0f;
  float iou_threshold = -1.0f;
  uint32_t max_detections = 0;

  /// Whether two frames may run in one batch and still get exactly the results each would get
  /// alone. Detections come best first and a weaker box never suppresses a stronger one, so that
  /// different explicit scores and counts can be cut out of the loosest; a different IoU limit, or
  /// the plan's own unknown values, cannot.
  bool fits_with(const Limits& other) const {
    return iou_threshold == other.iou_threshold &&
           (score_threshold < 0) == (other.score_threshold < 0) &&
           (max_detections == 0) == (other.max_detections == 0);
  }
};

/// One network input: a frame, or a part of it, and what the network found there.
struct Job {
  stint_image image = STINT_IMAGE_INIT;
  Limits limits;
  std::vector<stint_detection> detections;
  Problem problem;  // set when this job alone failed
};

class Executor {
 public:
  virtual ~Executor() = default;

  /// Batch sizes that can run, ascending, at least one. Constant.
  virtual const std::vector<uint32_t>& batch_sizes() const = 0;

  /// Runs `count` jobs (1 <= count <= batch) with the program for `batch`. Fills each job's
  /// detections or problem. The result is a problem that concerns all of them. Called by one thread
  /// at a time.
  virtual Problem run(uint32_t batch, Job* const* jobs, uint32_t count) = 0;
};

}  // namespace stint::gst
