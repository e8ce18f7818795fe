#include "host_builder/emit/program_writer.h"

#include <algorithm>

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

constexpr uint32_t kArenaAlignment = 64;

class ProgramWriter {
 public:
  ProgramWriter(Builder& builder, const PlanProgram& program, const ProgramSegments& segments)
      : b_(builder),
        program_(program),
        graph_(*program.graph),
        s_(*program.schedule),
        segments_(segments),
        on_gpu_(!program.code.empty()) {}

  flatbuffers::Offset<fb::Program> write() {
    const std::vector<flatbuffers::Offset<fb::Arena>> arenas = write_arenas();
    std::vector<flatbuffers::Offset<fb::Tensor>> tensors;
    for (const ScheduledTensor& tensor : s_.tensors) tensors.push_back(write_tensor(tensor));
    std::vector<flatbuffers::Offset<fb::Binding>> bindings;
    for (const ScheduledBinding& binding : s_.bindings) bindings.push_back(write_binding(binding));
    std::vector<flatbuffers::Offset<fb::Step>> steps;
    for (size_t i = 0; i < s_.steps.size(); ++i) steps.push_back(write_step(i));
    std::vector<fb::Edge> edges;
    for (const ScheduledEdge& e : s_.edges)
      edges.emplace_back(e.from, e.to,
                         e.programmatic ? fb::EdgeKind::Programmatic : fb::EdgeKind::Full);
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
  bool has_storage(StorageKind kind) const {
    return std::any_of(s_.storages.begin(), s_.storages.end(),
                       [kind](const Storage& s) { return s.kind == kind; });
  }

  // Activations first, then the states of GPU steps.
  std::vector<flatbuffers::Offset<fb::Arena>> write_arenas() {
    const auto space = on_gpu_ ? fb::MemorySpace::Device : fb::MemorySpace::Host;
    std::vector<flatbuffers::Offset<fb::Arena>> arenas;
    // Tensors without elements lie in the arena too, even when it has no bytes.
    if (has_storage(StorageKind::kArena))
      arenas.push_back(fb::CreateArena(b_, space, s_.arena_bytes, kArenaAlignment));
    if (s_.state_bytes > 0) {
      state_arena_ = static_cast<uint32_t>(arenas.size());
      arenas.push_back(fb::CreateArena(b_, space, s_.state_bytes, kArenaAlignment, true));
    }
    return arenas;
  }

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
      index = segments_.weights_index;
      base = segments_.weights->add(graph_.value(storage.constant).constant);
    } else if (storage.kind == StorageKind::kState) {
      index = state_arena_;
    }
    const auto shape = b_.CreateVector(tensor.shape);
    const auto strides = b_.CreateVector(tensor.strides);
    const auto name = b_.CreateString(tensor.name);
    flatbuffers::Offset<flatbuffers::Vector<float>> scales;
    flatbuffers::Offset<flatbuffers::Vector<int32_t>> zero_points;
    if (tensor.quant) {
      scales = b_.CreateVector(tensor.quant->scales);
      if (!tensor.quant->zero_points.empty())
        zero_points = b_.CreateVector(tensor.quant->zero_points);
    }
    return fb::CreateTensor(b_, static_cast<uint8_t>(tensor.dtype), shape, strides, kind, index,
                            base + tensor.offset, scales, name, zero_points,
                            tensor.quant ? tensor.quant->axis : -1);
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

  flatbuffers::Offset<fb::Step> write_step(size_t i) {
    const ScheduledStep& step = s_.steps[i];
    flatbuffers::Offset<fb::Launch> launch = 0;
    std::vector<std::byte> params = step.spec.params;
    if (on_gpu_) launch = write_launch(step, program_.code.at(i), params);
    const auto params_offset =
        b_.CreateVector(reinterpret_cast<const uint8_t*>(params.data()), params.size());
    const auto inputs = b_.CreateVector(step.inputs);
    const auto outputs = b_.CreateVector(step.outputs);
    const auto name = b_.CreateString(step.spec.name);
    const int32_t image =
        step.image_binding == kNone ? -1 : static_cast<int32_t>(step.image_binding);
    return fb::CreateStep(b_, static_cast<uint16_t>(step.spec.kernel.value_or(KernelId{})),
                          params_offset, inputs, outputs, step.workspace, image, launch, name);
  }

