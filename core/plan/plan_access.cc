#include "core/plan/plan_access.h"

#include <cstring>

namespace stint {

const fb::TargetVariant* find_variant(const stint_plan& plan, const char* target) {
  for (const fb::TargetVariant* variant : *plan_root(plan)->variants()) {
    if (target == nullptr ? variant->kind() == fb::TargetKind::Cpu
                          : std::strcmp(variant->name()->c_str(), target) == 0) {
      return variant;
    }
  }
  return nullptr;
}

Status select_program(const stint_plan* plan, const char* target, uint32_t batch,
                      Selection* selection) {
  if (plan == nullptr || plan->root == nullptr) {
    return {Code::kInvalidArgument, kNone, "the plan has not been opened"};
  }
  selection->variant = find_variant(*plan, target);
  if (selection->variant == nullptr) {
    return {Code::kNoSuchTarget, kNone,
            target == nullptr ? "the plan has no variant for the CPU; build it with --target cpu"
                              : "the plan has no variant of that name; build it with --target"};
  }
  uint32_t largest = 0;
  for (const fb::Program* program : *selection->variant->programs()) {
    if (program->batch() == batch) {
      selection->program = program;
      return ok_status();
    }
    largest = program->batch();
  }
  return {Code::kNoSuchBatch, kNone,
          "the plan has no program for that batch; build it with --batch", batch, largest};
}

uint32_t find_binding(const fb::Program& program, bool is_input, uint32_t index) {
  const auto& bindings = *program.bindings();
  for (uint32_t i = 0; i < bindings.size(); ++i) {
    if (bindings.Get(i)->is_input() == is_input && index-- == 0) return i;
  }
  return kNone;
}

namespace {

uint32_t count_bindings(const stint_plan* plan, const char* target, uint32_t batch, bool is_input) {
  Selection selection;
  if (!select_program(plan, target, batch, &selection).ok()) return 0;
  uint32_t count = 0;
  for (const fb::Binding* binding : *selection.program->bindings())
    count += binding->is_input() == is_input;
  return count;
}

Status binding_info(const stint_plan* plan, const char* target, uint32_t batch, bool is_input,
                    uint32_t index, stint_binding_info* info) {
  if (info == nullptr) return {Code::kInvalidArgument, kNone, "info is NULL"};
  Selection selection;
  STINT_RETURN_IF_ERROR(select_program(plan, target, batch, &selection));
  const uint32_t found = find_binding(*selection.program, is_input, index);
  if (found == kNone) {
    return {Code::kInvalidArgument, index, is_input ? "no such input" : "no such output", index,
            count_bindings(plan, target, batch, is_input)};
  }
  const fb::Binding& binding = *selection.program->bindings()->Get(found);
  *info = {};
  info->name = binding.name()->c_str();
  info->kind = static_cast<uint32_t>(binding.kind());
  if (binding.kind() == fb::BindingKind::Image) {
    info->width = binding.image()->width();
    info->height = binding.image()->height();
    return ok_status();
  }
  const fb::Tensor& tensor = *selection.program->tensors()->Get(binding.tensor());
  info->dtype = tensor.dtype();
  info->rank = tensor.shape()->size();
  for (uint32_t i = 0; i < info->rank; ++i) info->shape[i] = tensor.shape()->Get(i);
  info->bytes = binding.io_bytes();
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" {

const char* stint_plan_name(const stint_plan* plan) {
  return plan == nullptr || plan->root == nullptr ? "" : stint::plan_root(*plan)->name()->c_str();
}

uint32_t stint_plan_label_count(const stint_plan* plan) {
  if (plan == nullptr || plan->root == nullptr) return 0;
  const auto* labels = stint::plan_root(*plan)->labels();
  return labels == nullptr ? 0 : labels->size();
}

const char* stint_plan_label(const stint_plan* plan, uint32_t class_id) {
  if (class_id >= stint_plan_label_count(plan)) return "";
  return stint::plan_root(*plan)->labels()->Get(class_id)->c_str();
}

uint32_t stint_plan_target_count(const stint_plan* plan) {
  return plan == nullptr || plan->root == nullptr ? 0 : stint::plan_root(*plan)->variants()->size();
}

const char* stint_plan_target_name(const stint_plan* plan, uint32_t index) {
  if (index >= stint_plan_target_count(plan)) return "";
  return stint::plan_root(*plan)->variants()->Get(index)->name()->c_str();
}

uint32_t stint_plan_target_sm(const stint_plan* plan, uint32_t index) {
  if (index >= stint_plan_target_count(plan)) return 0;
  const stint::fb::TargetVariant& variant = *stint::plan_root(*plan)->variants()->Get(index);
  return variant.kind() == stint::fb::TargetKind::Cuda ? variant.sm() : 0;
}

uint32_t stint_plan_batches(const stint_plan* plan, const char* target, uint32_t* batches,
                            uint32_t capacity) {
  if (plan == nullptr || plan->root == nullptr) return 0;
  const stint::fb::TargetVariant* variant = stint::find_variant(*plan, target);
  if (variant == nullptr) return 0;
  const auto& programs = *variant->programs();
  for (uint32_t i = 0; batches != nullptr && i < programs.size() && i < capacity; ++i) {
    batches[i] = programs.Get(i)->batch();
  }
  return programs.size();
}

uint32_t stint_plan_input_count(const stint_plan* plan, const char* target, uint32_t batch) {
  return stint::count_bindings(plan, target, batch, true);
}

uint32_t stint_plan_output_count(const stint_plan* plan, const char* target, uint32_t batch) {
  return stint::count_bindings(plan, target, batch, false);
}

stint_status stint_plan_input(const stint_plan* plan, const char* target, uint32_t batch,
                              uint32_t index, stint_binding_info* info) {
  return stint::to_c(stint::binding_info(plan, target, batch, true, index, info));
}

stint_status stint_plan_output(const stint_plan* plan, const char* target, uint32_t batch,
                               uint32_t index, stint_binding_info* info) {
  return stint::to_c(stint::binding_info(plan, target, batch, false, index, info));
}

}  // extern "C"
