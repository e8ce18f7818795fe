#include "host_builder/lowering/describe_node.h"

namespace stint::builder {

std::string describe_node(const Graph& graph, const Node& node) {
  std::string text = "node '" + node.name + "' (" + op_name(node.op) + ") for the operands";
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const Value& v = graph.value(id);
    text += ' ';
    text += dtype_name(v.dtype);
    for (size_t i = 0; i < v.shape.size(); ++i) {
      text += i == 0 ? '[' : 'x';
      text += std::to_string(v.shape[i]);
    }
    text += v.shape.empty() ? "[]" : "]";
  }
  return text;
}

}  // namespace stint::builder
