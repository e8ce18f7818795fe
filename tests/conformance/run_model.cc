#include "tests/conformance/run_model.h"

#include <map>

#include "host_builder/graph/error.h"
#include "host_builder/import/onnx.h"
#include "host_builder/passes/pass.h"

namespace stint::conformance {

using namespace builder;

std::vector<HostTensor> run_model(const std::filesystem::path& model,
                                  const std::vector<const HostTensor*>& inputs) {
  Graph graph = import_onnx_file(model, {});
  for (const Pass& pass : all_passes()) {
    if (std::string(pass.name) != "alias") pass.run(graph);
  }
  verify(graph);
  std::map<ValueId, HostTensor> values;
  if (inputs.size() != graph.inputs.size()) throw BuildError("input count");
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs[i]] = *inputs[i];
  auto get = [&](ValueId id) -> const HostTensor* {
    if (id == kNoValue) return nullptr;
    if (graph.value(id).is_constant() && !values.count(id))
      values[id] = {graph.value(id).dtype, graph.value(id).shape, *graph.value(id).constant};
    return &values.at(id);
  };
  for (NodeId n : graph.order()) {
    const Node node = graph.node(n);
    std::vector<const HostTensor*> operands;
    for (ValueId id : node.inputs) operands.push_back(get(id));
    auto results = evaluate_node(graph, node, operands);
    for (size_t i = 0; i < results.size(); ++i) {
      if (node.outputs[i] != kNoValue) values[node.outputs[i]] = std::move(results[i]);
    }
  }
  std::vector<HostTensor> outputs;
  for (ValueId id : graph.outputs) outputs.push_back(*get(id));
  return outputs;
}

}  // namespace stint::conformance
