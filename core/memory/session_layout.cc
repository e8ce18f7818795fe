#include "core/cuda/cuda.h"
#include "core/exec/session.h"
#include "core/memory/carver.h"
#include "core/plan/limits.h"
#include "core/plan/step_operands.h"

namespace stint {
namespace {

constexpr uint64_t kDefaultFrameBytes = 1920 * 1080 * 4;  // RGBA; NV12 of 3840 x 1440

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

Status read_options(const stint_options* options, SessionOptions* out) {
  out->frame_bytes = kDefaultFrameBytes;
  if (options == nullptr) return ok_status();
  if (options->threads > cpu::kMaxWorkers) {
    return {Code::kInvalidArgument, kNone, "too many threads", options->threads, cpu::kMaxWorkers};
  }
  if (options->reserved != 0) {
    return {Code::kInvalidArgument, kNone,
            "options.reserved is not 0; set the whole struct to 0 before filling it in",
            options->reserved, 0};
  }
  out->workers = options->threads == 0 ? 1 : options->threads;
  out->profile = options->profile != 0;
  out->device = options->device;
  if (options->frame_bytes != 0) out->frame_bytes = options->frame_bytes;
  return ok_status();
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

Status compute_requirements(const stint_plan* plan, const Selection& selection,
                            const SessionOptions& options, stint_requirements* out) {
  *out = {};
  if (selection.variant->kind() == fb::TargetKind::Cuda)
    return cuda::compute_requirements(*plan, selection, options, out);
  Carver session, arenas;
  lay_out_session(*selection.program, options, &session);
  lay_out_arenas(*selection.program, &arenas, nullptr);
  if (session.exhausted() || arenas.exhausted()) {
    return {Code::kCorruptPlan, kNone, "the program needs more memory than an address space holds"};
  }
  out->space[STINT_SPACE_SESSION] = {session.used(), session.alignment()};
  out->space[STINT_SPACE_ARENA] = {arenas.used(), arenas.alignment()};
  out->space[STINT_SPACE_IO] = {selection.program->io_bytes(), kMinBaseAlignment};
  out->space[STINT_SPACE_DEVICE] = {0, kMinBaseAlignment};
  return ok_status();
}

}  // namespace stint

extern "C" stint_status stint_plan_requirements(const stint_plan* plan, const char* target,
                                                uint32_t batch, const stint_options* options,
                                                stint_requirements* out) {
  using namespace stint;
  const auto compute = [&]() -> Status {
    if (out == nullptr) return {Code::kInvalidArgument, kNone, "requirements is NULL"};
    Selection selection;
    SessionOptions session_options;
    STINT_RETURN_IF_ERROR(select_program(plan, target, batch, &selection));
    STINT_RETURN_IF_ERROR(read_options(options, &session_options));
    return compute_requirements(plan, selection, session_options, out);
  };
  return to_c(compute());
}
