#include "host_builder/emit/program_writer.h"

#include <algorithm>

#include "host_builder/graph/error.h"

namespace stint::builder {
namespace {

constexpr uint32_t kArenaAlignment = 64;

class ProgramWriter {
 public:
  ProgramWriter(Builder& builder, const PlanProgram& program, WeightsSegment& weights,
                uint32_t weights_index)
      : b_(builder),
        graph_(*program.graph),
        s_(*program.schedule),
        weights_(weights),
        weights_index_(weights_index) {}

  flatbuffers::Offset<fb::Program> write() {
    std::vector<flatbuffers::Offset<fb::Arena>> arenas;
    // Tensors without elements lie in the arena too, even when it has no bytes.
    const bool has_arena =
        std::any_of(s_.storages.begin(), s_.storages.end(),
                    [](const Storage& s) { return s.kind == StorageKind::kArena; });
    if (has_arena)
      arenas.push_back(fb::CreateArena(b_, fb::MemorySpace::Host, s_.arena_bytes, kArenaAlignment));
    std::vector<flatbuffers::Offset<fb::Tensor>> tensors;
    for (const ScheduledTensor& tensor : s_.tensors) tensors.push_back(write_tensor(tensor));
    std::vector<flatbuffers::Offset<fb::Binding>> bindings;
    for (const ScheduledBinding& binding : s_.bindings) bindings.push_back(write_binding(binding));
    std::vector<flatbuffers::Offset<fb::Step>> steps;
    for (const ScheduledStep& step : s_.steps) steps.push_back(write_step(step));
    std::vector<fb::Edge> edges;
    for (const Dependence& d : s_.dependences) edges.emplace_back(d.from, d.to, fb::EdgeKind::Full);
    const auto arenas_offset = b_.CreateVector(arenas);
    const auto tensors_offset = b_.CreateVector(tensors);
    const auto bindings_offset = b_.CreateVector(bindings);
    const auto steps_offset = b_.CreateVector(steps);
    const auto edges_offset = b_.CreateVectorOfStructs(edges);
    return fb::CreateProgram(b_, static_cast<uint32_t>(s_.batch), arenas_offset, tensors_offset,
                             bindings_offset, steps_offset, edges_offset, s_.worker_scratch_bytes,
                             s_.io_bytes, s_.arena_bytes, s_.lower_bound);
  }

 private:
  flatbuffers::Offset<fb::Tensor> write_tensor(const ScheduledTensor& tensor) {
    const Storage& storage = s_.storages[tensor.storage];
    fb::StorageKind kind = fb::StorageKind::Arena;
    uint32_t index = 0;
    uint64_t base = storage.offset;
    if (storage.kind == StorageKind::kBinding) {
      kind = fb::StorageKind::Binding;
      index = storage.binding;
      base = 0;
    } else if (storage.kind == StorageKind::kConstant) {
      kind = fb::StorageKind::Segment;
      index = weights_index_;
      base = weights_.add(graph_.value(storage.constant).constant);
    }
    const auto shape = b_.CreateVector(tensor.shape);
    const auto strides = b_.CreateVector(tensor.strides);
    const auto scale = tensor.scale.empty() ? 0 : b_.CreateVector(tensor.scale);
    const auto name = b_.CreateString(tensor.name);
    return fb::CreateTensor(b_, static_cast<uint8_t>(tensor.dtype), shape, strides, kind, index,
                            base + tensor.offset, scale, name);
  }

  flatbuffers::Offset<fb::ImageSpec> write_image(const PreprocessAttributes& image) {
    const auto mean = b_.CreateVector(image.mean);
    const auto scale = b_.CreateVector(image.scale);
    return fb::CreateImageSpec(
        b_, static_cast<uint32_t>(image.width), static_cast<uint32_t>(image.height),
        static_cast<uint8_t>(image.channels), static_cast<uint8_t>(image.fit), image.order_bgr,
        image.pad_value, mean, scale);
  }

  flatbuffers::Offset<fb::Binding> write_binding(const ScheduledBinding& binding) {
    const auto name = b_.CreateString(binding.name);
    switch (binding.kind) {
      case ScheduledBindingKind::kImage:
        return fb::CreateBinding(b_, name, true, fb::BindingKind::Image, 0, 0,
                                 write_image(binding.image));
      case ScheduledBindingKind::kDetections:
        return fb::CreateBinding(b_, name, false, fb::BindingKind::Detections, binding.tensor,
                                 binding.count_tensor, 0, binding.io_bytes, binding.io_offset);
      case ScheduledBindingKind::kTensor:
        break;
    }
    return fb::CreateBinding(b_, name, binding.is_input, fb::BindingKind::Tensor, binding.tensor, 0,
                             0, binding.io_bytes, binding.io_offset);
  }

  flatbuffers::Offset<fb::Step> write_step(const ScheduledStep& step) {
    const auto params = b_.CreateVector(reinterpret_cast<const uint8_t*>(step.spec.params.data()),
                                        step.spec.params.size());
    const auto inputs = b_.CreateVector(step.inputs);
    const auto outputs = b_.CreateVector(step.outputs);
    const auto name = b_.CreateString(step.spec.name);
    const int32_t image =
        step.image_binding == kNone ? -1 : static_cast<int32_t>(step.image_binding);
    return fb::CreateStep(b_, static_cast<uint16_t>(step.spec.kernel), params, inputs, outputs,
                          step.workspace, image, 0, name);
  }

  Builder& b_;
  const Graph& graph_;
  const Schedule& s_;
  WeightsSegment& weights_;
  const uint32_t weights_index_;
};

}  // namespace

flatbuffers::Offset<fb::Program> write_program(Builder& builder, const PlanProgram& program,
                                               WeightsSegment& weights, uint32_t weights_index) {
  return ProgramWriter(builder, program, weights, weights_index).write();
}

void write_decisions(Builder& builder, const Schedule& schedule,
                     std::vector<flatbuffers::Offset<fb::Decision>>& decisions) {
  for (uint32_t i = 0; i < schedule.steps.size(); ++i) {
    const StepSpec& spec = schedule.steps[i].spec;
    const auto subject = builder.CreateString(spec.name);
    const auto choice = builder.CreateString(spec.tactic);
    decisions.push_back(fb::CreateDecision(
        builder, subject, choice, fb::Provenance::Predicted, static_cast<float>(spec.predicted_us),
        0.0f, static_cast<uint32_t>(schedule.batch), i, spec.flops, spec.bytes));
  }
}

}  // namespace stint::builder
