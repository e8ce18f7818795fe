// Declarations of the kernels that kernel_table.cc lists. kernel.h states the contract of each
// pair.
#pragma once

#include "kernels/cpu/kernel.h"

namespace stint::cpu {

Status check_copy(const StepArgs& args);
void run_copy(const StepArgs& args);

}  // namespace stint::cpu
