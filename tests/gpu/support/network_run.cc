#include "tests/gpu/support/network_run.h"

#include <cstring>

#include "host_builder/graph/views.h"
#include "host_builder/lowering/candidates.h"
#include "tests/gpu/support/device.h"

namespace stint::test {

using namespace builder;

namespace {

class Storages {
 public:
  explicit Storages(const Graph& graph) : graph_(graph) {}

  uint64_t address(ValueId id) {
    const Value& value = graph_.value(id);
    const int64_t offset = value.view ? value.view->offset : 0;
    return of(id).address() + static_cast<uint64_t>(offset) * dtype_bytes(value.dtype);
  }
  DeviceMemory& of(ValueId id) {
    const ValueId root = root_of(graph_, id);
    const auto known = memory_.find(root);
    if (known != memory_.end()) return known->second;
    const Value& value = graph_.value(root);
    constexpr size_t kGuard = 256;
    DeviceMemory memory(static_cast<size_t>(value.bytes()) + kGuard);
    memory.fill(0xFF);
    if (value.is_constant()) memory.upload(value.constant->data(), value.constant->size());
    return memory_[root] = std::move(memory);
  }

 private:
  const Graph& graph_;
  std::map<ValueId, DeviceMemory> memory_;
};

}  // namespace

NetworkRun run_network(Graph graph, const Target& target, const builder::test::Tensors& inputs) {
  NetworkRun run;
  std::vector<StepSpec> steps;
  std::vector<GpuLaunch> launches;
  for (const NodeId n : std::vector<NodeId>(graph.order())) {
    const Candidate best = candidates_for(graph, graph.node(n), target).front();
    steps.push_back(lower_candidate(graph, graph.node(n), target, best));
    launches.push_back(*steps.back().launch);
    run.tactics[graph.node(n).name] = best.tactic.id;
  }
  const std::vector<Cubin> cubins = compile_launches(launches, target);
  Storages storages(graph);
  for (const ValueId id : graph.inputs) {
    const std::vector<double>& data = inputs.at(graph.value(id).name).data;
    const std::vector<float> floats(data.begin(), data.end());
    storages.of(id).upload(floats.data(), floats.size() * sizeof(float));
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    const StepSpec& step = steps[i];
    std::vector<uint64_t> parameters;
    for (const ValueId id : step.inputs) parameters.push_back(storages.address(id));
    for (const ValueId id : step.outputs) parameters.push_back(storages.address(id));
    DeviceMemory workspace, state;
    if (step.workspace_bytes > 0) {
      workspace = DeviceMemory(step.workspace_bytes);
      parameters.push_back(workspace.address());
    }
    if (step.state_bytes > 0) {
      state = DeviceMemory(step.state_bytes);
      state.fill(0);
      parameters.push_back(state.address());
    }
    const Kernel kernel(*cubins[i], launches[i]);
    kernel.launch(parameters);
    synchronize();
  }
  for (const ValueId id : graph.outputs) {
    const Value& value = graph.value(id);
    const std::vector<std::byte> bytes = storages.of(id).download();
    std::vector<float> floats(static_cast<size_t>(value.elements()));
    std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
    run.outputs[value.name] = {value.shape, {floats.begin(), floats.end()}};
  }
  return run;
}

}  // namespace stint::test
