// Building a session in the caller's blocks.
#include <unistd.h>

#include <cstring>
#include <new>

#include "core/api/sized_struct.h"
#include "core/cuda/cuda.h"
#include "core/exec/session.h"
#include "core/memory/carver.h"
#include "core/plan/limits.h"
#include "core/plan/step_operands.h"

namespace stint {
namespace {

void clear_arenas(const fb::Program& program, std::byte* const* arenas) {
  for (uint32_t i = 0; i < program.arenas()->size(); ++i) {
    const fb::Arena& arena = *program.arenas()->Get(i);
    if (arena.zeroed() && arena.bytes() != 0) std::memset(arenas[i], 0, arena.bytes());
  }
}

/// Fills the tables of a session whose parts are carved.
class SessionBuilder {
 public:
  SessionBuilder(const stint_plan& plan, const fb::Program& program, const SessionLayout& layout,
                 std::byte* const* arenas, std::byte* io)
      : plan_(plan), program_(program), layout_(layout), arenas_(arenas), io_(io) {}

  void build() {
    stint_session& session = *layout_.session;
    begin_session(&session, program_, layout_.bindings, layout_.times);
    session.steps = layout_.steps;
    session.operands_in_bindings = layout_.operands_in_bindings;
    build_bindings();
    for (uint32_t i = 0; i < session.step_count; ++i) build_step(i);
  }

 private:
  void build_bindings() {
    for (uint32_t i = 0; i < program_.bindings()->size(); ++i) {
      const bool is_image = program_.bindings()->Get(i)->kind() == fb::BindingKind::Image;
      ImageView* bound = is_image ? take_images() : nullptr;
      new (&layout_.bindings[i]) BindingState();
      stint::build_binding(layout_.session, i, io_, bound, is_image ? take_images() : nullptr);
    }
    const uint32_t detections = layout_.session->detections_binding;
    if (detections == kNone) return;
    const fb::Tensor& counts =
        *program_.tensors()->Get(program_.bindings()->Get(detections)->count_tensor());
    if (counts.storage() == fb::StorageKind::Arena)
      layout_.session->detection_counts = reinterpret_cast<const int32_t*>(address(counts));
  }

  ImageView* take_images() {
    ImageView* first = layout_.images + used_images_;
    for (uint32_t slot = 0; slot < program_.batch(); ++slot) new (&first[slot]) ImageView();
    used_images_ += program_.batch();
    return first;
  }

  void build_step(uint32_t index) {
    const fb::Step& step = *program_.steps()->Get(index);
    auto* state = new (&layout_.steps[index]) StepState();
    state->kernel = cpu::find_kernel(step.kernel());
    state->runs = !writes_nothing(program_, step);
    state->args = step_args(program_, step);
    cpu::StepArgs& args = state->args;
    args.params = layout_.params + used_params_;
    if (args.params_bytes != 0)
      std::memcpy(layout_.params + used_params_, step.params()->data(), args.params_bytes);
    used_params_ += (args.params_bytes + kParamsAlignment - 1) & ~(kParamsAlignment - 1);
    args.inputs = resolve(step.inputs());
    args.outputs = resolve(step.outputs());
    if (step.workspace() != kNone) {
      const fb::Tensor& workspace = *program_.tensors()->Get(step.workspace());
      args.workspace = address(workspace);
    }
    args.worker_scratch = layout_.worker_scratch;
    if (step.image_binding() >= 0) args.images = layout_.bindings[step.image_binding()].frames;
    args.limits = &layout_.session->limits;
    args.parallel = layout_.session->workers.parallel();
  }

  const cpu::TensorView* resolve(const flatbuffers::Vector<uint32_t>* list) {
    cpu::TensorView* first = layout_.operands + used_operands_;
    for (uint32_t i = 0; i < operand_count(list); ++i) {
      const fb::Tensor& tensor = *program_.tensors()->Get(list->Get(i));
      auto* view = new (&layout_.operands[used_operands_++]) cpu::TensorView(to_view(tensor));
      if (tensor.storage() == fb::StorageKind::Binding) {
        auto* operand = &layout_.operands_in_bindings[layout_.session->operand_in_binding_count++];
        new (operand) OperandInBinding{view, tensor.offset(), tensor.index()};
        const std::byte* base = layout_.bindings[tensor.index()].data;
        view->data = base == nullptr ? nullptr : const_cast<std::byte*>(base) + tensor.offset();
      } else {
        view->data = address(tensor);
      }
    }
    return first;
  }

  /// Of a tensor in an arena or a segment. Steps never write to a segment: verify_steps saw to
  /// that.
  std::byte* address(const fb::Tensor& tensor) const {
    std::byte* base = tensor.storage() == fb::StorageKind::Segment
                          ? const_cast<std::byte*>(segment_data(plan_, tensor.index()))
                          : arenas_[tensor.index()];
    return base == nullptr ? nullptr : base + tensor.offset();
  }

