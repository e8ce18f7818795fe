// What only a loaded kernel can tell of its step: registers, static shared memory, parameters.
#pragma once

#include "core/cuda/device.h"

namespace stint::cuda {

/// Refuses a kernel that the device cannot launch as the step wants it, and reserves the dynamic
/// shared memory that it needs. Not by two threads at once for one kernel.
Status check_kernel(const Driver& driver, const DeviceLimits& limits, Function function,
                    const fb::Step& step, uint32_t index);

}  // namespace stint::cuda
