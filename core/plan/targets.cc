// The variants of a plan, and which of them a device runs.
#include "core/api/sized_struct.h"
#include "core/plan/plan_access.h"

namespace stint {
namespace {

Status count_targets(const stint_plan* plan, uint32_t* count) {
  if (count == nullptr) return {Code::kInvalidArgument, kNoDetail, "count is NULL"};
  *count = 0;
  STINT_RETURN_IF_ERROR(check_plan(plan));
  *count = plan_root(*plan)->variants()->size();
  return ok_status();
}

Status check_arguments(const stint_plan* plan, const stint_target_info* info) {
  if (info == nullptr) return {Code::kInvalidArgument, kNoDetail, "info is NULL"};
  STINT_RETURN_IF_ERROR(check_struct(*info));
  return check_plan(plan);
}

void describe(const stint_plan& plan, uint32_t index, uint32_t device, stint_target_info* info) {
  const fb::TargetVariant& variant = *plan_root(plan)->variants()->Get(index);
  stint_target_info full = STINT_TARGET_INFO_INIT;
  full.index = index;
  full.name = variant.name()->c_str();
  full.kind = variant.kind() == fb::TargetKind::Cuda ? STINT_DEVICE_CUDA : STINT_DEVICE_CPU;
  full.sm = variant.sm();  // 0 for the CPU, and only for it: verify_variant
  full.min_driver = variant.min_driver();
  full.device = device;
  write_struct(full, info);
}

Status describe_target(const stint_plan* plan, uint32_t index, stint_target_info* info) {
  STINT_RETURN_IF_ERROR(check_arguments(plan, info));
  const uint32_t count = plan_root(*plan)->variants()->size();
  if (index >= count)
    return {Code::kInvalidArgument, at_target(index), "no such target", index, count};
  describe(*plan, index, 0, info);
  return ok_status();
}

/// Of the first variant with that SM (0: for the CPU); kNone if there is none.
uint32_t find_sm(const stint_plan& plan, uint32_t sm) {
  const auto& variants = *plan_root(plan)->variants();
  for (uint32_t i = 0; i < variants.size(); ++i) {
    if (variants.Get(i)->sm() == sm) return i;
  }
  return kNone;
}

Status choose_cpu(const stint_plan& plan, stint_target_info* info) {
  const uint32_t index = find_sm(plan, 0);
  if (index == kNone) {
    return {Code::kNoSuchTarget, kNoDetail,
            "the plan has no variant for the CPU; build it with --target cpu"};
  }
  describe(plan, index, 0, info);
  return ok_status();
}

Status device_sm(uint32_t ordinal, uint32_t* sm) {
  stint_cuda_device_info device = STINT_CUDA_DEVICE_INFO_INIT;
  const stint_status status = stint_cuda_device(ordinal, &device);
  *sm = device.sm;
  return {static_cast<Code>(status.code), kNoDetail, status.message, status.found, status.needed};
}

Status choose_cuda(const stint_plan& plan, uint32_t ordinal, stint_target_info* info) {
  uint32_t sm = 0;
  STINT_RETURN_IF_ERROR(device_sm(ordinal, &sm));
  const uint32_t index = find_sm(plan, sm);
  if (index == kNone) {
    return {Code::kNoSuchTarget, kNoDetail,
            "the plan has no machine code for this GPU; build it with --target sm_<found>", sm, 0};
  }
  describe(plan, index, ordinal, info);
  return ok_status();
}

/// A plan for GPUs alone says what is wrong with the first GPU there is.
Status choose_any(const stint_plan& plan, stint_target_info* info) {
  uint32_t sm = 0;
  for (uint32_t ordinal = 0; device_sm(ordinal, &sm).ok(); ++ordinal) {
    if (find_sm(plan, sm) != kNone) return choose_cuda(plan, ordinal, info);
  }
  return find_sm(plan, 0) == kNone ? choose_cuda(plan, 0, info) : choose_cpu(plan, info);
}

Status choose_target(const stint_plan* plan, stint_device_kind kind, uint32_t ordinal,
                     stint_target_info* info) {
  STINT_RETURN_IF_ERROR(check_arguments(plan, info));
  switch (kind) {
    case STINT_DEVICE_CPU:
      return choose_cpu(*plan, info);
    case STINT_DEVICE_CUDA:
      return choose_cuda(*plan, ordinal, info);
    case STINT_DEVICE_ANY:
      return choose_any(*plan, info);
  }
  return {Code::kInvalidArgument, kNoDetail, "no such kind of device", kind, STINT_DEVICE_ANY};
}

Status list_batches(const stint_plan* plan, const char* target, uint32_t* batches,
                    uint32_t capacity, uint32_t* count) {
  if (count == nullptr || (batches == nullptr && capacity != 0))
    return {Code::kInvalidArgument, kNoDetail, "batches or count is NULL"};
  *count = 0;
  const fb::TargetVariant* variant = nullptr;
  STINT_RETURN_IF_ERROR(select_variant(plan, target, &variant));
  const auto& programs = *variant->programs();
  for (uint32_t i = 0; i < programs.size() && i < capacity; ++i)
    batches[i] = programs.Get(i)->batch();
  *count = programs.size();
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_plan_target_count(const stint_plan* plan, uint32_t* count) {
  return stint::to_c(stint::count_targets(plan, count));
}

stint_status stint_plan_target(const stint_plan* plan, uint32_t index, stint_target_info* info) {
  return stint::to_c(stint::describe_target(plan, index, info));
}

stint_status stint_plan_choose_target(const stint_plan* plan, stint_device_kind kind,
                                      uint32_t ordinal, stint_target_info* info) {
  return stint::to_c(stint::choose_target(plan, kind, ordinal, info));
}

stint_status stint_plan_batches(const stint_plan* plan, const char* target, uint32_t* batches,
                                uint32_t capacity, uint32_t* count) {
  return stint::to_c(stint::list_batches(plan, target, batches, capacity, count));
}

}  // extern "C"
