#include "core/cuda/kernel_check.h"

#include "core/plan/step_operands.h"

namespace stint::cuda {
namespace {

Status check_param_size(const Driver& driver, Function function, uint32_t bytes, uint32_t index) {
  if (driver.function_param_info == nullptr) return ok_status();
  size_t offset = 0, size = 0;
  const bool first = driver.function_param_info(function, 0, &offset, &size) == kSuccess;
  if (first && offset == 0 && size == bytes) {
    size_t ignored = 0;
    if (driver.function_param_info(function, 1, &ignored, &ignored) != kSuccess) return ok_status();
  }
  return {Code::kCorruptPlan, at_step(index),
          "launch: the kernel's parameter is not the step's parameter block",
          first ? static_cast<int64_t>(size) : 0, bytes};
}

}  // namespace

Status check_kernel(const Driver& driver, const DeviceLimits& limits, Function function,
                    const fb::Step& step, uint32_t index) {
  const fb::Launch& launch = *step.launch();
  int threads = 0, fixed = 0, allowed = 0;
  Result result = driver.function_attribute(&threads, kFunctionMaxThreads, function);
  if (result == kSuccess)
    result = driver.function_attribute(&fixed, kFunctionStaticShared, function);
  if (result == kSuccess)
    result = driver.function_attribute(&allowed, kFunctionMaxDynamicShared, function);
  STINT_RETURN_IF_ERROR(check(result, "the step's kernel cannot be examined", at_step(index)));
  const int64_t block = int64_t{launch.block_x()} * launch.block_y() * launch.block_z();
  if (block > threads) {
    return {Code::kIncompatibleTarget, at_step(index),
            "the step's kernel takes too many registers for its block on this device", threads,
            block};
  }
  const int64_t shared = int64_t{launch.dynamic_smem()} + fixed;
  if (shared > limits.shared) {
    return {Code::kIncompatibleTarget, at_step(index),
            "the step needs more shared memory than this device has", limits.shared, shared};
  }
  if (launch.dynamic_smem() > static_cast<int64_t>(allowed)) {
    STINT_RETURN_IF_ERROR(
        check(driver.function_set_attribute(function, kFunctionMaxDynamicShared,
                                            static_cast<int>(launch.dynamic_smem())),
              "the step's shared memory cannot be reserved", at_step(index)));
  }
  return check_param_size(driver, function, params_bytes(step), index);
}

}  // namespace stint::cuda
