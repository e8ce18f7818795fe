// An executor whose speed, failures and results a test decides.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "gst_plugin/engine/executor.h"
#include "tests/unit/gst_plugin/virtual_time.h"

namespace stint::gst {

/// Answers a job with one detection whose class is the job's image width and whose x1 is the
/// height, so that a test sees which frame a result belongs to.
class FakeExecutor : public Executor {
 public:
  explicit FakeExecutor(std::vector<uint32_t> sizes = {1, 2, 4, 8}) : sizes_(std::move(sizes)) {}

  const std::vector<uint32_t>& batch_sizes() const override { return sizes_; }

  Problem run(uint32_t batch, Job* const* jobs, uint32_t count) override {
    Problem problem;
    {
      std::unique_lock lock(mutex_);
      runs_.push_back({batch, {}});
      for (uint32_t i = 0; i < count; ++i) runs_.back().widths.push_back(jobs[i]->image.width);
      entered_.notify_all();
      gate_.wait(lock, [&] { return open_; });
      problem = fail_;
    }
    if (time) {
      time->sleep(delay);
    } else {
      std::this_thread::sleep_for(delay);
    }
    for (uint32_t i = 0; i < count; ++i) {
      if (jobs[i]->image.width == bad_width) {
        jobs[i]->problem = {Problem::Kind::kFailed, "bad frame", "", "", ""};
        continue;
      }
      const auto& image = jobs[i]->image;
      const auto x1 = static_cast<float>(image.height);
      jobs[i]->detections.assign(1, {x1, 0, x1 + 1, 1, 0.5f, static_cast<int32_t>(image.width)});
    }
    return problem;
  }

  struct Run {
    uint32_t batch;
    std::vector<uint32_t> widths;
  };
  std::vector<Run> runs() const {
    std::lock_guard lock(mutex_);
    return runs_;
  }
  /// While closed, runs start but do not end.
  void set_open(bool open) {
    std::lock_guard lock(mutex_);
    open_ = open;
    gate_.notify_all();
  }
  void fail_with(Problem problem) {
    std::lock_guard lock(mutex_);
    fail_ = std::move(problem);
  }
  /// Blocks until `count` runs have started; false after five seconds.
  bool wait_for_runs(size_t count) {
    std::unique_lock lock(mutex_);
    return entered_.wait_for(lock, std::chrono::seconds(5), [&] { return runs_.size() >= count; });
  }

  // Set before use.
  std::chrono::microseconds delay{0};
  VirtualTime* time = nullptr;  // where `delay` passes; null: the system's
  uint32_t bad_width = 0xFFFFFFFFu;

 private:
  const std::vector<uint32_t> sizes_;
  mutable std::mutex mutex_;
  std::condition_variable gate_, entered_;
  bool open_ = true;
  Problem fail_;
  std::vector<Run> runs_;
};

}  // namespace stint::gst
