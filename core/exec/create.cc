// Building a session in the caller's blocks.
#include <unistd.h>

#include <cstring>
#include <new>

#include "core/cuda/cuda.h"
#include "core/exec/session.h"
#include "core/memory/carver.h"
#include "core/plan/limits.h"
#include "core/plan/step_operands.h"

namespace stint {
namespace {

constexpr const char* kTooSmall[STINT_SPACE_COUNT] = {
    "the session block is too small; ask stint_plan_requirements with the same options",
    "the arena block is too small; ask stint_plan_requirements",
    "the I/O block is too small; ask stint_plan_requirements, or omit it and bind every input and "
    "output",
    "the device block is too small; ask stint_plan_requirements",
};

Status check_blocks(const stint_memory& memory, const stint_requirements& needed) {
  for (uint32_t i = 0; i < STINT_SPACE_COUNT; ++i) {
    const stint_block& block = memory.space[i];
    const stint_requirement& need = needed.space[i];
    if (i == STINT_SPACE_IO && block.data == nullptr) continue;
    if (need.bytes == 0) continue;
    const uint64_t bytes = block.data == nullptr ? 0 : block.bytes;
    if (bytes < need.bytes) {
      return {Code::kBlockTooSmall, i, kTooSmall[i], static_cast<int64_t>(bytes),
              static_cast<int64_t>(need.bytes)};
    }
    if (const auto misalignment = reinterpret_cast<uintptr_t>(block.data) % need.alignment;
        misalignment != 0) {
      return {Code::kBlockMisaligned, i, "a memory block is misaligned",
              static_cast<int64_t>(misalignment), static_cast<int64_t>(need.alignment)};
    }
  }
  return ok_status();
}

bool overlap(const void* a, uint64_t a_bytes, const void* b, uint64_t b_bytes) {
  const auto x = reinterpret_cast<uintptr_t>(a), y = reinterpret_cast<uintptr_t>(b);
  return x < y ? y - x < a_bytes : x - y < b_bytes;
}

/// Of each block the part that the session will use.
Status check_blocks_apart(const stint_memory& memory, const stint_requirements& needed,
                          const stint_plan& plan) {
  for (uint32_t i = 0; i < STINT_SPACE_COUNT; ++i) {
    const uint64_t bytes = needed.space[i].bytes;
    if (bytes == 0 || memory.space[i].data == nullptr) continue;
    for (uint32_t k = 0; k < i; ++k) {
      if (needed.space[k].bytes == 0 || memory.space[k].data == nullptr) continue;
      if (overlap(memory.space[i].data, bytes, memory.space[k].data, needed.space[k].bytes)) {
        return {Code::kInvalidArgument, i,
                "two memory blocks overlap; give each memory of its own (found, needed: their "
                "STINT_SPACE_*)",
                i, k};
      }
    }
    if (overlap(memory.space[i].data, bytes, plan.bytes, plan.size)) {
      return {Code::kInvalidArgument, i,
              "a memory block overlaps the plan's bytes, which must stay as they are"};
    }
  }
  return ok_status();
}

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
    session.program = &program_;
    session.batch = session.active_slots = program_.batch();
    session.step_count = program_.steps()->size();
    session.binding_count = program_.bindings()->size();
    session.steps = layout_.steps;
    session.bindings = layout_.bindings;
    session.operands_in_bindings = layout_.operands_in_bindings;
    session.times = layout_.times;
    session.limits = {-1.0f, -1.0f, 0};
    build_bindings();
    for (uint32_t i = 0; i < session.step_count; ++i) {
      build_step(i);
      if (session.times != nullptr) new (&session.times[i]) StepTimes();
    }
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

Status create(const stint_plan* plan, const char* target, uint32_t batch,
              const stint_options* options, const stint_memory* memory, stint_session** session) {
  if (session == nullptr || memory == nullptr)
    return {Code::kInvalidArgument, kNone, "memory or session is NULL"};
  *session = nullptr;
  Selection selection;
  SessionOptions session_options;
  stint_requirements needed;
  STINT_RETURN_IF_ERROR(select_program(plan, target, batch, &selection));
  STINT_RETURN_IF_ERROR(read_options(options, &session_options));
  STINT_RETURN_IF_ERROR(compute_requirements(plan, selection, session_options, &needed));
  STINT_RETURN_IF_ERROR(check_blocks(*memory, needed));
  STINT_RETURN_IF_ERROR(check_blocks_apart(*memory, needed, *plan));

  if (selection.variant->kind() == fb::TargetKind::Cuda)
    return cuda::create(*plan, selection, session_options, *memory, session);
  const fb::Program& program = *selection.program;
  Carver session_block(memory->space[STINT_SPACE_SESSION].data,
                       memory->space[STINT_SPACE_SESSION].bytes);
  Carver arena_block(memory->space[STINT_SPACE_ARENA].data, memory->space[STINT_SPACE_ARENA].bytes);
  std::byte* arenas[kMaxArenas] = {};
  const SessionLayout layout = lay_out_session(program, session_options, &session_block);
  lay_out_arenas(program, &arena_block, arenas);
  clear_arenas(program, arenas);
  auto* created = new (layout.session) stint_session();
  created->process = getpid();
  STINT_RETURN_IF_ERROR(
      created->workers.start(session_options.workers, layout.threads, layout.stacks));
  auto* io = static_cast<std::byte*>(memory->space[STINT_SPACE_IO].data);
  SessionBuilder(*plan, program, layout, arenas, io).build();
  *session = created;
  return ok_status();
}

}  // namespace

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

stint_status stint_session_create(const stint_plan* plan, const char* target, uint32_t batch,
                                  const stint_options* options, const stint_memory* memory,
                                  stint_session** session) {
  return stint::to_c(stint::create(plan, target, batch, options, memory, session));
}

}  // extern "C"
