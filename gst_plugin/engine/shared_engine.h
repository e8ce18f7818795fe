// One loaded plan with its batcher, shared by every stream of the process that names the same plan
// and device.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "gst_plugin/engine/batcher.h"
#include "gst_plugin/engine/file_identity.h"
#include "gst_plugin/engine/plan_executor.h"

namespace stint::gst {

class SharedEngine {
 public:
  SharedEngine(std::unique_ptr<PlanExecutor> executor, std::string path, FileIdentity identity,
               Nanoseconds load_time)
      : path(std::move(path)),
        identity(identity),
        device(executor->device()),
        load_time(load_time),
        executor_(std::move(executor)),
        batcher_(*executor_) {
    for (size_t i = 0; i < executor_->batch_sizes().size(); ++i) {
      batcher_.seed_service_time(executor_->batch_sizes()[i], executor_->warm_up_times()[i]);
    }
  }

  const PlanExecutor& plan() const { return *executor_; }
  Batcher& batcher() { return batcher_; }

  const std::string path;  // under which it was first opened
  const FileIdentity identity;
  const std::string device;
  const Nanoseconds load_time;

 private:
  std::unique_ptr<PlanExecutor> executor_;
  Batcher batcher_;  // after the executor: its thread ends first
};

/// What makes two streams share an engine.
struct EngineRequest {
  std::string path;
  std::string device = "auto";
  std::string engine_id;  // streams with different ids never share
  uint32_t threads = 0;
};

class EngineRegistry {
 public:
  /// The process's registry. Never destroyed: streams may stop after main() has returned.
  static EngineRegistry& instance();

  /// Joins a running engine or loads the plan. Blocks while another thread loads the same one;
  /// loading different plans does not wait for each other. The engine lives as long as somebody
  /// holds it.
  Problem open(const EngineRequest& request, std::shared_ptr<SharedEngine>* engine);

 private:
  using Key = std::tuple<FileIdentity, std::string, std::string, uint32_t>;
  struct Slot {
    std::mutex loading;
    std::weak_ptr<SharedEngine> engine;
  };

  std::shared_ptr<Slot> slot_of(const Key& key);

  std::mutex mutex_;
  std::map<Key, std::shared_ptr<Slot>> slots_;
};

}  // namespace stint::gst
