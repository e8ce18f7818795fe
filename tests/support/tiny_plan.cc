#include "tests/support/tiny_plan.h"

#include "plan_schema/kernel_id.h"
#include "plan_schema/params/copy.h"
#include "tests/support/pod_bytes.h"

namespace stint::test {
namespace {

std::vector<uint8_t> concat_params() {
  CopyParams params;
  params.mode = CopyMode::kConcat;
  params.concat_axis = 1;
  return bytes_of(params);
}

std::vector<uint8_t> transpose_params(uint32_t batch) {
  CopyParams params;
  params.mode = CopyMode::kMapped;
  params.axis_count = 3;
  std::vector<uint8_t> bytes = bytes_of(params);
  const int64_t extents[3] = {batch, kTinyColumns, kTinyRows + 1};
  const int8_t x_axes[3] = {0, 2, 1};
  for (int8_t a = 0; a < 3; ++a) {
    CopyAxis axis;
    axis.extent = extents[a];
    axis.x_step = axis.y_step = 1;
    axis.x_axis = x_axes[a];
    axis.y_axis = a;
    append_pod(&bytes, axis);
  }
  return bytes;
}

ProgramSpec tiny_program(uint32_t batch) {
  constexpr uint8_t kF32 = static_cast<uint8_t>(DType::kF32);
  const uint64_t input_bytes = batch * kTinyRows * kTinyColumns * sizeof(float);
  const uint64_t output_bytes = batch * (kTinyRows + 1) * kTinyColumns * sizeof(float);
  const uint64_t output_offset = (input_bytes + 63) / 64 * 64;
  ProgramSpec p;
  p.batch = batch;
  p.arenas = {{output_bytes}};
  p.tensors = {
      {kF32, {batch, kTinyRows, kTinyColumns}, fb::StorageKind::Binding, 0, 0, {}},
      {kF32, {batch, 1, kTinyColumns}, fb::StorageKind::Segment, 0, 0, {}},
      {kF32, {batch, kTinyRows + 1, kTinyColumns}, fb::StorageKind::Arena, 0, 0, {}},
      {kF32, {batch, kTinyColumns, kTinyRows + 1}, fb::StorageKind::Binding, 1, 0, {}},
  };
  p.bindings.resize(2);
  p.bindings[0].name = "x";
  p.bindings[0].is_input = true;
  p.bindings[0].tensor = 0;
  p.bindings[0].io_bytes = input_bytes;
  p.bindings[1].name = "y";
  p.bindings[1].tensor = 3;
  p.bindings[1].io_bytes = output_bytes;
  p.bindings[1].io_offset = output_offset;
  p.io_bytes = output_offset + output_bytes;
  p.steps.resize(2);
  p.steps[0].kernel = p.steps[1].kernel = static_cast<uint16_t>(KernelId::kCopy);
  p.steps[0].name = "concat";
  p.steps[0].params = concat_params();
  p.steps[0].inputs = {0, 1};
  p.steps[0].outputs = {2};
  p.steps[1].params = transpose_params(batch);
  p.steps[1].inputs = {2};
  p.steps[1].outputs = {3};
  p.edges = {fb::Edge(0, 1, fb::EdgeKind::Full)};
  p.worker_scratch = 100;
  return p;
}

}  // namespace

PlanSpec tiny_plan(const std::vector<uint32_t>& batches) {
  PlanSpec spec;
  spec.labels = {"cat", "dog"};
  uint32_t largest = 1;
  for (uint32_t batch : batches) largest = batch > largest ? batch : largest;
  SegmentSpec constant;
  for (uint32_t b = 0; b < largest; ++b) {
    for (int c = 0; c < kTinyColumns; ++c)
      append_pod(&constant.bytes, 100.0f + static_cast<float>(c));
  }
  spec.segments = {constant};
  spec.variants.resize(1);
  for (uint32_t batch : batches) spec.variants[0].programs.push_back(tiny_program(batch));
  return spec;
}

std::vector<float> tiny_reference(const std::vector<float>& x, uint32_t batch) {
  std::vector<float> y;
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t c = 0; c < kTinyColumns; ++c) {
      for (int64_t r = 0; r < kTinyRows; ++r) {
        y.push_back(x[static_cast<size_t>((b * kTinyRows + r) * kTinyColumns + c)]);
      }
      y.push_back(100.0f + static_cast<float>(c));
    }
  }
  return y;
}

}  // namespace stint::test
