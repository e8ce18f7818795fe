#include "tests/support/frame_plan.h"

#include "plan_schema/kernel_id.h"
#include "plan_schema/params/copy.h"
#include "plan_schema/params/decode.h"
#include "plan_schema/params/preprocess.h"
#include "tests/support/pod_bytes.h"

namespace stint::test {
namespace {

constexpr uint8_t kF32 = static_cast<uint8_t>(DType::kF32);
constexpr uint8_t kI32 = static_cast<uint8_t>(DType::kI32);
constexpr uint8_t kU8 = static_cast<uint8_t>(DType::kU8);
constexpr int64_t kValues = int64_t{kFrameSide} * kFrameSide * 3;
constexpr int64_t kRows = 16;
constexpr int64_t kClasses = 3;
constexpr int64_t kCandidates = 16;

std::vector<uint8_t> preprocess_params() {
  PreprocessParams params;
  params.width = params.height = kFrameSide;
  params.fit = FitMode::kLetterbox;
  params.pad_value = 114.0f;
  for (float& scale : params.scale) scale = 1.0f / 255.0f;
  return bytes_of(params);
}

std::vector<uint8_t> decode_params() {
  DecodeParams params;
  params.kind = DecoderKind::kBoxesScores;
  params.fit = FitMode::kLetterbox;
  params.normalized_boxes = 1;
  params.center_boxes = 1;
  params.classes = kClasses;
  params.input_width = params.input_height = kFrameSide;
  params.max_candidates = kCandidates;
  return bytes_of(params);
}

std::vector<uint8_t> reshape_params() {
  CopyParams params;
  params.mode = CopyMode::kReshape;
  return bytes_of(params);
}

std::vector<uint8_t> classify_params() {
  TopClassesParams params;
  params.fit = FitMode::kLetterbox;
  params.score_function = ScoreFunction::kSoftmax;
  params.input_width = params.input_height = kFrameSide;
  return bytes_of(params);
}

BindingSpec detections_binding(const char* name, uint32_t tensor, uint64_t offset, uint64_t bytes) {
  BindingSpec binding;
  binding.name = name;
  binding.kind = fb::BindingKind::Detections;
  binding.tensor = tensor;
  binding.count_tensor = tensor + 1;
  binding.io_offset = offset;
  binding.io_bytes = bytes;
  return binding;
}

TestStep step(KernelId kernel, std::vector<uint8_t> params, std::vector<uint32_t> inputs,
              std::vector<uint32_t> outputs) {
  TestStep result;
  result.kernel = static_cast<uint16_t>(kernel);
  result.params = std::move(params);
  result.inputs = std::move(inputs);
  result.outputs = std::move(outputs);
  return result;
}

ProgramSpec frame_program(uint32_t batch) {
  const int64_t n = batch;
  const uint64_t values_bytes =
      static_cast<uint64_t>(n * kValues) * sizeof(float);  // a multiple of 64
  const uint64_t boxes_bytes = uint64_t{batch} * kFrameDetections * 24;
  const uint64_t detections_bytes = boxes_bytes + uint64_t{batch} * 4;
  const uint64_t second_offset = (detections_bytes + 63) / 64 * 64;
  const auto workspace = static_cast<int64_t>(decode_workspace_bytes(batch, kCandidates));
  ProgramSpec p;
  p.batch = batch;
  p.arenas = {{2 * values_bytes}, {static_cast<uint64_t>(workspace), 128}};
  p.tensors = {
      {kF32, {n, kFrameSide, kFrameSide, 3}, fb::StorageKind::Arena, 0, 0, {}},
      {kF32, {n, kRows, 4}, fb::StorageKind::Arena, 0, 0, {kValues, 4, 1}},
      {kF32,
       {n, kRows, kClasses},
       fb::StorageKind::Arena,
       0,
       kRows * 4 * sizeof(float),
       {kValues, kClasses, 1}},
      {kF32, {n, kValues}, fb::StorageKind::Arena, 0, values_bytes, {}},
      {kU8, {workspace}, fb::StorageKind::Arena, 1, 0, {}},
      {kF32, {n, kFrameDetections, 6}, fb::StorageKind::Binding, 1, 0, {}},
      {kI32, {n}, fb::StorageKind::Binding, 1, boxes_bytes, {}},
      {kF32, {n, kFrameDetections, 6}, fb::StorageKind::Binding, 2, 0, {}},
      {kI32, {n}, fb::StorageKind::Binding, 2, boxes_bytes, {}},
  };
  BindingSpec frame;
  frame.name = "frame";
  frame.is_input = true;
  frame.kind = fb::BindingKind::Image;
  frame.image.present = true;
  frame.image.width = frame.image.height = kFrameSide;
  frame.image.fit = static_cast<uint8_t>(FitMode::kLetterbox);
  p.bindings = {frame, detections_binding("detections", 5, 0, detections_bytes),
                detections_binding("classes", 7, second_offset, detections_bytes)};
  p.io_bytes = second_offset + detections_bytes;
  p.steps = {
      step(KernelId::kPreprocess, preprocess_params(), {}, {0}),
      step(KernelId::kDecode, decode_params(), {1, 2}, {5, 6}),
      step(KernelId::kCopy, reshape_params(), {0}, {3}),
      step(KernelId::kTopClasses, classify_params(), {3}, {7, 8}),
  };
  p.steps[1].workspace = 4;
  for (int i : {0, 1, 3}) p.steps[static_cast<size_t>(i)].image_binding = 0;
  p.worker_scratch = 256;
  return p;
}

}  // namespace

PlanSpec frame_plan(uint32_t batch) {
  PlanSpec spec;
  spec.name = "frame";
  spec.variants.resize(1);
  spec.variants[0].programs = {frame_program(batch)};
  return spec;
}

}  // namespace stint::test
