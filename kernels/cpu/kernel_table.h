// check and run of every kernel of plan_schema/kernel_id.h. kernel.h states the contract of each
// pair.
#pragma once

#include "kernels/cpu/kernel.h"
#include "plan_schema/kernel_id.h"

namespace stint::cpu {

#define STINT_KERNEL(id, number, name, function) \
  Status check_##function(const StepArgs& args); \
  void run_##function(const StepArgs& args);
STINT_KERNELS(STINT_KERNEL, STINT_KERNEL)
#undef STINT_KERNEL

}  // namespace stint::cpu
