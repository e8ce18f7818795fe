// Binding the caller's buffers and frames.
#include "core/exec/session.h"
#include "core/plan/limits.h"

namespace stint {

static_assert(sizeof(ImageView) == sizeof(stint_image) &&
              alignof(ImageView) == alignof(stint_image));
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

Status bind_buffer(stint_session* session, bool is_input, uint32_t index, void* data,
                   uint64_t bytes) {
  if (session == nullptr) return {Code::kInvalidArgument, kNone, "session is NULL"};
  const uint32_t at = find_binding(*session->program, is_input, index);
  if (at == kNone)
    return {Code::kInvalidArgument, index, is_input ? "no such input" : "no such output", index, 0};
  BindingState& state = session->bindings[at];
  if (state.binding->kind() == fb::BindingKind::Image) {
    return {Code::kInvalidArgument, index, "this input takes images; use stint_bind_image"};
  }
  if (data == nullptr) {
    state.data = state.default_data;
    patch_operands(session, at);
    return ok_status();
  }
  if (bytes != state.binding->io_bytes()) {
    return {Code::kShapeMismatch, index, "the buffer is not as large as the binding",
            static_cast<int64_t>(bytes), static_cast<int64_t>(state.binding->io_bytes())};
  }
  if (const auto misalignment = reinterpret_cast<uintptr_t>(data) % kMinBaseAlignment;
      misalignment != 0) {
    return {Code::kBlockMisaligned, index, "the buffer is not 64-byte aligned",
            static_cast<int64_t>(misalignment), kMinBaseAlignment};
  }
  state.data = static_cast<std::byte*>(data);
  patch_operands(session, at);
  return ok_status();
}

/// Planes of a format and the shortest legal row of each, in bytes.
struct PlaneRows {
  uint32_t planes = 0;
  int64_t bytes[3] = {};
};

bool plane_rows(uint32_t format, int64_t width, PlaneRows* rows) {
  const int64_t chroma = (width + 1) / 2;
  switch (static_cast<PixelFormat>(format)) {
    case PixelFormat::kNv12:
      *rows = {2, {width, 2 * chroma}};
      return true;
    case PixelFormat::kI420:
      *rows = {3, {width, chroma, chroma}};
      return true;
    case PixelFormat::kRgb:
    case PixelFormat::kBgr:
      *rows = {1, {3 * width}};
      return true;
    case PixelFormat::kRgbx:
    case PixelFormat::kBgrx:
    case PixelFormat::kRgba:
    case PixelFormat::kBgra:
      *rows = {1, {4 * width}};
      return true;
    case PixelFormat::kGray8:
      *rows = {1, {width}};
      return true;
  }
  return false;
}

Status check_image(const stint_image& image) {
  if (image.width == 0 || image.height == 0 || image.width > kMaxFrameExtent ||
      image.height > kMaxFrameExtent) {
    return {Code::kShapeMismatch, kNone, "the frame's size is out of range",
            image.width == 0 || image.width > kMaxFrameExtent ? image.width : image.height,
            kMaxFrameExtent};
  }
  PlaneRows rows;
  if (image.format > 0xFF || !plane_rows(image.format, image.width, &rows)) {
    return {Code::kUnsupportedFormat, kNone, "unknown pixel format", image.format,
            STINT_FORMAT_BGRA};
  }
  if (image.matrix > STINT_MATRIX_BT709) {
    return {Code::kUnsupportedFormat, kNone, "unknown colour matrix", image.matrix,
            STINT_MATRIX_BT709};
  }
  if (image.range > STINT_RANGE_FULL) {
    return {Code::kUnsupportedFormat, kNone, "unknown colour range", image.range, STINT_RANGE_FULL};
  }
  for (uint32_t p = 0; p < rows.planes; ++p) {
    if (image.planes[p] == nullptr)
      return {Code::kInvalidArgument, p, "a plane of the frame is NULL"};
    if (image.strides[p] < rows.bytes[p]) {
      return {Code::kShapeMismatch, p, "a plane's stride is shorter than its row", image.strides[p],
              rows.bytes[p]};
    }
  }
  const bool whole = image.crop_width == 0 && image.crop_height == 0;
  if (!whole && (image.crop_width == 0 || image.crop_height == 0 || image.crop_x >= image.width ||
                 image.crop_width > image.width - image.crop_x || image.crop_y >= image.height ||
                 image.crop_height > image.height - image.crop_y)) {
    return {Code::kShapeMismatch, kNone, "the crop reaches beyond the frame", image.crop_width,
            image.width};
  }
  return ok_status();
}

Status bind_image(stint_session* session, uint32_t index, uint32_t slot, const stint_image* image) {
  if (session == nullptr || image == nullptr)
    return {Code::kInvalidArgument, kNone, "session or image is NULL"};
  const uint32_t at = find_binding(*session->program, true, index);
  if (at == kNone) return {Code::kInvalidArgument, index, "no such input", index, 0};
  BindingState& state = session->bindings[at];
  if (state.binding->kind() != fb::BindingKind::Image) {
    return {Code::kInvalidArgument, index, "this input takes a tensor; use stint_bind_input"};
  }
  if (slot >= session->batch)
    return {Code::kInvalidArgument, slot, "no such batch slot", slot, session->batch};
  STINT_RETURN_IF_ERROR(check_image(*image));
  ImageView& view = state.bound[slot];
  for (int p = 0; p < 3; ++p) {
    view.planes[p] = image->planes[p];
    view.strides[p] = image->strides[p];
  }
  view.width = image->width;
  view.height = image->height;
  view.format = image->format;
  view.matrix = image->matrix;
  view.range = image->range;
  const bool whole = image->crop_width == 0;
  view.crop_x = whole ? 0 : image->crop_x;
  view.crop_y = whole ? 0 : image->crop_y;
  view.crop_width = image->crop_width;
  view.crop_height = image->crop_height;
  return ok_status();
}

std::byte* binding_data(const stint_session* session, bool is_input, uint32_t index) {
  if (session == nullptr) return nullptr;
  const uint32_t at = find_binding(*session->program, is_input, index);
  return at == kNone ? nullptr : session->bindings[at].data;
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
