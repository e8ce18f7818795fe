#include "core/plan/checked.h"
#include "core/plan/limits.h"
#include "core/plan/verify.h"

namespace stint {
namespace {

/// Bytes of the memory a tensor lies in.
Status storage_bytes(const ProgramContext& context, const fb::Tensor& tensor, uint32_t index,
                     uint64_t* bytes) {
  const fb::Program& program = *context.program;
  switch (tensor.storage()) {
    case fb::StorageKind::Arena:
      if (tensor.index() >= program.arenas()->size()) {
        return corrupt_at(at_tensor(index), "tensor: no such arena", tensor.index(),
                          program.arenas()->size());
      }
      *bytes = program.arenas()->Get(tensor.index())->bytes();
      return ok_status();
    case fb::StorageKind::Segment:
      if (tensor.index() >= context.frame->segment_count) {
        return corrupt_at(at_tensor(index), "tensor: no such segment", tensor.index(),
                          context.frame->segment_count);
      }
      *bytes = context.frame->segments[tensor.index()].bytes;
      return ok_status();
    case fb::StorageKind::Binding: {
      if (tensor.index() >= program.bindings()->size()) {
        return corrupt_at(at_tensor(index), "tensor: no such binding", tensor.index(),
                          program.bindings()->size());
      }
      const fb::Binding& binding = *program.bindings()->Get(tensor.index());
      if (binding.kind() == fb::BindingKind::Image) {
        return corrupt_at(at_tensor(index),
                          "tensor: it lies in an image binding, which has no buffer",
                          tensor.index());
      }
      *bytes = binding.io_bytes();
      return ok_status();
    }
  }
  return corrupt_at(at_tensor(index), "tensor: unknown storage",
                    static_cast<int64_t>(tensor.storage()), 2);
}

/// Scales and zero points fit the tensor: readers index them without a look.
Status verify_quantisation(const fb::Tensor& tensor, uint32_t index) {
  const uint32_t scales = tensor.scale() == nullptr ? 0 : tensor.scale()->size();
  const uint32_t zero_points = tensor.zero_point() == nullptr ? 0 : tensor.zero_point()->size();
  if (zero_points != 0 && zero_points != scales) {
    return corrupt_at(at_tensor(index), "tensor: it has other numbers of zero points and of scales",
                      zero_points, scales);
  }
  if (tensor.axis() < -1 || tensor.axis() >= static_cast<int64_t>(tensor.shape()->size())) {
    return corrupt_at(at_tensor(index), "tensor: its scales are of an axis that it has not",
                      tensor.axis(), tensor.shape()->size());
  }
  if (scales == 0) return ok_status();
  const int64_t places =
      tensor.axis() < 0 ? 1 : tensor.shape()->Get(static_cast<uint32_t>(tensor.axis()));
  if (scales != places) {
    return corrupt_at(at_tensor(index), "tensor: it needs one scale for each place of their axis",
                      scales, places);
  }
  for (const float scale : *tensor.scale()) {
    if (!(scale > 0.0f && scale <= 3.4e38f)) {
      return corrupt_at(at_tensor(index), "tensor: a scale is no positive number");
    }
  }
  return ok_status();
}

}  // namespace

Status verify_tensors(const ProgramContext& context) {
  const auto& tensors = *context.program->tensors();
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    const fb::Tensor& tensor = *tensors.Get(i);
    TensorExtent extent;
    STINT_RETURN_IF_ERROR(measure_tensor(tensor, i, &extent));
    STINT_RETURN_IF_ERROR(verify_quantisation(tensor, i));
    uint64_t available = 0;
    STINT_RETURN_IF_ERROR(storage_bytes(context, tensor, i, &available));
    if (!range_inside(tensor.offset(), extent.bytes, available)) {
      return corrupt_at(at_tensor(i), "tensor: it reaches beyond its memory",
                        static_cast<int64_t>(extent.bytes), static_cast<int64_t>(available));
    }
    const uint32_t element_bytes = dtype_bytes(static_cast<DType>(tensor.dtype()));
    if (tensor.offset() % element_bytes != 0) {
      return corrupt_at(at_tensor(i), "tensor: its offset is not a multiple of its element",
                        static_cast<int64_t>(tensor.offset()), element_bytes);
    }
    // Strides of 0 let a short buffer stand for a huge tensor; real broadcasts never exceed what is
    // stored somewhere.
    if (extent.elements > context.memory_bytes) {
      return corrupt_at(at_tensor(i), "tensor: it has more elements than the program has bytes",
                        static_cast<int64_t>(extent.elements),
                        static_cast<int64_t>(context.memory_bytes));
    }
  }
  return ok_status();
}

}  // namespace stint
