#include "core/plan/checked.h"
#include "core/plan/limits.h"
#include "core/plan/verify.h"
#include "plan_schema/params/preprocess.h"

namespace stint {
namespace {

constexpr int64_t kDetectionFloats = 6;  // stint_detection: x1, y1, x2, y2, score, class

bool is_finite(float value) { return value - value == 0.0f; }

Status verify_image(const fb::Binding& binding, uint32_t index) {
  const fb::ImageSpec* image = binding.image();
  if (!binding.is_input())
    return corrupt_at(at_binding(index), "binding: an image must be an input");
  if (image == nullptr)
    return corrupt_at(at_binding(index), "binding: an image needs its description");
  if (binding.io_bytes() != 0) {
    return corrupt_at(at_binding(index), "binding: an image has no buffer",
                      static_cast<int64_t>(binding.io_bytes()), 0);
  }
  if (image->width() == 0 || image->height() == 0 || image->width() > uint32_t{kMaxNetworkSide} ||
      image->height() > uint32_t{kMaxNetworkSide}) {
    return corrupt_at(at_binding(index), "image: its size is out of range",
                      image->width() > image->height() ? image->width() : image->height(),
                      uint32_t{kMaxNetworkSide});
  }
  if (image->channels() != 1 && image->channels() != 3) {
    return corrupt_at(at_binding(index), "image: it must have 1 or 3 channels", image->channels(),
                      3);
  }
  if (image->fit() > static_cast<uint8_t>(FitMode::kCrop)) {
    return corrupt_at(at_binding(index), "image: unknown way to fit the frame", image->fit(),
                      static_cast<uint8_t>(FitMode::kCrop));
  }
  if (image->mean()->size() != image->channels() || image->scale()->size() != image->channels()) {
    return corrupt_at(at_binding(index), "image: it needs one mean and one scale per channel",
                      image->mean()->size(), image->channels());
  }
  bool finite = is_finite(image->pad_value());
  for (uint32_t c = 0; c < image->channels(); ++c) {
    finite = finite && is_finite(image->mean()->Get(c)) && is_finite(image->scale()->Get(c));
  }
  if (!finite)
    return corrupt_at(at_binding(index), "image: mean, scale or padding is not a finite number");
  return ok_status();
}

/// The tensor a binding shows lies at the start of the binding's own buffer, without gaps.
Status verify_bound_tensor(const ProgramContext& context, const fb::Binding& binding,
                           uint32_t index) {
  const auto& tensors = *context.program->tensors();
  if (binding.tensor() >= tensors.size()) {
    return corrupt_at(at_binding(index), "binding: no such tensor", binding.tensor(),
                      tensors.size());
  }
  const fb::Tensor& tensor = *tensors.Get(binding.tensor());
  if (tensor.storage() != fb::StorageKind::Binding || tensor.index() != index ||
      tensor.offset() != 0 || !is_dense(tensor)) {
    return corrupt_at(at_binding(index),
                      "binding: its tensor must fill its buffer from the start without gaps",
                      binding.tensor());
  }
  if (binding.io_offset() % kMinBaseAlignment != 0) {
    return corrupt_at(at_binding(index), "binding: its default buffer is misaligned",
                      static_cast<int64_t>(binding.io_offset()), kMinBaseAlignment);
  }
  if (!range_inside(binding.io_offset(), binding.io_bytes(), context.program->io_bytes())) {
    return corrupt_at(at_binding(index), "binding: its default buffer lies outside the I/O block",
                      static_cast<int64_t>(binding.io_offset()),
                      static_cast<int64_t>(context.program->io_bytes()));
  }
  return ok_status();
}

Status verify_detections(const ProgramContext& context, const fb::Binding& binding,
                         uint32_t index) {
  if (binding.is_input())
    return corrupt_at(at_binding(index), "binding: detections must be an output");
  const auto& tensors = *context.program->tensors();
  const int64_t batch = context.program->batch();
  const fb::Tensor& boxes = *tensors.Get(binding.tensor());
  if (static_cast<DType>(boxes.dtype()) != DType::kF32 || boxes.shape()->size() != 3 ||
      boxes.shape()->Get(0) != batch || boxes.shape()->Get(1) < 1 ||
      boxes.shape()->Get(2) != kDetectionFloats) {
    return corrupt_at(at_binding(index), "binding: detections must be f32 [batch, max, 6]",
                      binding.tensor());
  }
  if (boxes.shape()->Get(1) > INT32_MAX)
    return corrupt_at(at_binding(index), "binding: too many detections", boxes.shape()->Get(1),
                      INT32_MAX);
  if (binding.count_tensor() >= tensors.size()) {
    return corrupt_at(at_binding(index), "binding: no such tensor", binding.count_tensor(),
                      tensors.size());
  }
  const fb::Tensor& counts = *tensors.Get(binding.count_tensor());
  if (static_cast<DType>(counts.dtype()) != DType::kI32 || counts.shape()->size() != 1 ||
      counts.shape()->Get(0) != batch || !is_dense(counts) ||
      counts.storage() == fb::StorageKind::Segment) {
    return corrupt_at(at_binding(index),
                      "binding: the numbers of detections must be i32 [batch] in writable memory",
                      binding.count_tensor());
  }
  return ok_status();
}

Status verify_binding(const ProgramContext& context, uint32_t index) {
  const fb::Binding& binding = *context.program->bindings()->Get(index);
  switch (binding.kind()) {
    case fb::BindingKind::Image:
      return verify_image(binding, index);
    case fb::BindingKind::Tensor: {
      STINT_RETURN_IF_ERROR(verify_bound_tensor(context, binding, index));
      TensorExtent extent;
      STINT_RETURN_IF_ERROR(measure_tensor(*context.program->tensors()->Get(binding.tensor()),
                                           binding.tensor(), &extent));
      if (extent.bytes != binding.io_bytes()) {
        return corrupt_at(at_binding(index), "binding: its buffer is not as large as its tensor",
                          static_cast<int64_t>(binding.io_bytes()),
                          static_cast<int64_t>(extent.bytes));
      }
      return ok_status();
    }
    case fb::BindingKind::Detections:
      STINT_RETURN_IF_ERROR(verify_bound_tensor(context, binding, index));
      return verify_detections(context, binding, index);
  }
  return corrupt_at(at_binding(index), "binding: unknown kind",
                    static_cast<int64_t>(binding.kind()), 2);
}

/// Default buffers that share bytes would let a step overwrite its own input.
Status verify_buffers_apart(const ProgramContext& context, uint32_t index) {
  const auto& bindings = *context.program->bindings();
  const fb::Binding& a = *bindings.Get(index);
  for (uint32_t i = 0; i < index; ++i) {
    const fb::Binding& b = *bindings.Get(i);
    if (a.io_bytes() == 0 || b.io_bytes() == 0) continue;
    if (a.io_offset() < b.io_offset() + b.io_bytes() &&
        b.io_offset() < a.io_offset() + a.io_bytes()) {
      return corrupt_at(at_binding(index), "binding: its default buffer overlaps another one",
                        index, i);
    }
  }
  return ok_status();
}

}  // namespace

Status verify_bindings(const ProgramContext& context) {
  const uint32_t count = context.program->bindings()->size();
  if (count > kMaxBindings) return corrupt("program: too many bindings", count, kMaxBindings);
  for (uint32_t i = 0; i < count; ++i) {
    STINT_RETURN_IF_ERROR(verify_binding(context, i));
    STINT_RETURN_IF_ERROR(verify_buffers_apart(context, i));
  }
  return ok_status();
}

}  // namespace stint