  /// The parameter block is pointers in the order that GpuLaunch promises; they are written when a
  /// session is created.
  flatbuffers::Offset<fb::Launch> write_launch(const ScheduledStep& step, const Cubin& code,
                                               std::vector<std::byte>& params) {
    const GpuLaunch& launch = *step.spec.launch;
    std::vector<fb::Relocation> relocations;
    uint32_t bytes = 0;
    const auto add_pointer = [&bytes] { return (bytes += 8) - 8; };
    for (const auto* operands : {&step.inputs, &step.outputs})
      for (const uint32_t tensor : *operands) relocations.emplace_back(add_pointer(), tensor);
    if (step.workspace != kNone) relocations.emplace_back(add_pointer(), step.workspace);
    if (step.state != kNone) relocations.emplace_back(add_pointer(), step.state);
    const uint32_t frames = launch.takes_frames ? add_pointer() : kNone;
    const uint32_t limits = launch.takes_limits ? add_pointer() : kNone;
    params.assign(bytes, std::byte{0});
    const auto symbol = b_.CreateString(launch.symbol);
    const auto relocations_offset = b_.CreateVectorOfStructs(relocations);
    const uint32_t segment = segments_.code->add(SegmentKind::kCubin, code);
    return fb::CreateLaunch(b_, segment, symbol, launch.grid[0], launch.grid[1], launch.grid[2],
                            launch.block[0], launch.block[1], launch.block[2], launch.dynamic_smem,
                            relocations_offset, frames, limits);
  }

  Builder& b_;
  const PlanProgram& program_;
  const Graph& graph_;
  const Schedule& s_;
  const ProgramSegments& segments_;
  const bool on_gpu_;
  uint32_t state_arena_ = 0;
};

/// The narrowest type that the step's real-valued operands and results are stored in.
DType precision_of(const Schedule& schedule, const ScheduledStep& step) {
  DType narrowest = DType::kF32;
  for (const auto* tensors : {&step.inputs, &step.outputs}) {
    for (const uint32_t t : *tensors) {
      if (t == kNone) continue;
      const ScheduledTensor& tensor = schedule.tensors[t];
      if (tensor.quant) return DType::kI8;
      if (tensor.dtype == DType::kF16) narrowest = DType::kF16;
    }
  }
  return narrowest;
}

fb::Provenance provenance_of(const StepSpec& spec) {
  if (spec.pinned) return fb::Provenance::Pinned;
  return spec.measured_us > 0 ? fb::Provenance::MeasuredOnTarget : fb::Provenance::Predicted;
}

}  // namespace

void add_constants(const PlanProgram& program, WeightsSegment& weights) {
  for (const ScheduledTensor& tensor : program.schedule->tensors) {
    const Storage& storage = program.schedule->storages[tensor.storage];
    if (storage.kind == StorageKind::kConstant)
      weights.add(program.graph->value(storage.constant).constant);
  }
}

flatbuffers::Offset<fb::Program> write_program(Builder& builder, const PlanProgram& program,
                                               const ProgramSegments& segments) {
  return ProgramWriter(builder, program, segments).write();
}

void write_decisions(Builder& builder, const Schedule& schedule,
                     std::vector<flatbuffers::Offset<fb::Decision>>& decisions) {
  for (uint32_t i = 0; i < schedule.steps.size(); ++i) {
    const StepSpec& spec = schedule.steps[i].spec;
    const auto subject = builder.CreateString(spec.name);
    const auto choice = builder.CreateString(spec.tactic);
    decisions.push_back(fb::CreateDecision(
        builder, subject, choice, provenance_of(spec), static_cast<float>(spec.predicted_us),
        static_cast<float>(spec.measured_us), static_cast<uint32_t>(schedule.batch), i, spec.flops,
        spec.bytes, static_cast<uint8_t>(precision_of(schedule, schedule.steps[i]))));
  }
}

}  // namespace stint::builder
