#include "host_builder/import/onnx/cut_model.h"

#include <algorithm>
#include <unordered_set>

#include "host_builder/import/onnx/model_edges.h"
#include "host_builder/network/cut.h"

namespace stint::builder {

void cut_model(onnx::GraphProto& graph, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::vector<CutNode> nodes;
  for (const onnx::NodeProto& node : graph.node())
    nodes.push_back({operands_of(node), {node.output().begin(), node.output().end()}});
  std::vector<std::string> outputs;
  for (const auto& output : graph.output()) outputs.push_back(output.name());
  const auto cut = cut_at(nodes, outputs, names);
  if (!cut) return;
  const std::unordered_set<std::string> kept(cut->kept.begin(), cut->kept.end());
  auto* list = graph.mutable_output();
  list->erase(std::remove_if(list->begin(), list->end(),
                             [&](const onnx::ValueInfoProto& output) {
                               return kept.count(output.name()) == 0;
                             }),
              list->end());
  for (const std::string& name : cut->added) list->Add()->set_name(name);
  int count = 0;
  for (int i = 0; i < graph.node_size(); ++i)
    if (cut->needed[static_cast<size_t>(i)]) graph.mutable_node()->SwapElements(count++, i);
  graph.mutable_node()->DeleteSubrange(count, graph.node_size() - count);
}

}  // namespace stint::builder
