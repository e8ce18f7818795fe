// Declarations of the kernels that kernel_table.cc lists. kernel.h states the contract of each
// pair.
#pragma once

#include "kernels/cpu/kernel.h"

namespace stint::cpu {

Status check_preprocess(const StepArgs& args);
void run_preprocess(const StepArgs& args);
Status check_decode(const StepArgs& args);
void run_decode(const StepArgs& args);
Status check_top_classes(const StepArgs& args);
void run_top_classes(const StepArgs& args);
Status check_argmax_mask(const StepArgs& args);
void run_argmax_mask(const StepArgs& args);

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
