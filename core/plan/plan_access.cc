#include "core/plan/plan_access.h"

namespace stint {

Status check_plan(const stint_plan* plan) {
  if (plan != nullptr && plan->root != nullptr) return ok_status();
  return {Code::kInvalidArgument, kNoDetail, "the plan has not been opened"};
}

Status select_variant(const stint_plan* plan, const char* target,
                      const fb::TargetVariant** variant) {
  STINT_RETURN_IF_ERROR(check_plan(plan));
  for (const fb::TargetVariant* each : *plan_root(*plan)->variants()) {
    if (target == nullptr ? each->kind() == fb::TargetKind::Cpu : is_named(*each->name(), target)) {
      *variant = each;
      return ok_status();
    }
  }
  return {Code::kNoSuchTarget, kNoDetail,
          target == nullptr ? "the plan has no variant for the CPU; build it with --target cpu"
                            : "the plan has no variant of that name; build it with --target"};
}

Status read_program(const stint_program* program, Selection* selection) {
  if (program == nullptr || program->plan.root == nullptr || program->variant == nullptr ||
      program->program == nullptr) {
    return {Code::kInvalidArgument, kNoDetail,
            "the program is NULL or was never filled; get it from stint_plan_program"};
  }
  selection->variant = static_cast<const fb::TargetVariant*>(program->variant);
  selection->program = static_cast<const fb::Program*>(program->program);
  return ok_status();
}

uint32_t find_binding(const fb::Program& program, bool is_input, uint32_t index) {
  const auto& bindings = *program.bindings();
  for (uint32_t i = 0; i < bindings.size(); ++i) {
    if (bindings.Get(i)->is_input() == is_input && index-- == 0) return i;
  }
  return kNone;
}

uint32_t count_bindings(const fb::Program& program, bool is_input) {
  uint32_t count = 0;
  for (const fb::Binding* binding : *program.bindings()) count += binding->is_input() == is_input;
  return count;
}

Detail at_io(const fb::Program& program, uint32_t binding) {
  const bool is_input = program.bindings()->Get(binding)->is_input();
  uint32_t index = 0;
  for (uint32_t i = 0; i < binding; ++i)
    index += program.bindings()->Get(i)->is_input() == is_input;
  return at_io(is_input, index);
}

}  // namespace stint

extern "C" {

const char* stint_plan_name(const stint_plan* plan) {
  return stint::check_plan(plan).ok() ? stint::plan_root(*plan)->name()->c_str() : "";
}

uint32_t stint_plan_label_count(const stint_plan* plan) {
  if (!stint::check_plan(plan).ok()) return 0;
  const auto* labels = stint::plan_root(*plan)->labels();
  return labels == nullptr ? 0 : labels->size();
}

const char* stint_plan_label(const stint_plan* plan, uint32_t class_id) {
  if (class_id >= stint_plan_label_count(plan)) return "";
  return stint::plan_root(*plan)->labels()->Get(class_id)->c_str();
}

}  // extern "C"
