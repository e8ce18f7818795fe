// The caller's buffers and frames on a CUDA device: in place when they lie there, else copied by
// every run.
#include "core/cuda/cuda.h"
#include "core/cuda/cuda_session.h"
#include "core/cuda/planes.h"

namespace stint::cuda {

Status classify(const Driver& driver, const void* data, MemoryKind* kind) {
  uint32_t type = 0;
  const Result result =
      driver.pointer_attribute(&type, kPointerMemoryType, reinterpret_cast<DeviceAddress>(data));
  if (result == kInvalidValue) {  // the driver does not know the address
    *kind = MemoryKind::kPageable;
    return ok_status();
  }
  *kind = type == kMemoryTypeHost ? MemoryKind::kPinned : MemoryKind::kDevice;
  return check(result, "the kind of the memory that was bound cannot be found");
}

Status bind_buffer(stint_session* session, uint32_t binding, std::byte* data) {
  CudaSession& gpu = *session->gpu;
  DeviceBinding& device = gpu.bindings[binding];
  const ContextScope scope(gpu.context);
  STINT_RETURN_IF_ERROR(scope.status());
  MemoryKind kind = MemoryKind::kPageable;
  if (data != nullptr) STINT_RETURN_IF_ERROR(classify(*gpu.driver, data, &kind));
  const DeviceAddress before = device.address;
  device.address =
      kind == MemoryKind::kDevice ? reinterpret_cast<DeviceAddress>(data) : device.twin;
  if (device.address != before) {
    if (Status status = patch_pointers(session, binding); !status.ok()) {
      // Some nodes may have the new address.
      device.address = before;
      (void)patch_pointers(session, binding).ok();
      return status;
    }
  }
  device.kind = kind;
  return ok_status();
}

Status bind_image(stint_session* session, uint32_t binding, uint32_t slot, const ImageView& image) {
  CudaSession& gpu = *session->gpu;
  const auto format = static_cast<PixelFormat>(image.format);
  MemoryKind kind = MemoryKind::kPageable;
  {
    const ContextScope scope(gpu.context);
    STINT_RETURN_IF_ERROR(scope.status());
    for (uint32_t plane = 0; plane < cpu::plane_count(format); ++plane) {
      MemoryKind its = MemoryKind::kPageable;
      STINT_RETURN_IF_ERROR(classify(*gpu.driver, image.planes[plane], &its));
      if (plane == 0) kind = its;
      if ((its == MemoryKind::kDevice) != (kind == MemoryKind::kDevice)) {
        return {Code::kInvalidArgument, at_slot(slot),
                "some planes of the frame lie on the device and some do not"};
      }
      if (its == MemoryKind::kPageable) kind = its;
    }
  }
  const uint64_t bytes = frame_bytes(image);
  if (kind != MemoryKind::kDevice && bytes > gpu.frame_bytes) {
    return {Code::kShapeMismatch, at_slot(slot),
            "the frame is larger than the room for it on the device; raise options.frame_bytes",
            static_cast<int64_t>(bytes), static_cast<int64_t>(gpu.frame_bytes)};
  }
  gpu.slots[slot_index(*session, binding, slot)].kind = kind;
  return ok_status();
}

bool is_on_device(const stint_session& session, uint32_t binding) {
  const auto lies_there = [&](uint32_t index) {
    return session.gpu->bindings[index].kind == MemoryKind::kDevice;
  };
  const fb::Binding& described = *session.bindings[binding].binding;
  if (described.kind() == fb::BindingKind::Detections) {
    const fb::Tensor& counts = *session.program->tensors()->Get(described.count_tensor());
    if (counts.storage() == fb::StorageKind::Binding && lies_there(counts.index())) return true;
  }
  return lies_there(binding);
}

}  // namespace stint::cuda
