// The device a session runs on: what it can do, and the context everything lives in.
#pragma once

#include "core/cuda/driver.h"
#include "core/plan/plan_access.h"

namespace stint::cuda {

/// A context that is there, used by calls of any thread through ContextScope.
struct DeviceContext {
  const Driver* driver = nullptr;
  Context context = nullptr;
  Device device = 0;
  bool retained = false;  // the device's primary context, to be released
};

/// The calling thread's current context if it belongs to the device of that ordinal, else the
/// device's primary context, retained.
Status acquire_context(const Driver& driver, uint32_t ordinal, DeviceContext* context);
void release_context(DeviceContext* context);

/// Makes a context current for a call.
class ContextScope {
 public:
  explicit ContextScope(const DeviceContext& context)
      : driver_(*context.driver), result_(driver_.context_push(context.context)) {}
  ~ContextScope() {
    Context popped = nullptr;
    if (result_ == kSuccess) (void)driver_.context_pop(&popped);
  }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

  Status status() const { return check(result_, "the CUDA context cannot be made current"); }

 private:
  const Driver& driver_;
  const Result result_;
};

/// What launches must keep to.
struct DeviceLimits {
  int grid[3] = {};
  int block[3] = {};
  int threads = 0;
  int shared = 0;  // bytes per block, with opt-in
  int sm = 0;
  int driver_version = 0;
};

Status query_limits(const Driver& driver, Device device, DeviceLimits* limits);

/// Finds the device and refuses one whose SM or driver is not what the variant was built for.
Status find_device(const Driver& driver, uint32_t ordinal, Device* device);
Status check_target(const fb::TargetVariant& variant, const DeviceLimits& limits);

/// Whether `launch` keeps to the device's limits. `step` goes into the status.
Status check_launch(const fb::Launch& launch, const DeviceLimits& limits, uint32_t step);

}  // namespace stint::cuda
