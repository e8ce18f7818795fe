// What an engine on a CUDA device adds to stint_engine: its context, the weights, and the kernels
// of every program of its target. Sessions of any thread read it; after its creation nothing of it
// changes.
#pragma once

#include "core/cuda/device.h"
#include "core/exec/engine.h"
#include "core/plan/limits.h"
#include "core/plan/weight_ranges.h"

namespace stint::cuda {

/// A cubin of the plan, loaded; null handles: no program of the target needs it.
struct LoadedModule {
  Library library = nullptr;  // since CUDA 12.0
  Module module = nullptr;    // before
};

struct CudaEngine {
  const Driver* driver = nullptr;
  DeviceContext context;
  DeviceLimits limits;
  WeightRanges weights;
  DeviceAddress weight_addresses[kMaxWeightSegments] = {};  // of each range's begin
  LoadedModule* modules = nullptr;                          // per segment of the plan
  uint32_t module_count = 0;
  Function* functions = nullptr;  // per step, one program after the other; null: it writes nothing
};

inline constexpr uint64_t kDeviceAlignment = 256;  // also of every plane of an uploaded frame

/// Of the steps of a program of the engine's target.
const Function* functions_of(const stint_engine& engine, const fb::Program& program);

/// Where a tensor of a weights segment lies on the device.
DeviceAddress weight_address(const CudaEngine& engine, const fb::Tensor& tensor);

}  // namespace stint::cuda
