#include "core/plan/step_operands.h"

#include "core/plan/limits.h"
#include "plan_schema/file_format.h"

namespace stint {

bool writes_nothing(const fb::Program& program, const fb::Step& step) {
  for (uint32_t i = 0; i < operand_count(step.outputs()); ++i) {
    bool empty = false;
    for (int64_t size : *program.tensors()->Get(step.outputs()->Get(i))->shape())
      empty = empty || size == 0;
    if (!empty) return false;
  }
  return true;
}

uint64_t worker_scratch_pitch(const fb::Program& program) {
  return (program.worker_scratch() + kMinBaseAlignment - 1) & ~(kMinBaseAlignment - 1);
}

cpu::StepArgs step_args(const fb::Program& program, const fb::Step& step) {
  cpu::StepArgs args;
  args.params_bytes = params_bytes(step);
  args.input_count = operand_count(step.inputs());
  args.output_count = operand_count(step.outputs());
  if (step.workspace() != kNone) {
    args.workspace_bytes =
        static_cast<uint64_t>(program.tensors()->Get(step.workspace())->shape()->Get(0));
  }
  args.worker_scratch_bytes = worker_scratch_pitch(program);
  args.image_count = step.image_binding() >= 0 ? program.batch() : 0;
  return args;
}

}  // namespace stint
