// Program handles, and what a program takes and gives.
#include "core/api/sized_struct.h"
#include "core/plan/plan_access.h"

namespace stint {
namespace {

Status get_program(const stint_plan* plan, const char* target, uint32_t batch,
                   stint_program* program) {
  if (program == nullptr) return {Code::kInvalidArgument, kNoDetail, "program is NULL"};
  *program = {};
  const fb::TargetVariant* variant = nullptr;
  STINT_RETURN_IF_ERROR(select_variant(plan, target, &variant));
  uint32_t largest = 0;
  for (const fb::Program* each : *variant->programs()) {
    if (each->batch() == batch) {
      program->plan = *plan;
      program->variant = variant;
      program->program = each;
      return ok_status();
    }
    largest = each->batch();
  }
  return {Code::kNoSuchBatch, kNoDetail,
          "the plan has no program for that batch; build it with --batch", batch, largest};
}

Status describe_program(const stint_program* program, stint_program_info* info) {
  if (info == nullptr) return {Code::kInvalidArgument, kNoDetail, "info is NULL"};
  STINT_RETURN_IF_ERROR(check_struct(*info));
  Selection selection;
  STINT_RETURN_IF_ERROR(read_program(program, &selection));
  stint_program_info full = STINT_PROGRAM_INFO_INIT;
  full.batch = selection.program->batch();
  full.input_count = count_bindings(*selection.program, true);
  full.output_count = count_bindings(*selection.program, false);
  full.target = selection.variant->name()->c_str();
  write_struct(full, info);
  return ok_status();
}

void describe_tensor(const fb::Binding& binding, const fb::Tensor& tensor,
                     stint_binding_info* info) {
  info->dtype = tensor.dtype();
  info->rank = tensor.shape()->size();
  for (uint32_t i = 0; i < info->rank; ++i) info->shape[i] = tensor.shape()->Get(i);
  info->bytes = binding.io_bytes();
  // One scale per channel is for weights.
  if (tensor.scale() != nullptr && tensor.scale()->size() == 1) {
    info->quantized = 1;
    info->scale = tensor.scale()->Get(0);
    if (tensor.zero_point() != nullptr && tensor.zero_point()->size() == 1)
      info->zero_point = tensor.zero_point()->Get(0);
  }
}

stint_binding_info describe_binding(const fb::Program& program, uint32_t at) {
  const fb::Binding& binding = *program.bindings()->Get(at);
  stint_binding_info info = STINT_BINDING_INFO_INIT;
  info.index = at_io(program, at).index;
  info.name = binding.name()->c_str();
  info.kind = static_cast<uint32_t>(binding.kind());
  info.scale = 1.0f;
  if (binding.kind() == fb::BindingKind::Image) {
    info.width = binding.image()->width();
    info.height = binding.image()->height();
  } else {
    describe_tensor(binding, *program.tensors()->Get(binding.tensor()), &info);
  }
  return info;
}

Status begin(const stint_program* program, const stint_binding_info* info, Selection* selection) {
  if (info == nullptr) return {Code::kInvalidArgument, kNoDetail, "info is NULL"};
  STINT_RETURN_IF_ERROR(check_struct(*info));
  return read_program(program, selection);
}

Status binding_at(const stint_program* program, bool is_input, uint32_t index,
                  stint_binding_info* info) {
  Selection selection;
  STINT_RETURN_IF_ERROR(begin(program, info, &selection));
  const uint32_t found = find_binding(*selection.program, is_input, index);
  if (found == kNone) {
    return {Code::kInvalidArgument, at_io(is_input, index),
            is_input ? "no such input" : "no such output", index,
            count_bindings(*selection.program, is_input)};
  }
  write_struct(describe_binding(*selection.program, found), info);
  return ok_status();
}

Status binding_named(const stint_program* program, bool is_input, const char* name,
                     stint_binding_info* info) {
  Selection selection;
  STINT_RETURN_IF_ERROR(begin(program, info, &selection));
  if (name == nullptr) return {Code::kInvalidArgument, kNoDetail, "name is NULL"};
  const auto& bindings = *selection.program->bindings();
  for (uint32_t i = 0; i < bindings.size(); ++i) {
    if (bindings.Get(i)->is_input() != is_input || !is_named(*bindings.Get(i)->name(), name)) {
      continue;
    }
    write_struct(describe_binding(*selection.program, i), info);
    return ok_status();
  }
  return {Code::kInvalidArgument, kNoDetail,
          is_input ? "no input of that name; stint inspect lists them"
                   : "no output of that name; stint inspect lists them"};
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_plan_program(const stint_plan* plan, const char* target, uint32_t batch,
                                stint_program* program) {
  return stint::to_c(stint::get_program(plan, target, batch, program));
}

stint_status stint_program_describe(const stint_program* program, stint_program_info* info) {
  return stint::to_c(stint::describe_program(program, info));
}

stint_status stint_program_input(const stint_program* program, uint32_t index,
                                 stint_binding_info* info) {
  return stint::to_c(stint::binding_at(program, true, index, info));
}

stint_status stint_program_output(const stint_program* program, uint32_t index,
                                  stint_binding_info* info) {
  return stint::to_c(stint::binding_at(program, false, index, info));
}

stint_status stint_program_find_input(const stint_program* program, const char* name,
                                      stint_binding_info* info) {
  return stint::to_c(stint::binding_named(program, true, name, info));
}

stint_status stint_program_find_output(const stint_program* program, const char* name,
                                       stint_binding_info* info) {
  return stint::to_c(stint::binding_named(program, false, name, info));
}

}  // extern "C"
