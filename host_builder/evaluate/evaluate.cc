#include "host_builder/evaluate/evaluate.h"

#include <cstring>

#include "host_builder/lowering/candidates.h"
#include "host_builder/support/error.h"
#include "kernels/cpu/kernel.h"

namespace stint::builder {
namespace {

/// Zeroed bytes on the 64-byte alignment that kernels may rely on.
class AlignedBlock {
 public:
  explicit AlignedBlock(uint64_t bytes)
      : storage_(bytes + kAlignment),
        begin_(storage_.data() +
               (kAlignment - reinterpret_cast<uintptr_t>(storage_.data()) % kAlignment)) {}
  std::byte* data() { return begin_; }

 private:
  static constexpr uint64_t kAlignment = 64;
  std::vector<std::byte> storage_;
  std::byte* begin_;
};

cpu::TensorView dense_view(const Value& value, void* data) {
  cpu::TensorView view;
  view.data = data;
  view.dtype = value.dtype;
  if (value.shape.size() > kMaxRank)
    throw BuildError("value '" + value.name + "' has rank " + std::to_string(value.shape.size()) +
                     ", at most " + std::to_string(kMaxRank) + " is supported");
  view.rank = static_cast<uint8_t>(value.shape.size());
  int64_t stride = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    view.shape[i] = value.shape[static_cast<size_t>(i)];
    view.strides[i] = stride;
    stride *= view.shape[i];
  }
  return view;
}

[[noreturn]] void fail(const Node& node, const std::string& reason) {
  throw BuildError("node '" + node.name + "' (" + op_name(node.op) +
                   ") cannot be evaluated: " + reason);
}

/// The node alone: its operands as constants, its outputs as in the real graph.
struct Scratch {
  Graph graph;
  Node node;
};

Scratch isolate(const Graph& graph, const Node& node,
                const std::vector<const HostTensor*>& inputs) {
  Scratch scratch;
  scratch.graph.channels_last = graph.channels_last;
  scratch.graph.batch = graph.batch;
  scratch.graph.mixed_precision = graph.mixed_precision;
  scratch.node = node;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    if (i >= inputs.size() || inputs[i] == nullptr)
      fail(node, "operand " + std::to_string(i) + " has no value");
    const HostTensor& t = *inputs[i];
    scratch.node.inputs[i] = scratch.graph.add_constant("input" + std::to_string(i), t.dtype,
                                                        t.shape, std::vector<std::byte>(t.data));
    scratch.graph.value(scratch.node.inputs[i]).quant = graph.value(node.inputs[i]).quant;
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const Value& v = graph.value(node.outputs[i]);
    scratch.node.outputs[i] =
        scratch.graph.add_value("output" + std::to_string(i), v.dtype, v.shape);
    scratch.graph.value(scratch.node.outputs[i]).quant = v.quant;
  }
  return scratch;
}

void run_step(const Graph& graph, const Node& node, const StepSpec& step,
              std::vector<HostTensor>& results, const std::vector<ValueId>& result_ids) {
  const cpu::KernelEntry* kernel = cpu::find_kernel(static_cast<uint16_t>(step.kernel.value()));
  if (kernel == nullptr) fail(node, "its kernel is not in this build");
  std::vector<cpu::TensorView> inputs;
  std::vector<cpu::TensorView> outputs;
  for (const ValueId id : step.inputs) {
    const Value& value = graph.value(id);
    // Kernels never write their inputs.
    inputs.push_back(dense_view(value, const_cast<std::byte*>(value.constant->data())));
  }
  for (const ValueId id : step.outputs) {
    size_t at = 0;
    while (at < result_ids.size() && result_ids[at] != id) ++at;
    if (at == result_ids.size()) fail(node, "its lowering writes a value that is not an output");
    outputs.push_back(dense_view(graph.value(id), results[at].data.data()));
  }
  AlignedBlock workspace(step.workspace_bytes);
  AlignedBlock scratch(step.worker_scratch_bytes);
  std::vector<uint64_t> params((step.params.size() + 7) / 8);
  if (!step.params.empty()) std::memcpy(params.data(), step.params.data(), step.params.size());

  cpu::StepArgs args;
  args.params = params.data();
  args.params_bytes = static_cast<uint32_t>(step.params.size());
  args.inputs = inputs.data();
  args.input_count = static_cast<uint32_t>(inputs.size());
  args.outputs = outputs.data();
  args.output_count = static_cast<uint32_t>(outputs.size());
  args.workspace = workspace.data();
  args.workspace_bytes = step.workspace_bytes;
  args.worker_scratch = scratch.data();
  args.worker_scratch_bytes = step.worker_scratch_bytes;
  args.parallel.run = [](void*, uint32_t tasks, cpu::Parallel::Task task, void* context) {
    for (uint32_t i = 0; i < tasks; ++i) task(context, i, 0);
  };
  const Status status = kernel->check(args);
  if (!status.ok())
    fail(node, std::string(status.message) + " (found " + std::to_string(status.found) +
                   ", needed " + std::to_string(status.needed) + ")");
  kernel->run(args);
}

}  // namespace

std::vector<HostTensor> evaluate_node(Graph& graph, const Node& node,
                                      const std::vector<const HostTensor*>& inputs) {
  Scratch scratch = isolate(graph, node, inputs);
  const StepSpec step = lower_for_cpu(scratch.graph, scratch.node);
  std::vector<HostTensor> results(node.outputs.size());
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const Value& value = scratch.graph.value(scratch.node.outputs[i]);
    results[i].dtype = value.dtype;
    results[i].shape = value.shape;
    results[i].data.resize(static_cast<size_t>(value.bytes()));
  }
  run_step(scratch.graph, node, step, results, scratch.node.outputs);
  return results;
}

}  // namespace stint::builder