  const stint_plan& plan_;
  const fb::Program& program_;
  const SessionLayout& layout_;
  std::byte* const* arenas_;
  std::byte* io_;
  uint64_t used_images_ = 0;
  uint64_t used_params_ = 0;
  uint64_t used_operands_ = 0;
};

/// On the CPU. The blocks were checked.
Status build(const stint_engine& engine, const fb::Program& program, const SessionOptions& options,
             const stint_memory& memory, stint_session** session) {
  Carver session_block(memory.space[STINT_SPACE_HOST].data, memory.space[STINT_SPACE_HOST].bytes);
  Carver arena_block(memory.space[STINT_SPACE_ARENA].data, memory.space[STINT_SPACE_ARENA].bytes);
  std::byte* arenas[kMaxArenas] = {};
  const SessionLayout layout = lay_out_session(program, options, &session_block);
  lay_out_arenas(program, &arena_block, arenas);
  clear_arenas(program, arenas);
  auto* created = new (layout.session) stint_session();
  STINT_RETURN_IF_ERROR(created->workers.start(options.workers, layout.threads, layout.stacks));
  auto* io = static_cast<std::byte*>(memory.space[STINT_SPACE_IO].data);
  SessionBuilder(engine.plan, program, layout, arenas, io).build();
  *session = created;
  return ok_status();
}

Status check_belongs(const stint_program& program, const Selection& selection,
                     const stint_engine& engine) {
  if (program.plan.bytes != engine.plan.bytes) {
    return {Code::kInvalidArgument, kNoDetail,
            "the program is of another plan than the engine; get it from stint_plan_program of the "
            "engine's plan"};
  }
  if (selection.variant != engine.variant) {
    return {Code::kInvalidArgument, kNoDetail,
            "the program is of another target than the engine; make an engine of its target"};
  }
  return ok_status();
}

/// While the engine is held.
Status create_held(stint_engine* engine, const stint_program* program, const stint_options* options,
                   const stint_memory* given, stint_session** session) {
  Selection selection;
  SessionOptions read;
  stint_memory memory = STINT_MEMORY_INIT;
  stint_requirements needed;
  STINT_RETURN_IF_ERROR(read_program(program, &selection));
  STINT_RETURN_IF_ERROR(check_belongs(*program, selection, *engine));
  STINT_RETURN_IF_ERROR(read_options(options, &read));
  STINT_RETURN_IF_ERROR(read_struct(*given, &memory));
  STINT_RETURN_IF_ERROR(compute_requirements(selection, read, &needed));
  STINT_RETURN_IF_ERROR(check_blocks(memory, needed));
  const UsedBlocks blocks = used_blocks(memory, needed);
  STINT_RETURN_IF_ERROR(check_apart(blocks, engine->plan));
  STINT_RETURN_IF_ERROR(check_apart(blocks, engine->blocks));
  stint_session* created = nullptr;
  STINT_RETURN_IF_ERROR(engine->gpu != nullptr
                            ? cuda::create(*engine, *selection.program, read, memory, &created)
                            : build(*engine, *selection.program, read, memory, &created));
  created->engine = engine;
  created->process = getpid();
  *session = created;
  return ok_status();
}

Status create(stint_engine* engine, const stint_program* program, const stint_options* options,
              const stint_memory* memory, stint_session** session) {
  if (session == nullptr || memory == nullptr)
    return {Code::kInvalidArgument, kNoDetail, "memory or session is NULL"};
  *session = nullptr;
  STINT_RETURN_IF_ERROR(check_engine(engine));
  STINT_RETURN_IF_ERROR(hold_engine(engine));
  const Status status = create_held(engine, program, options, memory, session);
  if (!status.ok()) release_engine(engine);
  return status;
}

}  // namespace

void begin_session(stint_session* session, const fb::Program& program, BindingState* bindings,
                   StepTimes* times) {
  session->program = &program;
  session->batch = session->active_slots = program.batch();
  session->step_count = program.steps()->size();
  session->binding_count = program.bindings()->size();
  session->bindings = bindings;
  session->times = times;
  session->limits = {-1.0f, -1.0f, 0};
  for (uint32_t i = 0; times != nullptr && i < session->step_count; ++i)
    new (&times[i]) StepTimes();
}

void build_binding(stint_session* session, uint32_t index, std::byte* io, ImageView* bound,
                   ImageView* frames) {
  BindingState& state = session->bindings[index];
  state.binding = session->program->bindings()->Get(index);
  state.bound = bound;
  state.frames = frames;
  if (state.binding->kind() == fb::BindingKind::Image) return;
  if (io != nullptr) state.data = state.default_data = io + state.binding->io_offset();
  if (state.binding->kind() == fb::BindingKind::Detections &&
      session->detections_binding == kNone) {
    session->detections_binding = index;
  }
}

}  // namespace stint

extern "C" {

stint_status stint_session_create(stint_engine* engine, const stint_program* program,
                                  const stint_options* options, const stint_memory* memory,
                                  stint_session** session) {
  return stint::to_c(stint::create(engine, program, options, memory, session));
}

}  // extern "C"
