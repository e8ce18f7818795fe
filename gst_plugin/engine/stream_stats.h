// What happened to the frames of one stream. Written by the stream's thread, read by any.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "gst_plugin/engine/batcher.h"
#include "gst_plugin/engine/latency_histogram.h"
#include "gst_plugin/engine/pacer.h"

namespace stint::gst {

struct StreamCounters {
  uint64_t frames_in = 0;
  uint64_t inferred = 0;
  std::array<uint64_t, kSkipReasonCount> skipped{};  // by SkipReason; forwarded without inference
  uint64_t dropped = 0;                              // late frames that were not forwarded
  uint64_t late_inferred = 0;                        // late frames that were inferred all the same
  uint64_t failed = 0;
  uint64_t upstream_gaps = 0;  // DISCONT after the first frame: something upstream lost data
  uint64_t detections = 0;
  LatencyHistogram wait, run, total, age;

  void add(const InferResult& result, size_t found) {
    ++inferred;
    detections += found;
    wait.add(static_cast<uint64_t>(result.wait.count()));
    run.add(static_cast<uint64_t>(result.run.count()));
    total.add(static_cast<uint64_t>(result.total.count()));
    age.add(static_cast<uint64_t>(result.age.count()));
  }
};

/// Counters since the stream started, and since the last report.
class StreamStats {
 public:
  template <typename Change>
  void update(Change&& change) {
    std::lock_guard lock(mutex_);
    change(total_);
    change(window_);
  }
  StreamCounters total() const {
    std::lock_guard lock(mutex_);
    return total_;
  }
  StreamCounters take_window() {
    std::lock_guard lock(mutex_);
    StreamCounters window = window_;
    window_ = {};
    return window;
  }
  void restart() {
    std::lock_guard lock(mutex_);
    total_ = window_ = {};
  }

 private:
  mutable std::mutex mutex_;
  StreamCounters total_, window_;
};

}  // namespace stint::gst
