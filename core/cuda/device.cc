#include "core/cuda/device.h"

#include "core/api/sized_struct.h"

namespace stint::cuda {
namespace {

Status beyond(const char* message, uint32_t step, int64_t device_has, int64_t plan_needs) {
  return {Code::kIncompatibleTarget, at_step(step), message, device_has, plan_needs};
}

}  // namespace

Status find_device(const Driver& driver, uint32_t ordinal, Device* device) {
  int count = 0;
  STINT_RETURN_IF_ERROR(check(driver.device_count(&count), "the CUDA devices cannot be counted"));
  if (ordinal >= static_cast<uint32_t>(count)) {
    return {Code::kCudaUnavailable, kNoDetail,
            count == 0 ? "there is no CUDA device on this machine; use the cpu target"
                       : "there is no CUDA device of that number",
            ordinal, count};
  }
  return check(driver.device_get(device, static_cast<int>(ordinal)),
               "the CUDA device cannot be opened");
}

Status acquire_context(const Driver& driver, uint32_t ordinal, DeviceContext* context) {
  Device device = 0;
  STINT_RETURN_IF_ERROR(find_device(driver, ordinal, &device));
  Context current = nullptr;
  Device current_device = 0;
  STINT_RETURN_IF_ERROR(
      check(driver.context_current(&current), "the current CUDA context cannot be asked for"));
  if (current != nullptr) {
    STINT_RETURN_IF_ERROR(check(driver.context_device(&current_device),
                                "the current CUDA context cannot be asked for"));
  }
  DeviceContext result = {&driver, current, device, false};
  if (current == nullptr || current_device != device) {
    STINT_RETURN_IF_ERROR(check(driver.primary_retain(&result.context, device),
                                "the device's CUDA context cannot be made"));
    result.retained = true;
  }
  *context = result;
  return ok_status();
}

void release_context(DeviceContext* context) {
  if (context->retained) (void)context->driver->primary_release(context->device);
  *context = {};
}

Status query_limits(const Driver& driver, Device device, DeviceLimits* limits) {
  int major = 0, minor = 0;
  Result result = driver.driver_version(&limits->driver_version);
  const auto query = [&](int attribute, int* value) {
    if (result == kSuccess) result = driver.device_attribute(value, attribute, device);
  };
  for (int axis = 0; axis < 3; ++axis) {
    query(kMaxGridX + axis, &limits->grid[axis]);
    query(kMaxBlockX + axis, &limits->block[axis]);
  }
  query(kMaxThreadsPerBlock, &limits->threads);
  query(kMaxSharedPerBlockOptIn, &limits->shared);
  if (limits->shared == 0) query(kMaxSharedPerBlock, &limits->shared);
  query(kCapabilityMajor, &major);
  query(kCapabilityMinor, &minor);
  limits->sm = major * 10 + minor;
  return check(result, "the CUDA device does not tell its limits");
}

Status check_target(const fb::TargetVariant& variant, const DeviceLimits& limits) {
  if (limits.sm != static_cast<int64_t>(variant.sm())) {
    return {Code::kIncompatibleTarget, kNoDetail,
            "the plan holds machine code for another GPU; build it for this one: stint build "
            "--target sm_<found>",
            limits.sm, variant.sm()};
  }
  if (limits.driver_version < static_cast<int64_t>(variant.min_driver())) {
    return {Code::kDriverTooOld, kNoDetail,
            "the NVIDIA driver is older than the plan needs; update it, or build the plan for the "
            "driver's CUDA version (stint targets)",
            limits.driver_version, variant.min_driver()};
  }
  return ok_status();
}

Status check_launch(const fb::Launch& launch, const DeviceLimits& limits, uint32_t step) {
  const int64_t grid[3] = {launch.grid_x(), launch.grid_y(), launch.grid_z()};
  const int64_t block[3] = {launch.block_x(), launch.block_y(), launch.block_z()};
  for (int axis = 0; axis < 3; ++axis) {
    if (grid[axis] > limits.grid[axis])
      return beyond("the step's grid is larger than this device allows", step, limits.grid[axis],
                    grid[axis]);
    if (block[axis] > limits.block[axis])
      return beyond("the step's block is larger than this device allows", step, limits.block[axis],
                    block[axis]);
  }
  const int64_t threads = block[0] * block[1] * block[2];  // at most 1024: verify_launch saw to it
  if (threads > limits.threads)
    return beyond("the step's block has more threads than this device allows", step, limits.threads,
                  threads);
  if (launch.dynamic_smem() > static_cast<int64_t>(limits.shared)) {
    return beyond("the step needs more shared memory than this device has", step, limits.shared,
                  launch.dynamic_smem());
  }
  return ok_status();
}

}  // namespace stint::cuda

extern "C" stint_status stint_cuda_device(uint32_t ordinal, stint_cuda_device_info* info) {
  using namespace stint;
  using namespace stint::cuda;
  const auto query = [&]() -> Status {
    if (info == nullptr) return {Code::kInvalidArgument, kNoDetail, "info is NULL"};
    STINT_RETURN_IF_ERROR(check_struct(*info));
    stint_cuda_device_info full = STINT_CUDA_DEVICE_INFO_INIT;
    write_struct(full, info);
    const Driver* driver = nullptr;
    Device device = 0;
    DeviceLimits limits;
    size_t memory = 0;
    int multiprocessors = 0;
    STINT_RETURN_IF_ERROR(get_driver(&driver));
    STINT_RETURN_IF_ERROR(find_device(*driver, ordinal, &device));
    STINT_RETURN_IF_ERROR(query_limits(*driver, device, &limits));
    Result result = driver->device_name(full.name, sizeof full.name, device);
    if (result == kSuccess) result = driver->device_memory(&memory, device);
    if (result == kSuccess)
      result = driver->device_attribute(&multiprocessors, kMultiprocessors, device);
    full.sm = static_cast<uint32_t>(limits.sm);
    full.driver_version = static_cast<uint32_t>(limits.driver_version);
    full.multiprocessors = static_cast<uint32_t>(multiprocessors);
    full.memory_bytes = memory;
    STINT_RETURN_IF_ERROR(check(result, "the CUDA device cannot be described"));
    write_struct(full, info);
    return ok_status();
  };
  return to_c(query());
}
