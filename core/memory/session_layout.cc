#include "core/api/sized_struct.h"
#include "core/cuda/cuda.h"
#include "core/exec/session.h"
#include "core/memory/carver.h"
#include "core/plan/limits.h"
#include "core/plan/step_operands.h"

namespace stint {
namespace {

void count_operands(const fb::Program& program, const flatbuffers::Vector<uint32_t>* list,
                    SessionCounts* counts) {
  for (uint32_t i = 0; i < operand_count(list); ++i) {
    ++counts->operands;
    counts->operands_in_bindings +=
        program.tensors()->Get(list->Get(i))->storage() == fb::StorageKind::Binding;
  }
}

}  // namespace

// None of these sums can wrap: they count things that are in a file of less than 2 GiB.
SessionCounts count_session(const fb::Program& program) {
  SessionCounts counts;
  counts.steps = program.steps()->size();
  counts.bindings = program.bindings()->size();
  for (const fb::Binding* binding : *program.bindings())
    counts.images += binding->kind() == fb::BindingKind::Image;
  for (const fb::Step* step : *program.steps()) {
    count_operands(program, step->inputs(), &counts);
    count_operands(program, step->outputs(), &counts);
    counts.params_bytes +=
        (uint64_t{params_bytes(*step)} + kParamsAlignment - 1) & ~(kParamsAlignment - 1);
  }
  return counts;
}

SessionLayout lay_out_session(const fb::Program& program, const SessionOptions& options,
                              Carver* carver) {
  const SessionCounts counts = count_session(program);
  const uint32_t threads = options.workers - 1;
  SessionLayout layout;
  layout.session = carver->take_array<stint_session>(1);
  layout.steps = carver->take_array<StepState>(counts.steps);
  layout.bindings = carver->take_array<BindingState>(counts.bindings);
  layout.operands_in_bindings = carver->take_array<OperandInBinding>(counts.operands_in_bindings);
  layout.operands = carver->take_array<cpu::TensorView>(counts.operands);
  layout.images = carver->take_array<ImageView>(uint64_t{counts.images} * program.batch() * 2);
  layout.params = static_cast<std::byte*>(carver->take(counts.params_bytes, kParamsAlignment));
  layout.times = carver->take_array<StepTimes>(options.profile ? counts.steps : 0);
  layout.worker_scratch = static_cast<std::byte*>(
      carver->take(worker_scratch_pitch(program) * options.workers, kMinBaseAlignment));
  layout.threads = carver->take_array<cpu::Workers::Thread>(threads);
  layout.stacks =
      static_cast<std::byte*>(carver->take(threads * cpu::worker_stack_bytes(), kMinBaseAlignment));
  return layout;
}

void lay_out_arenas(const fb::Program& program, Carver* carver, std::byte** arenas) {
  for (uint32_t i = 0; i < program.arenas()->size(); ++i) {
    const fb::Arena& arena = *program.arenas()->Get(i);
    auto* begin = static_cast<std::byte*>(carver->take(arena.bytes(), arena.alignment()));
    if (arenas != nullptr) arenas[i] = begin;
  }
}

Status compute_requirements(const Selection& selection, const SessionOptions& options,
                            stint_requirements* need) {
  *need = no_requirements();
  if (selection.variant->kind() == fb::TargetKind::Cuda)
    return cuda::compute_requirements(*selection.program, options, need);
  Carver session, arenas;
  lay_out_session(*selection.program, options, &session);
  lay_out_arenas(*selection.program, &arenas, nullptr);
  if (session.exhausted() || arenas.exhausted()) {
    return {Code::kCorruptPlan, kNoDetail,
            "the program needs more memory than an address space holds"};
  }
  need->space[STINT_SPACE_HOST] = {session.used(), session.alignment()};
  need->space[STINT_SPACE_ARENA] = {arenas.used(), arenas.alignment()};
  need->space[STINT_SPACE_IO] = {selection.program->io_bytes(), kMinBaseAlignment};
  return ok_status();
}

namespace {

Status requirements(const stint_program* program, const stint_options* options,
                    stint_requirements* need) {
  if (need == nullptr) return {Code::kInvalidArgument, kNoDetail, "need is NULL"};
  STINT_RETURN_IF_ERROR(check_struct(*need));
  Selection selection;
  SessionOptions read;
  STINT_RETURN_IF_ERROR(read_program(program, &selection));
  STINT_RETURN_IF_ERROR(read_options(options, &read));
  stint_requirements all;
  STINT_RETURN_IF_ERROR(compute_requirements(selection, read, &all));
  write_struct(all, need);
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" stint_status stint_program_requirements(const stint_program* program,
                                                   const stint_options* options,
                                                   stint_requirements* need) {
  return stint::to_c(stint::requirements(program, options, need));
}
