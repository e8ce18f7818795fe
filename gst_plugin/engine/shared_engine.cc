#include "gst_plugin/engine/shared_engine.h"

#include "gst_plugin/engine/device_name.h"
#include "gst_plugin/engine/plan_advice.h"

namespace stint::gst {

EngineRegistry& EngineRegistry::instance() {
  static auto* registry = new EngineRegistry();
  return *registry;
}

std::shared_ptr<EngineRegistry::Slot> EngineRegistry::slot_of(const Key& key) {
  std::lock_guard lock(mutex_);
  std::erase_if(slots_, [&](const auto& entry) {
    Slot& other = *entry.second;
    // Slots are handed out under mutex_ only: one that the map alone holds has no user, now or
    // soon.
    if (entry.first == key || entry.second.use_count() > 1 || !other.loading.try_lock())
      return false;
    const bool unused = other.engine.expired();
    other.loading.unlock();
    return unused;
  });
  auto& slot = slots_[key];
  if (!slot) slot = std::make_shared<Slot>();
  return slot;
}

Problem EngineRegistry::open(const EngineRequest& request, std::shared_ptr<SharedEngine>* engine) {
  DeviceName device;
  if (Problem problem = resolve_device(request.device, &device)) return problem;
  // A file that is written in place may change between the two readings: what was loaded must be
  // what its identity says, or others would join an engine that runs something else.
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    FileIdentity identity;
    if (Problem problem = identify_file(request.path, &identity)) return problem;

    const std::shared_ptr<Slot> slot =
        slot_of({identity, device.text(), request.engine_id, request.threads});
    std::lock_guard loading(slot->loading);
    if (auto running = slot->engine.lock()) {
      *engine = std::move(running);
      return {};
    }
    const TimePoint start = Clock::now();
    std::unique_ptr<PlanExecutor> executor;
    if (Problem problem = PlanExecutor::open(request.path, device, request.threads, &executor)) {
      return problem;
    }
    const Nanoseconds load_time = Clock::now() - start;
    if (content_checksum(executor->plan_data(), executor->plan_bytes()) != identity.checksum) {
      continue;
    }
    auto made =
        std::make_shared<SharedEngine>(std::move(executor), request.path, identity, load_time);
    slot->engine = made;
    *engine = std::move(made);
    return {};
  }
  return {Problem::Kind::kUnreadable, "the plan file " + request.path + " changes while it is read",
          "a file that is being written", "a plan that is complete before it gets its name",
          "cp NEW.plan " + shell_word(request.path + ".part") + " && mv " +
              shell_word(request.path + ".part") + " " + shell_word(request.path)};
}

}  // namespace stint::gst
