// Runs a plan on the CPU or a CUDA device: a copy of the file, an engine, and one session with its
// own memory per batch size of the plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gst_plugin/engine/batcher.h"
#include "gst_plugin/engine/executor.h"
#include "stint/device.hpp"
#include "stint/engine.hpp"

namespace stint::gst {

class PlanExecutor : public Executor {
 public:
  /// Reads and verifies the plan, makes the sessions and runs each twice. `threads` per run;
  /// 0: one per usable core. `device` is resolved (device_name.h). The plan must take frames and
  /// give detections.
  static Problem open(const std::string& path, const DeviceName& device, uint32_t threads,
                      std::unique_ptr<PlanExecutor>* executor);

  const std::vector<uint32_t>& batch_sizes() const override { return sizes_; }
  Problem run(uint32_t batch, Job* const* jobs, uint32_t count) override;

  const std::string& name() const { return name_; }
  const std::string& target() const { return target_; }
  std::string device() const { return device_.text(); }  // "cpu" or "cuda:N"
  const std::vector<std::string>& labels() const { return labels_; }
  uint32_t input_width() const { return input_width_; }
  uint32_t input_height() const { return input_height_; }
  /// Rows of the plan's detections: more of a frame are never found.
  uint32_t most_detections() const { return most_detections_; }
  const void* plan_data() const { return file_.data(); }
  uint64_t plan_bytes() const { return file_.size(); }
  /// Of the engine and its sessions.
  uint64_t session_bytes() const;
  /// One run of each batch size, full.
  const std::vector<Nanoseconds>& warm_up_times() const { return warm_up_times_; }

 private:
  PlanExecutor() = default;
  Problem choose_target(const std::string& path, const DeviceName& device);
  Problem check_bindings(const std::string& path);
  Problem create_sessions(uint32_t threads);
  Problem warm_up();

  stint::PlanFile file_;
  std::string name_, target_;
  DeviceName device_;
  std::vector<std::string> labels_;
  std::vector<uint32_t> sizes_;
  OwnedEngine engine_;                  // what the sessions share; outlives them
  std::vector<OwnedSession> sessions_;  // one per size
  uint32_t input_width_ = 0, input_height_ = 0, most_detections_ = 0;
  std::vector<Nanoseconds> warm_up_times_;
};

}  // namespace stint::gst
