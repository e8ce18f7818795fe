// GPU steps: the launch, and every pointer in its parameter block.
#include "core/plan/checked.h"
#include "core/plan/limits.h"
#include "core/plan/step_operands.h"
#include "core/plan/verify.h"
#include "core/plan/weight_ranges.h"

namespace stint {
namespace {

constexpr uint32_t kPointerBytes = 8;

Status verify_shape(const fb::Launch& launch, uint32_t index) {
  // CUDA's own limits, the same on every SM; the device's are checked when a session is created.
  const uint64_t threads = uint64_t{launch.block_x()} * launch.block_y();
  if (launch.grid_x() == 0 || launch.grid_y() == 0 || launch.grid_z() == 0 ||
      launch.grid_x() > INT32_MAX || launch.grid_y() > 65535 || launch.grid_z() > 65535) {
    return corrupt_at(at_step(index), "launch: its grid is out of range", launch.grid_x(),
                      INT32_MAX);
  }
  if (threads == 0 || launch.block_z() == 0 || launch.block_z() > 64 || threads > 1024 ||
      threads * launch.block_z() > 1024) {
    return corrupt_at(at_step(index), "launch: its block is out of range",
                      static_cast<int64_t>(threads), 1024);
  }
  if (launch.dynamic_smem() > INT32_MAX) {
    return corrupt_at(at_step(index), "launch: its shared memory is out of range",
                      launch.dynamic_smem(), INT32_MAX);
  }
  return ok_status();
}

/// The pointers of a parameter block; each must be written exactly once before a launch.
class PointerSlots {
 public:
  PointerSlots(uint32_t params_bytes, uint32_t step) : bytes_(params_bytes), step_(step) {}

  Status claim(uint32_t param_byte) {
    if (param_byte % kPointerBytes != 0 || !range_inside(param_byte, kPointerBytes, bytes_)) {
      return corrupt_at(at_step(step_), "launch: a pointer lies outside the parameters", param_byte,
                        bytes_);
    }
    bool& taken = taken_[param_byte / kPointerBytes];
    if (taken)
      return corrupt_at(at_step(step_), "launch: two pointers lie in one place", param_byte,
                        bytes_);
    taken = true;
    ++claimed_;
    return ok_status();
  }

  Status verify_complete() const {
    if (bytes_ != claimed_ * kPointerBytes) {
      return corrupt_at(at_step(step_),
                        "launch: a part of the parameters is no pointer to anything",
                        claimed_ * kPointerBytes, bytes_);
    }
    return ok_status();
  }

 private:
  bool taken_[kMaxParamsBytes / kPointerBytes] = {};
  uint32_t claimed_ = 0;
  const uint32_t bytes_;
  const uint32_t step_;
};

Status verify_relocation(const ProgramContext& context, const fb::Relocation& relocation,
                         uint32_t index) {
  const auto& tensors = *context.program->tensors();
  if (relocation.tensor() >= tensors.size()) {
    return corrupt_at(at_step(index), "launch: a pointer names no tensor", relocation.tensor(),
                      tensors.size());
  }
  const fb::Tensor& tensor = *tensors.Get(relocation.tensor());
  if (tensor.storage() == fb::StorageKind::Segment &&
      context.frame->segments[tensor.index()].kind != SegmentKind::kWeights) {
    return corrupt_at(at_step(index), "launch: a pointer leads into machine code",
                      relocation.tensor());
  }
  return ok_status();
}

Status verify_pointers(const ProgramContext& context, const fb::Step& step, uint32_t index) {
  const fb::Launch& launch = *step.launch();
  PointerSlots slots(params_bytes(step), index);
  const auto* relocations = launch.relocations();
  for (uint32_t i = 0; relocations != nullptr && i < relocations->size(); ++i) {
    const fb::Relocation& relocation = *relocations->Get(i);
    STINT_RETURN_IF_ERROR(slots.claim(relocation.param_byte()));
    STINT_RETURN_IF_ERROR(verify_relocation(context, relocation, index));
  }
  if (launch.frames_param() != kNone) {
    if (step.image_binding() < 0)
      return corrupt_at(at_step(index),
                        "launch: it reads frames, but the step has no image binding");
    STINT_RETURN_IF_ERROR(slots.claim(launch.frames_param()));
  }
  if (launch.limits_param() != kNone) STINT_RETURN_IF_ERROR(slots.claim(launch.limits_param()));
  return slots.verify_complete();
}

}  // namespace

Status verify_cuda_step(const ProgramContext& context, const fb::Step& step, uint32_t index) {
  const fb::Launch* launch = step.launch();
  if (launch == nullptr) return corrupt_at(at_step(index), "step: a GPU step needs a launch");
  if (launch->module_segment() >= context.frame->segment_count ||
      context.frame->segments[launch->module_segment()].kind != SegmentKind::kCubin) {
    return corrupt_at(at_step(index), "launch: no such kernel module", launch->module_segment(),
                      context.frame->segment_count);
  }
  if (launch->symbol()->size() == 0)
    return corrupt_at(at_step(index), "launch: the kernel has no name");
  STINT_RETURN_IF_ERROR(verify_shape(*launch, index));
  return verify_pointers(context, step, index);
}

}  // namespace stint
