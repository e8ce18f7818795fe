// A CUDA variant of a CPU plan whose "kernels" are the CPU's own, run by the fake driver on its
// device memory: both variants must give the same results.
#pragma once

#include "tests/support/fake_cuda.h"
#include "tests/support/plan_spec.h"

namespace stint::test {

inline constexpr const char* kTwinTarget = "sm_87";

/// `cpu` with a second variant "sm_87" for CUDA 12.6 drivers: the same programs with their arenas
/// on the device and a launch per step; every edge that joins neighbours programmatic. Registers a
/// kernel "b<batch>_<step>" per step.
PlanSpec with_cuda_twin(const PlanSpec& cpu, FakeCuda* driver);

/// The twin alone, for a GPU of an SM that no machine has.
PlanSpec for_no_machine(const PlanSpec& cpu);

}  // namespace stint::test
