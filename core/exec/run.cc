#include "core/cuda/cuda.h"
#include "core/exec/session.h"

namespace stint {
namespace {

Status prepare_images(stint_session* session, uint32_t index) {
  const BindingState& state = session->bindings[index];
  for (uint32_t slot = 0; slot < session->active_slots; ++slot) {
    if (state.bound[slot].planes[0] == nullptr) {
      return {Code::kNotBound, at_slot(slot),
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

Status check_buffer(const stint_session& session, uint32_t index) {
  const BindingState& state = session.bindings[index];
  if (state.data == nullptr) {
    return {Code::kNotBound, at_io(*session.program, index),
            "an input or output has no buffer: no I/O block was given and nothing was bound"};
  }
  // Whoever never asked for the default buffer cannot have written to it.
  if (state.binding->is_input() && state.data == state.default_data && !state.default_handed_out) {
    return {Code::kNotBound, at_io(*session.program, index),
            "an input was never given: write to stint_input_data, or bind a buffer with "
            "stint_bind_input"};
  }
  return ok_status();
}

}  // namespace

Status prepare_bindings(stint_session* session) {
  for (uint32_t i = 0; i < session->binding_count; ++i) {
    const BindingState& state = session->bindings[i];
    if (state.binding->kind() == fb::BindingKind::Image) {
      STINT_RETURN_IF_ERROR(prepare_images(session, i));
    } else if (state.binding->io_bytes() != 0) {
      STINT_RETURN_IF_ERROR(check_buffer(*session, i));
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

Status run(stint_session* session) {
  STINT_RETURN_IF_ERROR(check_session(session));
  STINT_RETURN_IF_ERROR(prepare_bindings(session));
  session->has_run = true;
  if (session->gpu != nullptr) return cuda::run(session);
  if (session->times != nullptr) {
    run_steps_timed(session);
  } else {
    run_steps(session);
  }
  return ok_status();
}

Status enqueue(stint_session* session, void* stream) {
  STINT_RETURN_IF_ERROR(check_session(session));
  if (session->gpu == nullptr) {
    return {Code::kInvalidArgument, kNoDetail,
            "only sessions on a CUDA device can enqueue; use stint_run"};
  }
  STINT_RETURN_IF_ERROR(prepare_bindings(session));
  session->has_run = true;
  return cuda::enqueue(session, stream);
}

Status synchronize(stint_session* session) {
  STINT_RETURN_IF_ERROR(check_session(session));
  return session->gpu == nullptr ? ok_status() : cuda::synchronize(session);
}

Status poll(stint_session* session, uint32_t* done) {
  if (done == nullptr) return {Code::kInvalidArgument, kNoDetail, "done is NULL"};
  *done = 0;
  STINT_RETURN_IF_ERROR(check_session(session));
  bool is_done = true;
  if (session->gpu != nullptr) STINT_RETURN_IF_ERROR(cuda::poll(session, &is_done));
  *done = is_done ? 1 : 0;
  return ok_status();
}

Status completion_event(stint_session* session, void** event) {
  if (event == nullptr) return {Code::kInvalidArgument, kNoDetail, "event is NULL"};
  *event = nullptr;
  STINT_RETURN_IF_ERROR(check_session(session));
  if (session->gpu == nullptr) {
    return {Code::kInvalidArgument, kNoDetail,
            "only sessions on a CUDA device have events; on the CPU stint_run waits"};
  }
  *event = cuda::completion_event(*session);
  return ok_status();
}

Status set_active_slots(stint_session* session, uint32_t slots) {
  STINT_RETURN_IF_ERROR(check_session(session));
  if (slots == 0 || slots > session->batch) {
    return {Code::kInvalidArgument, kNoDetail, "the number of active slots is out of range", slots,
            session->batch};
  }
  session->active_slots = slots;
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_run(stint_session* session) { return stint::to_c(stint::run(session)); }

stint_status stint_enqueue(stint_session* session, void* stream) {
  return stint::to_c(stint::enqueue(session, stream));
}

stint_status stint_synchronize(stint_session* session) {
  return stint::to_c(stint::synchronize(session));
}

stint_status stint_poll(stint_session* session, uint32_t* done) {
  return stint::to_c(stint::poll(session, done));
}

stint_status stint_completion_event(stint_session* session, void** event) {
  return stint::to_c(stint::completion_event(session, event));
}

stint_status stint_set_active_slots(stint_session* session, uint32_t slots) {
  return stint::to_c(stint::set_active_slots(session, slots));
}

}  // extern "C"
