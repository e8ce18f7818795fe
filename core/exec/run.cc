#include "core/cuda/cuda.h"
#include "core/exec/session.h"

namespace stint {
namespace {

Status prepare_images(stint_session* session, uint32_t index) {
  const BindingState& state = session->bindings[index];
  for (uint32_t slot = 0; slot < session->active_slots; ++slot) {
    if (state.bound[slot].planes[0] == nullptr) {
      return {Code::kNotBound, slot,
              "a batch slot has no frame; bind one, or say how many slots count with "
              "stint_set_active_slots",
              index, 0};
    }
    state.frames[slot] = state.bound[slot];
  }
  // Pixels behind an old frame may be gone: slots that do not count read a frame that is there.
  for (uint32_t slot = session->active_slots; slot < session->batch; ++slot)
    state.frames[slot] = state.bound[0];
  return ok_status();
}

}  // namespace

Status prepare_bindings(stint_session* session) {
  for (uint32_t i = 0; i < session->binding_count; ++i) {
    const BindingState& state = session->bindings[i];
    if (state.binding->kind() == fb::BindingKind::Image) {
      STINT_RETURN_IF_ERROR(prepare_images(session, i));
    } else if (state.data == nullptr && state.binding->io_bytes() != 0) {
      return {Code::kNotBound, i,
              "an input or output has no buffer: no I/O block was given and nothing was bound"};
    }
  }
  return ok_status();
}

namespace {

void run_steps(stint_session* session) {
  for (uint32_t i = 0; i < session->step_count; ++i) {
    const StepState& step = session->steps[i];
    if (step.runs) step.kernel->run(step.args);
  }
}

void run_steps_timed(stint_session* session) {
  uint64_t before = monotonic_ns();
  for (uint32_t i = 0; i < session->step_count; ++i) {
    const StepState& step = session->steps[i];
    if (step.runs) step.kernel->run(step.args);
    const uint64_t after = monotonic_ns();
    session->times[i].add(after - before);
    before = after;
  }
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_run(stint_session* session) {
  using namespace stint;
  if (session == nullptr) return to_c({Code::kInvalidArgument, kNone, "session is NULL"});
  if (Status status = prepare_bindings(session); !status.ok()) return to_c(status);
  if (session->gpu != nullptr) return to_c(cuda::run(session));
  if (session->times != nullptr) {
    run_steps_timed(session);
  } else {
    run_steps(session);
  }
  return to_c(ok_status());
}

stint_status stint_enqueue(stint_session* session, void* stream) {
  using namespace stint;
  if (session == nullptr) return to_c({Code::kInvalidArgument, kNone, "session is NULL"});
  if (session->gpu == nullptr) {
    return to_c({Code::kInvalidArgument, kNone,
                 "only sessions on a CUDA device can enqueue; use stint_run"});
  }
  if (Status status = prepare_bindings(session); !status.ok()) return to_c(status);
  return to_c(cuda::enqueue(session, stream));
}

stint_status stint_synchronize(stint_session* session) {
  using namespace stint;
  if (session == nullptr) return to_c({Code::kInvalidArgument, kNone, "session is NULL"});
  return to_c(session->gpu == nullptr ? ok_status() : cuda::synchronize(session));
}

stint_status stint_set_active_slots(stint_session* session, uint32_t slots) {
  using namespace stint;
  if (session == nullptr) return to_c({Code::kInvalidArgument, kNone, "session is NULL"});
  if (slots == 0 || slots > session->batch) {
    return to_c({Code::kInvalidArgument, kNone, "the number of active slots is out of range", slots,
                 session->batch});
  }
  session->active_slots = slots;
  return to_c(ok_status());
}

}  // extern "C"
