#include "host_builder/passes/passes.h"

namespace stint::builder {

size_t remove_dead_code(Graph& graph) {
  std::vector<bool> wanted(graph.value_count(), false);
  for (ValueId id : graph.outputs) wanted[id] = true;
  size_t changes = 0;
  const std::vector<NodeId> order = graph.order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    Node& node = graph.node(*it);
    bool needed = false;
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      if (wanted[id])
        needed = true;
      else if (&id != &node.outputs.front())
        id = kNoValue;  // an optional result nobody reads is not computed
    }
    if (!needed) {
      graph.remove_node(*it);
      ++changes;
      continue;
    }
    for (ValueId id : node.inputs)
      if (id != kNoValue) wanted[id] = true;
  }
  return changes;
}

/// Requires: every value has at most one producer. Ensures: every node contributes to a graph
/// output; unread optional results are absent.
const Pass kDeadCodePass = {
    "dead-code", true, [](Graph& graph, const PassContext&) { return remove_dead_code(graph); }};

}  // namespace stint::builder
