#include <cstring>

#include "core/plan/limits.h"
#include "core/plan/overlap.h"
#include "core/plan/step_operands.h"
#include "core/plan/verify.h"
#include "plan_schema/kernel_id.h"

namespace stint {
namespace {

Status verify_operand_list(const ProgramContext& context, const flatbuffers::Vector<uint32_t>* list,
                           uint32_t step) {
  if (list == nullptr) return ok_status();
  if (list->size() > kMaxOperands)
    return corrupt_at(at_step(step), "step: too many operands", list->size(), kMaxOperands);
  const uint32_t tensors = context.program->tensors()->size();
  for (uint32_t operand : *list) {
    if (operand >= tensors)
      return corrupt_at(at_step(step), "step: no such tensor", operand, tensors);
  }
  return ok_status();
}

/// Outputs must be writable memory of the session, and two workers must never write one element.
Status verify_output(const ProgramContext& context, uint32_t tensor_index, uint32_t step) {
  const fb::Tensor& tensor = *context.program->tensors()->Get(tensor_index);
  if (tensor.storage() == fb::StorageKind::Segment) {
    return corrupt_at(at_step(step), "step: it writes into the plan's constants", tensor_index);
  }
  if (tensor.storage() == fb::StorageKind::Binding &&
      context.program->bindings()->Get(tensor.index())->is_input()) {
    return corrupt_at(at_step(step), "step: it writes into an input", tensor_index);
  }
  if (!is_injective(tensor))
    return corrupt_at(at_step(step), "step: elements of its output share an address", tensor_index);
  return ok_status();
}

/// Outputs must not touch each other, nor an input unless they are the very same region (computing
/// in place).
Status verify_aliasing(const ProgramContext& context, const fb::Step& step, uint32_t index) {
  const auto& tensors = *context.program->tensors();
  for (uint32_t o = 0; o < operand_count(step.outputs()); ++o) {
    const fb::Tensor& output = *tensors.Get(step.outputs()->Get(o));
    for (uint32_t k = 0; k < o; ++k) {
      if (!are_disjoint(output, *tensors.Get(step.outputs()->Get(k)))) {
        return corrupt_at(at_step(index), "step: two of its outputs overlap",
                          step.outputs()->Get(o), step.outputs()->Get(k));
      }
    }
    for (uint32_t i = 0; i < operand_count(step.inputs()); ++i) {
      const fb::Tensor& input = *tensors.Get(step.inputs()->Get(i));
      if (!are_disjoint(output, input) && !are_same_region(output, input)) {
        return corrupt_at(at_step(index),
                          "step: an output overlaps an input without being the same region",
                          step.outputs()->Get(o), step.inputs()->Get(i));
      }
    }
  }
  return ok_status();
}

/// Kernels keep indices in their workspace: nothing else the step touches may lie there.
Status verify_workspace(const ProgramContext& context, const fb::Step& step, uint32_t index) {
  if (step.workspace() == kNone) return ok_status();
  const auto& tensors = *context.program->tensors();
  if (step.workspace() >= tensors.size()) {
    return corrupt_at(at_step(index), "step: no such tensor", step.workspace(), tensors.size());
  }
  const fb::Tensor& workspace = *tensors.Get(step.workspace());
  if (workspace.storage() != fb::StorageKind::Arena ||
      static_cast<DType>(workspace.dtype()) != DType::kU8 || workspace.shape()->size() != 1 ||
      !is_dense(workspace) || workspace.offset() % kMinBaseAlignment != 0) {
    return corrupt_at(at_step(index),
                      "step: its workspace must be u8 [bytes], 64-byte aligned, in an arena",
                      step.workspace());
  }
  for (const auto* list : {step.inputs(), step.outputs()}) {
    for (uint32_t i = 0; i < operand_count(list); ++i) {
      if (!are_disjoint(*tensors.Get(list->Get(i)), workspace)) {
        return corrupt_at(at_step(index), "step: its workspace overlaps an operand", list->Get(i));
      }
    }
  }
  return ok_status();
}

Status verify_image_binding(const ProgramContext& context, const fb::Step& step, uint32_t index) {
  if (step.image_binding() == -1) return ok_status();
  const auto& bindings = *context.program->bindings();
  if (step.image_binding() < 0 || static_cast<uint32_t>(step.image_binding()) >= bindings.size() ||
      bindings.Get(step.image_binding())->kind() != fb::BindingKind::Image) {
    return corrupt_at(at_step(index), "step: no such image binding", step.image_binding(),
                      bindings.size());
  }
  return ok_status();
}

Status verify_step(const ProgramContext& context, uint32_t index) {
  const fb::Step& step = *context.program->steps()->Get(index);
  STINT_RETURN_IF_ERROR(verify_operand_list(context, step.inputs(), index));
  STINT_RETURN_IF_ERROR(verify_operand_list(context, step.outputs(), index));
  if (operand_count(step.outputs()) == 0)
    return corrupt_at(at_step(index), "step: it has no output");
  for (uint32_t i = 0; i < operand_count(step.outputs()); ++i) {
    STINT_RETURN_IF_ERROR(verify_output(context, step.outputs()->Get(i), index));
  }
  STINT_RETURN_IF_ERROR(verify_aliasing(context, step, index));
  STINT_RETURN_IF_ERROR(verify_workspace(context, step, index));
  STINT_RETURN_IF_ERROR(verify_image_binding(context, step, index));
  if (params_bytes(step) > kMaxParamsBytes) {
    return corrupt_at(at_step(index), "step: its parameters are too large", params_bytes(step),
                      kMaxParamsBytes);
  }
  return context.target == fb::TargetKind::Cpu ? verify_cpu_step(context, step, index)
                                               : verify_cuda_step(context, step, index);
}

Status verify_edges(const ProgramContext& context) {
  const auto* edges = context.program->edges();
  if (edges == nullptr) return ok_status();
  const uint32_t steps = context.program->steps()->size();
  for (uint32_t i = 0; i < edges->size(); ++i) {
    const fb::Edge& edge = *edges->Get(i);
    if (edge.from() >= edge.to() || edge.to() >= steps) {
      return corrupt_at(at_edge(i), "edge: it must lead from an earlier step to a later one",
                        edge.from(), edge.to());
    }
    if (edge.kind() != fb::EdgeKind::Full && edge.kind() != fb::EdgeKind::Programmatic) {
      return corrupt_at(at_edge(i), "edge: unknown kind", static_cast<int64_t>(edge.kind()), 1);
    }
  }
  return ok_status();
}

}  // namespace

Status verify_cpu_step(const ProgramContext& context, const fb::Step& step, uint32_t index) {
  if (step.launch() != nullptr)
    return corrupt_at(at_step(index), "step: a CPU step cannot launch a GPU kernel");
  const cpu::KernelEntry* kernel = cpu::find_kernel(step.kernel());
  if (kernel == nullptr) {
    return {Code::kUnknownFeature, at_step(index),
            "the plan uses a CPU kernel that this library does not have; use a newer one",
            step.kernel(), kKernelCount - 1};
  }
  const auto& tensors = *context.program->tensors();
  if (writes_nothing(*context.program, step))
    return ok_status();  // never run, so there is nothing to check

  cpu::TensorView views[2 * kMaxOperands];
  uint32_t count = 0;
  for (const auto* list : {step.inputs(), step.outputs()}) {
    for (uint32_t i = 0; i < operand_count(list); ++i)
      views[count++] = to_view(*tensors.Get(list->Get(i)));
  }
  alignas(16) unsigned char params[kMaxParamsBytes];
  if (params_bytes(step) != 0) std::memcpy(params, step.params()->data(), params_bytes(step));
  cpu::StepArgs args = step_args(*context.program, step);
  args.params = params;
  args.inputs = views;
  args.outputs = views + args.input_count;
  Status status = kernel->check(args);
  if (!status.ok()) status.detail = at_step(index);
  return status;
}

Status verify_steps(const ProgramContext& context) {
  const uint32_t count = context.program->steps()->size();
  for (uint32_t i = 0; i < count; ++i) STINT_RETURN_IF_ERROR(verify_step(context, i));
  return verify_edges(context);
}

}  // namespace stint
