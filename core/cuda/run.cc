// One run: what the host has goes to the device, one graph launch, what the host wants comes back.
#include <cstring>

#include "core/cuda/cuda.h"
#include "core/cuda/cuda_session.h"
#include "core/cuda/planes.h"

namespace stint::cuda {
namespace {

constexpr const char* kRunFailed = "a step of the enqueued run failed";

bool same_pixels(const ImageView& a, const ImageView& b) {
  return std::memcmp(a.planes, b.planes, sizeof a.planes) == 0 &&
         std::memcmp(a.strides, b.strides, sizeof a.strides) == 0 && a.width == b.width &&
         a.height == b.height && a.format == b.format;
}

Status upload_frame(const CudaSession& gpu, const ImageView& from, const FrameSlot& slot,
                    ImageView* to, uint32_t index, Stream stream) {
  DeviceAddress address = slot.staging;
  for (uint32_t p = 0; p < cpu::plane_count(static_cast<PixelFormat>(from.format)); ++p) {
    const uint64_t bytes = plane_bytes(from, p);
    STINT_RETURN_IF_ERROR(check(gpu.driver->upload(address, from.planes[p], bytes, stream),
                                "a frame cannot be copied to the device", at_slot(index)));
    to->planes[p] = reinterpret_cast<const void*>(address);
    address = (address + bytes + kDeviceAlignment - 1) & ~(kDeviceAlignment - 1);
  }
  return ok_status();
}

/// prepare_bindings put the caller's frames into the run block; kernels get them on the device.
Status upload_frames(stint_session* session, uint32_t binding, Stream stream) {
  const CudaSession& gpu = *session->gpu;
  const BindingState& state = session->bindings[binding];
  const FrameSlot* slots = gpu.slots + slot_index(*session, binding, 0);
  for (uint32_t slot = 0; slot < session->active_slots; ++slot) {
    if (slots[slot].kind == MemoryKind::kDevice) continue;
    // Parts of one frame, in slots side by side, share its copy.
    if (slot != 0 && same_pixels(state.bound[slot], state.bound[slot - 1])) {
      std::memcpy(state.frames[slot].planes, state.frames[slot - 1].planes,
                  sizeof state.frames[slot].planes);
      continue;
    }
    STINT_RETURN_IF_ERROR(
        upload_frame(gpu, state.bound[slot], slots[slot], &state.frames[slot], slot, stream));
  }
  for (uint32_t slot = session->active_slots; slot < session->batch; ++slot)
    state.frames[slot] = state.frames[0];
  return ok_status();
}

Status upload_inputs(stint_session* session, Stream stream) {
  const CudaSession& gpu = *session->gpu;
  for (uint32_t i = 0; i < session->binding_count; ++i) {
    const BindingState& state = session->bindings[i];
    if (state.binding->kind() == fb::BindingKind::Image) {
      STINT_RETURN_IF_ERROR(upload_frames(session, i, stream));
    } else if (state.binding->is_input() && gpu.bindings[i].kind != MemoryKind::kDevice &&
               state.binding->io_bytes() != 0) {
      STINT_RETURN_IF_ERROR(check(
          gpu.driver->upload(gpu.bindings[i].twin, state.data, state.binding->io_bytes(), stream),
          "an input cannot be copied to the device", at_io(*session->program, i)));
    }
  }
  return ok_status();
}

/// Frames of a camera are copied to the same place every time: mostly there is nothing to do.
Status upload_run_block(stint_session* session, Stream stream) {
  CudaSession& gpu = *session->gpu;
  std::memcpy(gpu.run_block + gpu.limits_offset, &session->limits, sizeof session->limits);
  if (gpu.run_block_valid && std::memcmp(gpu.run_block, gpu.uploaded, gpu.run_block_bytes) == 0) {
    return ok_status();
  }
  // `uploaded` may be pinned and still be read by the run before.
  if (gpu.is_enqueued) {
    STINT_RETURN_IF_ERROR(check(gpu.driver->event_synchronize(gpu.complete),
                                "the enqueued run before this one failed"));
  }
  gpu.run_block_valid = false;
  std::memcpy(gpu.uploaded, gpu.run_block, gpu.run_block_bytes);
  STINT_RETURN_IF_ERROR(
      check(gpu.driver->upload(gpu.device.run_block, gpu.uploaded, gpu.run_block_bytes, stream),
            "the frames' places cannot be copied to the device"));
  gpu.run_block_valid = true;
  return ok_status();
}

Status download_outputs(stint_session* session, Stream stream) {
  const CudaSession& gpu = *session->gpu;
  for (uint32_t i = 0; i < session->binding_count; ++i) {
    const BindingState& state = session->bindings[i];
    if (state.binding->is_input() || gpu.bindings[i].kind == MemoryKind::kDevice ||
        state.binding->io_bytes() == 0) {
      continue;
    }
    STINT_RETURN_IF_ERROR(check(
        gpu.driver->download(state.data, gpu.bindings[i].twin, state.binding->io_bytes(), stream),
        "an output cannot be copied from the device", at_io(*session->program, i)));
  }
  return ok_status();
}

Status download_counts(stint_session* session, Stream stream) {
  const CudaSession& gpu = *session->gpu;
  if (gpu.counts == nullptr) return ok_status();
  return check(
      gpu.driver->download(gpu.counts, gpu.device_counts, session->batch * sizeof(int32_t), stream),
      "the numbers of detections cannot be copied from the device",
      at_io(*session->program, session->detections_binding));
}

Status launch(stint_session* session, Stream stream) {
  STINT_RETURN_IF_ERROR(upload_inputs(session, stream));
  STINT_RETURN_IF_ERROR(upload_run_block(session, stream));
  STINT_RETURN_IF_ERROR(check(session->gpu->driver->graph_launch(session->gpu->exec, stream),
                              "the program cannot be launched"));
  return download_outputs(session, stream);
}

Status run_and_wait(stint_session* session) {
  const CudaSession& gpu = *session->gpu;
  Status status = launch(session, gpu.stream);
  if (status.ok()) status = download_counts(session, gpu.stream);
  // Also after a failure: copies from the caller's memory may be under way.
  const Result result = gpu.driver->stream_synchronize(gpu.stream);
  if (!status.ok()) return status;
  return check(result, "a step failed on the device");
}

/// Pageable memory would make the driver wait, or read it after we returned.
Status check_asynchronous(const stint_session& session) {
  constexpr const char* kPageableData =
      "it lies in pageable memory; to enqueue, bind device or pinned memory";
  for (uint32_t i = 0; i < session.binding_count; ++i) {
    const BindingState& state = session.bindings[i];
    if (state.binding->kind() != fb::BindingKind::Image) {
      if (state.binding->io_bytes() != 0 &&
          session.gpu->bindings[i].kind == MemoryKind::kPageable) {
        return {Code::kInvalidArgument, at_io(*session.program, i), kPageableData};
      }
      continue;
    }
    const FrameSlot* slots = session.gpu->slots + slot_index(session, i, 0);
    for (uint32_t slot = 0; slot < session.active_slots; ++slot) {
      if (slots[slot].kind == MemoryKind::kPageable)
        return {Code::kInvalidArgument, at_slot(slot), kPageableData};
    }
  }
  return ok_status();
}

}  // namespace

Status run(stint_session* session) {
  STINT_RETURN_IF_ERROR(synchronize(session));
  const ContextScope scope(session->gpu->context);
  STINT_RETURN_IF_ERROR(scope.status());
  STINT_RETURN_IF_ERROR(run_and_wait(session));
  return session->times == nullptr ? ok_status() : read_events(session);
}

Status enqueue(stint_session* session, void* stream) {
  CudaSession& gpu = *session->gpu;
  if (session->times != nullptr) {
    return {Code::kInvalidArgument, kNoDetail,
            "a session with a profile cannot enqueue; use stint_run"};
  }
  STINT_RETURN_IF_ERROR(check_asynchronous(*session));
  const ContextScope scope(gpu.context);
  STINT_RETURN_IF_ERROR(scope.status());
  Stream on = stream == nullptr ? gpu.stream : static_cast<Stream>(stream);
  const Status status = launch(session, on);
  // Also after a failure: part of it may be under way.
  const Result recorded = gpu.driver->event_record(gpu.complete, on);
  gpu.is_enqueued = recorded == kSuccess;
  // Without the event nobody could wait for it later.
  if (recorded != kSuccess) (void)gpu.driver->stream_synchronize(on);
  if (!status.ok()) return status;
  return check(recorded, "the end of the enqueued run cannot be marked");
}

namespace {

/// Once the event has been waited for.
Status finish(stint_session* session) {
  const CudaSession& gpu = *session->gpu;
  if (gpu.counts == nullptr) return ok_status();
  STINT_RETURN_IF_ERROR(download_counts(session, gpu.stream));
  return check(gpu.driver->stream_synchronize(gpu.stream), kRunFailed);
}

}  // namespace

Status synchronize(stint_session* session) {
  CudaSession& gpu = *session->gpu;
  if (!gpu.is_enqueued) return ok_status();
  const ContextScope scope(gpu.context);
  STINT_RETURN_IF_ERROR(scope.status());
  gpu.is_enqueued = false;
  STINT_RETURN_IF_ERROR(check(gpu.driver->event_synchronize(gpu.complete), kRunFailed));
  return finish(session);
}

Status poll(stint_session* session, bool* done) {
  CudaSession& gpu = *session->gpu;
  *done = true;
  if (!gpu.is_enqueued) return ok_status();
  const ContextScope scope(gpu.context);
  STINT_RETURN_IF_ERROR(scope.status());
  const Result result = gpu.driver->event_query(gpu.complete);
  *done = result != kNotReady;
  if (!*done) return ok_status();
  gpu.is_enqueued = false;
  STINT_RETURN_IF_ERROR(check(result, kRunFailed));
  return finish(session);
}

void* completion_event(const stint_session& session) { return session.gpu->complete; }

}  // namespace stint::cuda
