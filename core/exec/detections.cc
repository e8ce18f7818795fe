#include "core/api/sized_struct.h"
#include "core/cuda/cuda.h"
#include "core/exec/session.h"

namespace stint {
namespace {

Status read_detections(const stint_session* session, uint32_t slot, stint_detection_list* list) {
  if (list == nullptr) return {Code::kInvalidArgument, kNoDetail, "list is NULL"};
  STINT_RETURN_IF_ERROR(check_struct(*list));
  stint_detection_list full = STINT_DETECTION_LIST_INIT;
  full.stride = sizeof(stint_detection);
  write_struct(full, list);
  STINT_RETURN_IF_ERROR(check_session(session));
  if (session->detections_binding == kNone) {
    return {Code::kInvalidArgument, kNoDetail,
            "the plan has no detections output; build it with --postprocess"};
  }
  if (slot >= session->batch)
    return {Code::kInvalidArgument, at_slot(slot), "no such batch slot", slot, session->batch};
  const BindingState& state = session->bindings[session->detections_binding];
  if (!session->has_run || slot >= session->active_slots || state.data == nullptr)
    return ok_status();
  if (session->gpu != nullptr && cuda::is_on_device(*session, session->detections_binding)) {
    return {Code::kInvalidArgument, at_io(*session->program, session->detections_binding),
            "the detections lie in the device memory that was bound"};
  }
  const auto& tensors = *session->program->tensors();
  const fb::Tensor& boxes = *tensors.Get(state.binding->tensor());
  const fb::Tensor& counts = *tensors.Get(state.binding->count_tensor());
  const int32_t* written = session->detection_counts;
  if (written == nullptr) {  // in a binding's buffer, which the caller may have replaced
    const std::byte* base = session->bindings[counts.index()].data;
    if (base == nullptr) return ok_status();
    written = reinterpret_cast<const int32_t*>(base + counts.offset());
  }
  const int64_t capacity = boxes.shape()->Get(1);
  const int64_t found = written[slot];
  full.count = static_cast<uint32_t>(found < 0 ? 0 : found > capacity ? capacity : found);
  if (full.count == 0) return ok_status();
  full.first =
      reinterpret_cast<const stint_detection*>(state.data) + static_cast<int64_t>(slot) * capacity;
  write_struct(full, list);
  return ok_status();
}

Status set_limits(stint_session* session, float score_threshold, float iou_threshold,
                  uint32_t max_detections) {
  STINT_RETURN_IF_ERROR(check_session(session));
  if (session->detections_binding == kNone) {
    return {Code::kInvalidArgument, kNoDetail,
            "the plan has no detections output; build it with --postprocess"};
  }
  if (score_threshold != score_threshold || iou_threshold != iou_threshold) {
    return {Code::kInvalidArgument, kNoDetail, "a threshold is not a number"};
  }
  session->limits = {score_threshold, iou_threshold, max_detections};
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_detections(const stint_session* session, uint32_t slot,
                              stint_detection_list* list) {
  return stint::to_c(stint::read_detections(session, slot, list));
}

stint_status stint_set_detection_limits(stint_session* session, float score_threshold,
                                        float iou_threshold, uint32_t max_detections) {
  return stint::to_c(stint::set_limits(session, score_threshold, iou_threshold, max_detections));
}

}  // extern "C"
