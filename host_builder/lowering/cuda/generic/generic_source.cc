#include "host_builder/lowering/cuda/generic/generic_source.h"

#include <algorithm>

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

constexpr uint64_t kAlignment = 16;  // of values that are no views; arenas give more

cpu::TensorView view_of(const Value& value) {
  if (value.shape.size() > kMaxRank)
    throw BuildError("value '" + value.name + "' has rank " + std::to_string(value.shape.size()) +
                     ", at most " + std::to_string(kMaxRank) + " is supported");
  cpu::TensorView view;
  view.dtype = value.dtype;
  view.rank = static_cast<uint8_t>(value.shape.size());
  int64_t stride = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    view.shape[i] = value.shape[static_cast<size_t>(i)];
    view.strides[i] = value.strides.empty() ? stride : value.strides.at(static_cast<size_t>(i));
    stride *= view.shape[i];
  }
  return view;
}

uint64_t alignment_of(const Value& value) {
  uint64_t alignment = kAlignment;
  if (!value.view) return alignment;
  const uint64_t offset = static_cast<uint64_t>(value.view->offset) * dtype_bytes(value.dtype);
  while (offset % alignment != 0) alignment /= 2;
  return alignment;
}

bool needs_64_bits(const cpu::TensorView& t) {
  int64_t last = 0, elements = 1;
  for (int i = 0; i < t.rank; ++i) {
    last += (t.shape[i] - 1) * t.strides[i];
    elements *= t.shape[i];
  }
  return last > INT32_MAX || elements > INT32_MAX;
}

/// Smallest power of two that is at least `n`, at most `most`.
int64_t power_of_two(int64_t n, int64_t most) {
  int64_t p = 1;
  while (p < n && p < most) p *= 2;
  return p;
}

}  // namespace

TeamShape TeamShape::of(int64_t lines, int64_t elements, bool across) {
  TeamShape team;
  team.across = across;
  if (across) {
    // A warp reads whole cache lines; the rest of the block shortens the way through the elements.
    team.lines = elements >= 128 || lines <= 16 ? 16 : 32;
    team.parts = power_of_two(elements, kGenericThreads / team.lines);
    team.lines = kGenericThreads / team.parts;
    return team;
  }
  constexpr int64_t kEnoughThreads = 1 << 18;  // they fill any GPU
  team.parts = power_of_two((elements + 3) / 4, kGenericThreads);
  if (elements >= 8) team.parts = std::max<int64_t>(team.parts, power_of_two(elements, 32));
  while (team.parts > 32 && team.parts * lines > kEnoughThreads) team.parts /= 2;
  team.lines = kGenericThreads / team.parts;
  return team;
}

GenericSource::GenericSource(const Graph& graph, const StepSpec& step, bool takes_frames,
                             bool takes_limits)
    : takes_frames_(takes_frames), takes_limits_(takes_limits) {
  for (const ValueId id : step.inputs) {
    inputs_.push_back(view_of(graph.value(id)));
    input_alignment_.push_back(alignment_of(graph.value(id)));
  }
  for (const ValueId id : step.outputs) {
    outputs_.push_back(view_of(graph.value(id)));
    output_alignment_.push_back(alignment_of(graph.value(id)));
  }
  for (const cpu::TensorView& t : inputs_) wide_ = wide_ || needs_64_bits(t);
  for (const cpu::TensorView& t : outputs_) wide_ = wide_ || needs_64_bits(t);

  size_t pointers = inputs_.size() + outputs_.size();
  if (step.workspace_bytes > 0) ++pointers;
  if (step.state_bytes > 0) ++pointers;
  if (takes_frames) ++pointers;
  if (takes_limits) ++pointers;
  line(std::string("typedef ") + (wide_ ? "uint64_t" : "uint32_t") +
       " index_t;  // wraps: steps may be negative");
  include("activation.cuh");
  include("generic/element.cuh");
  include("generic/operations.cuh");
  line("struct Args {\n  void* pointer[" + std::to_string(pointers) + "];\n};");
  size_t at = 0;
  const auto operand = [&](const std::string& kind, const std::string& name, size_t i, ValueId id,
                           const char* qualifier) {
    const std::string type = kind + std::to_string(i);
    this->type(type, graph.value(id).dtype, graph.value(id).quant);
    line("__device__ __forceinline__ " + std::string(qualifier) + type + "* " + name +
         std::to_string(i) + "(const Args& args) {\n  return static_cast<" + qualifier + type +
         "*>(args.pointer[" + std::to_string(at++) + "]);\n}");
  };
  for (size_t i = 0; i < inputs_.size(); ++i) operand("In", "in", i, step.inputs[i], "const ");
  for (size_t i = 0; i < outputs_.size(); ++i) operand("Out", "out", i, step.outputs[i], "");
  const auto pointer = [&](const std::string& type, const std::string& name) {
    line("__device__ __forceinline__ " + type + " " + name +
         "(const Args& args) {\n  return static_cast<" + type + ">(args.pointer[" +
         std::to_string(at++) + "]);\n}");
  };
  if (step.workspace_bytes > 0) pointer("void*", "workspace");
  if (step.state_bytes > 0) pointer("uint32_t*", "state");
  if (takes_frames || takes_limits) include("generic/frame.cuh");
  if (takes_frames) pointer("const ImageView*", "frames");
  if (takes_limits) pointer("const DetectionLimits*", "limits_of");
}

std::string GenericSource::index(int64_t value) const {
  if (wide_) return std::to_string(static_cast<uint64_t>(value)) + "ull";
  return std::to_string(static_cast<uint32_t>(value)) + "u";
}

void GenericSource::real_function(const std::string& name, float value) {
  line("__device__ __forceinline__ float " + name + "() { return " + literal(value) + "; }");
}

void GenericSource::team(const TeamShape& team) {
  constant("kParts", team.parts).constant("kLines", team.lines).flag("kAcross", team.across);
  include("generic/team.cuh");
}

void GenericSource::write_loop(const std::string& name, const std::vector<int64_t>& shape,
                               const std::vector<std::vector<int64_t>>& strides,
                               const std::vector<int64_t>& start) {
  int64_t elements = 1;
  for (const int64_t n : shape) elements *= n;
  line("struct " + name + " {");
  line("  static constexpr index_t kElements = " + index(elements) + ";");
  line("  static constexpr int kOperands = " + std::to_string(strides.size()) + ";");
  line("  static __device__ __forceinline__ void at(index_t i, index_t* o) {");
  for (size_t k = 0; k < strides.size(); ++k)
    line("    o[" + std::to_string(k) + "] = " + index(k < start.size() ? start[k] : 0) + ";");
  line("    index_t c;");
  for (size_t axis = shape.size(); axis-- > 0;) {
    const std::string extent = index(std::max<int64_t>(shape[axis], 1));
    line(axis == 0 ? "    c = i;" : "    c = i % " + extent + ";\n    i /= " + extent + ";");
    for (size_t k = 0; k < strides.size(); ++k)
      if (strides[k][axis] != 0)
        line("    o[" + std::to_string(k) + "] += c * " + index(strides[k][axis]) + ";");
  }
  line("    (void)c;\n  }\n};");
}

GpuLaunch GenericSource::finish(const std::string& symbol, int64_t blocks, int64_t threads,
                                const std::string& call) {
  GpuLaunch launch = kernel(symbol, {.grid = {blocks, 1, 1}, .threads = threads},
                            "STINT_LAUNCH_DEPENDENTS();\n  STINT_WAIT();\n  " + call);
  launch.takes_frames = takes_frames_;
  launch.takes_limits = takes_limits_;
  return launch;
}

}  // namespace stint::builder
