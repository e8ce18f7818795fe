#include "core/plan/weight_ranges.h"

#include "core/plan/tensor_extent.h"
#include "plan_schema/file_format.h"

namespace stint {
namespace {

Status add(const fb::Tensor& tensor, WeightRanges* ranges) {
  TensorExtent extent;
  STINT_RETURN_IF_ERROR(measure_tensor(tensor, kNone, &extent));
  const uint64_t begin = tensor.offset() & ~(kSegmentAlignment - 1);
  const uint64_t end = tensor.offset() + extent.bytes;  // inside the segment: verify_tensors
  auto* range = const_cast<WeightRange*>(ranges->find(tensor.index()));
  if (range == nullptr) {
    if (ranges->count == kMaxWeightSegments) {
      return corrupt("target: its weights lie in too many segments", ranges->count + 1,
                     kMaxWeightSegments);
    }
    ranges->items[ranges->count++] = {tensor.index(), begin, end};
    return ok_status();
  }
  if (begin < range->begin) range->begin = begin;
  if (end > range->end) range->end = end;
  return ok_status();
}

Status collect(const fb::Program& program, WeightRanges* ranges) {
  for (const fb::Step* step : *program.steps()) {
    const auto* relocations = step->launch()->relocations();
    for (uint32_t i = 0; relocations != nullptr && i < relocations->size(); ++i) {
      const fb::Tensor& tensor = *program.tensors()->Get(relocations->Get(i)->tensor());
      if (tensor.storage() == fb::StorageKind::Segment) STINT_RETURN_IF_ERROR(add(tensor, ranges));
    }
  }
  return ok_status();
}

}  // namespace

Status collect_weight_ranges(const fb::TargetVariant& variant, WeightRanges* ranges) {
  for (const fb::Program* program : *variant.programs())
    STINT_RETURN_IF_ERROR(collect(*program, ranges));
  return ok_status();
}

}  // namespace stint
