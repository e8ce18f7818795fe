// Two nodes that compute the same from the same operands become one.
#include <map>
#include <tuple>

#include "host_builder/graph/op_names.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

size_t run(Graph& graph, const PassContext&) {
  using Key = std::tuple<Op, std::string, std::vector<ValueId>, std::string>;
  std::map<Key, NodeId> first;
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order())) {
    const Node& node = graph.node(n);
    if (node.inputs.empty()) continue;  // each frame is its own
    std::string types;
    for (ValueId id : node.outputs)
      types += id == kNoValue ? "-" : type_text(graph.value(id).dtype, graph.value(id).shape);
    const auto [it, is_new] =
        first.emplace(Key(node.op, attributes_text(node), node.inputs, types), n);
    if (is_new) continue;
    const Node& same = graph.node(it->second);
    bool replaceable = true;
    for (size_t i = 0; i < node.outputs.size(); ++i)
      replaceable &=
          node.outputs[i] == kNoValue || can_replace(graph, node.outputs[i], same.outputs[i]);
    if (!replaceable) continue;
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != kNoValue) graph.replace_uses(node.outputs[i], same.outputs[i]);
    graph.remove_node(n);
    ++changes;
  }
  return changes;
}

}  // namespace

/// Requires: nothing beyond a valid graph. Ensures: no two nodes have the same operation,
/// attributes and operands.
const Pass kCommonCodePass = {"common-code", true, run};

}  // namespace stint::builder
