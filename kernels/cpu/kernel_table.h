// Declarations of the kernels that kernel_table.cc lists. kernel.h states the contract of each
// pair.
#pragma once

#include "kernels/cpu/kernel.h"

namespace stint::cpu {

Status check_copy(const StepArgs& args);
void run_copy(const StepArgs& args);

Status check_elementwise(const StepArgs& args);
void run_elementwise(const StepArgs& args);

Status check_reduce(const StepArgs& args);
void run_reduce(const StepArgs& args);

Status check_gather(const StepArgs& args);
void run_gather(const StepArgs& args);

Status check_cast(const StepArgs& args);
void run_cast(const StepArgs& args);

}  // namespace stint::cpu
