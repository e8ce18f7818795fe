#include "tests/support/brightest_cell_plan.h"

#include "plan_schema/kernel_id.h"
#include "plan_schema/params/decode.h"
#include "plan_schema/params/preprocess.h"

namespace stint::test {
namespace {

template <typename P>
std::vector<uint8_t> bytes_of(const P& pod) {
  const auto* p = reinterpret_cast<const uint8_t*>(&pod);
  return {p, p + sizeof pod};
}

ProgramSpec program(uint32_t batch) {
  constexpr auto kF32 = static_cast<uint8_t>(DType::kF32);
  constexpr auto kI32 = static_cast<uint8_t>(DType::kI32);
  const uint64_t cells_bytes = uint64_t{batch} * kCells * sizeof(float);
  const uint64_t detections_bytes = uint64_t{batch} * kMaxBrightCells * 6 * sizeof(float);
  ProgramSpec p;
  p.batch = batch;
  p.arenas = {{cells_bytes + 64 * ((batch * sizeof(int32_t) + 63) / 64)}};
  p.tensors = {
      {kF32, {batch, kCellsPerSide, kCellsPerSide, 1}, fb::StorageKind::Arena, 0, 0, {}},
      {kF32, {batch, kCells}, fb::StorageKind::Arena, 0, 0, {}},
      {kF32, {batch, kMaxBrightCells, 6}, fb::StorageKind::Binding, 1, 0, {}},
      {kI32, {batch}, fb::StorageKind::Arena, 0, cells_bytes, {}},
  };

  p.bindings.resize(2);
  BindingSpec& frame = p.bindings[0];
  frame.name = "frame";
  frame.is_input = true;
  frame.kind = fb::BindingKind::Image;
  frame.image.present = true;
  frame.image.width = frame.image.height = kCellsPerSide;
  frame.image.channels = 1;
  frame.image.mean = {0};
  frame.image.scale = {1.0f / 255};
  BindingSpec& detections = p.bindings[1];
  detections.name = "detections";
  detections.kind = fb::BindingKind::Detections;
  detections.tensor = 2;
  detections.count_tensor = 3;
  detections.io_bytes = p.io_bytes = detections_bytes;

  PreprocessParams shrink;
  shrink.width = shrink.height = kCellsPerSide;
  shrink.channels = 1;
  shrink.scale[0] = 1.0f / 255;
  TopClassesParams top;
  top.input_width = top.input_height = kCellsPerSide;
  top.score_threshold = 0.5f;
  p.steps.resize(2);
  p.steps[0].kernel = static_cast<uint16_t>(KernelId::kPreprocess);
  p.steps[0].params = bytes_of(shrink);
  p.steps[0].outputs = {0};
  p.steps[0].image_binding = 0;
  p.steps[1].kernel = static_cast<uint16_t>(KernelId::kTopClasses);
  p.steps[1].params = bytes_of(top);
  p.steps[1].inputs = {1};
  p.steps[1].outputs = {2, 3};
  p.steps[1].image_binding = 0;
  p.edges = {fb::Edge(0, 1, fb::EdgeKind::Full)};
  // Column tables of the frame reader, per worker.
  p.worker_scratch = 64 * 1024;
  return p;
}

}  // namespace

PlanSpec brightest_cell_plan(const std::vector<uint32_t>& batches,
                             const std::string& label_prefix) {
  PlanSpec spec;
  spec.name = "brightest-cell";
  for (uint32_t cell = 0; cell < kCells; ++cell) {
    spec.labels.push_back(label_prefix + std::to_string(cell));
  }
  spec.variants.resize(1);
  for (const uint32_t batch : batches) spec.variants[0].programs.push_back(program(batch));
  return spec;
}

}  // namespace stint::test
