// Binding the caller's buffers and frames.
#include "core/api/sized_struct.h"
#include "core/cuda/cuda.h"
#include "core/exec/session.h"
#include "core/plan/limits.h"
#include "kernels/cpu/image_check.h"

namespace stint {

static_assert(sizeof(Detection) == sizeof(stint_detection));

void patch_operands(stint_session* session, uint32_t binding) {
  std::byte* data = session->bindings[binding].data;
  for (uint32_t i = 0; i < session->operand_in_binding_count; ++i) {
    const OperandInBinding& operand = session->operands_in_bindings[i];
    if (operand.binding == binding)
      operand.view->data = data == nullptr ? nullptr : data + operand.offset;
  }
}

namespace {

Status no_such_binding(const stint_session& session, bool is_input, uint32_t index) {
  return {Code::kInvalidArgument, at_io(is_input, index),
          is_input ? "no such input" : "no such output", index,
          count_bindings(*session.program, is_input)};
}

Status read_image(const stint_image& from, ImageView* view) {
  stint_image image = STINT_IMAGE_INIT;
  STINT_RETURN_IF_ERROR(read_struct(from, &image));
  if (image.reserved != 0) {
    return {Code::kInvalidArgument, kNoDetail,
            "image.reserved is not 0; begin with STINT_IMAGE_INIT", image.reserved, 0};
  }
  for (int plane = 0; plane < 3; ++plane) {
    view->planes[plane] = image.planes[plane];
    view->strides[plane] = image.strides[plane];
  }
  view->width = image.width;
  view->height = image.height;
  view->format = image.format;
  view->matrix = image.matrix;
  view->range = image.range;
  view->crop_x = image.crop_x;
  view->crop_y = image.crop_y;
  view->crop_width = image.crop_width;
  view->crop_height = image.crop_height;
  return ok_status();
}

/// Makes the steps use the buffer.
Status use_buffer(stint_session* session, uint32_t binding, std::byte* data) {
  if (session->gpu != nullptr) STINT_RETURN_IF_ERROR(cuda::bind_buffer(session, binding, data));
  session->bindings[binding].data = data;
  if (session->gpu == nullptr) patch_operands(session, binding);
  return ok_status();
}

Status bind_buffer(stint_session* session, bool is_input, uint32_t index, void* data,
                   uint64_t bytes) {
  STINT_RETURN_IF_ERROR(check_session(session));
  const uint32_t at = find_binding(*session->program, is_input, index);
  if (at == kNone) return no_such_binding(*session, is_input, index);
  const BindingState& state = session->bindings[at];
  if (state.binding->kind() == fb::BindingKind::Image) {
    return {Code::kInvalidArgument, at_io(is_input, index),
            "this input takes images; use stint_bind_image"};
  }
  if (data == nullptr) return use_buffer(session, at, state.default_data);
  if (bytes != state.binding->io_bytes()) {
    return {Code::kShapeMismatch, at_io(is_input, index),
            "the buffer is not as large as the binding", static_cast<int64_t>(bytes),
            static_cast<int64_t>(state.binding->io_bytes())};
  }
  if (const auto misalignment = reinterpret_cast<uintptr_t>(data) % kMinBaseAlignment;
      misalignment != 0) {
    return {Code::kBlockMisaligned, at_io(is_input, index), "the buffer is not 64-byte aligned",
            static_cast<int64_t>(misalignment), kMinBaseAlignment};
  }
  return use_buffer(session, at, static_cast<std::byte*>(data));
}

Status bind_image(stint_session* session, uint32_t index, uint32_t slot, const stint_image* image) {
  STINT_RETURN_IF_ERROR(check_session(session));
  if (image == nullptr) return {Code::kInvalidArgument, kNoDetail, "image is NULL"};
  const uint32_t at = find_binding(*session->program, true, index);
  if (at == kNone) return no_such_binding(*session, true, index);
  BindingState& state = session->bindings[at];
  if (state.binding->kind() != fb::BindingKind::Image) {
    return {Code::kInvalidArgument, at_io(true, index),
            "this input takes a tensor; use stint_bind_input"};
  }
  if (slot >= session->batch)
    return {Code::kInvalidArgument, at_slot(slot), "no such batch slot", slot, session->batch};
  ImageView view;
  STINT_RETURN_IF_ERROR(read_image(*image, &view));
  STINT_RETURN_IF_ERROR(cpu::check_image(view));
  if (session->gpu != nullptr) STINT_RETURN_IF_ERROR(cuda::bind_image(session, at, slot, view));
  state.bound[slot] = view;
  return ok_status();
}

std::byte* binding_data(stint_session* session, bool is_input, uint32_t index) {
  if (!check_session(session).ok()) return nullptr;
  const uint32_t at = find_binding(*session->program, is_input, index);
  if (at == kNone) return nullptr;
  BindingState& state = session->bindings[at];
  if (state.data == state.default_data) state.default_handed_out = true;
  return state.data;
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_bind_input(stint_session* session, uint32_t index, const void* data,
                              uint64_t bytes) {
  // Operand tables hold plain pointers; a verified plan never writes to an input.
  return stint::to_c(stint::bind_buffer(session, true, index, const_cast<void*>(data), bytes));
}

stint_status stint_bind_output(stint_session* session, uint32_t index, void* data, uint64_t bytes) {
  return stint::to_c(stint::bind_buffer(session, false, index, data, bytes));
}

stint_status stint_bind_image(stint_session* session, uint32_t index, uint32_t slot,
                              const stint_image* image) {
  return stint::to_c(stint::bind_image(session, index, slot, image));
}

void* stint_input_data(stint_session* session, uint32_t index) {
  return stint::binding_data(session, true, index);
}

const void* stint_output_data(stint_session* session, uint32_t index) {
  return stint::binding_data(session, false, index);
}

}  // extern "C"
