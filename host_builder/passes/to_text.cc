#include <algorithm>
#include <cstdio>

#include "host_builder/graph/op_names.h"
#include "host_builder/graph/ops/words.h"
#include "host_builder/passes/pass.h"

namespace stint::builder {

namespace {

/// FNV-1a: enough to see that a pass changed a constant.
uint64_t fingerprint(const std::vector<std::byte>& bytes) {
  uint64_t hash = 14695981039346656037ull;
  for (std::byte b : bytes) hash = (hash ^ static_cast<uint8_t>(b)) * 1099511628211ull;
  return hash;
}

std::string name_of(const Graph& graph, ValueId id) {
  return id == kNoValue ? "-" : "%" + graph.value(id).name;
}

std::string placement_text(const Graph& graph, const Value& value) {
  std::string text;
  if (!value.strides.empty()) {
    text += " strides=";
    for (size_t i = 0; i < value.strides.size(); ++i)
      text += (i ? "," : "") + std::to_string(value.strides[i]);
  }
  if (value.view)
    text += " in " + name_of(graph, value.view->base) + "+" + std::to_string(value.view->offset);
  return text;
}

std::string quantisation_text(const Value& value) {
  if (!value.quant) return "";
  const Quantisation& q = *value.quant;
  std::string text = " scale=";
  for (size_t i = 0; i < q.scales.size(); ++i) text += (i ? "," : "") + number_text(q.scales[i]);
  if (q.axis >= 0) text += " axis=" + std::to_string(q.axis);
  for (size_t i = 0; i < q.zero_points.size(); ++i)
    text += (i ? "," : " zero_point=") + std::to_string(q.zero_points[i]);
  return text;
}

std::string value_text(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return name_of(graph, id) + ": " + type_text(value.dtype, value.shape) +
         quantisation_text(value) + placement_text(graph, value);
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::string text = "graph " + graph.name + " batch=" + std::to_string(graph.batch) +
                     (graph.channels_last ? " channels_last" : "") +
                     " nodes=" + std::to_string(graph.live_node_count()) + "\n";
  for (ValueId id : graph.inputs) text += "input " + value_text(graph, id) + "\n";

  std::vector<bool> listed(graph.value_count(), false);
  for (NodeId n : graph.order()) {
    const Node& node = graph.node(n);
    for (ValueId id : node.inputs) {
      if (id == kNoValue || listed[id] || !graph.value(id).constant) continue;
      listed[id] = true;
      char hash[24];
      std::snprintf(hash, sizeof hash, "%016llx",
                    static_cast<unsigned long long>(fingerprint(*graph.value(id).constant)));
      text += "constant " + value_text(graph, id) + " #" + hash + "\n";
    }
    std::string line;
    for (ValueId id : node.outputs)
      line += (line.empty() ? "" : ", ") + (id == kNoValue ? "-" : value_text(graph, id));
    line += std::string(" = ") + op_name(node.op) + "(";
    for (size_t i = 0; i < node.inputs.size(); ++i)
      line += (i ? ", " : "") + name_of(graph, node.inputs[i]);
    line += ")";
    const std::string attributes = attributes_text(node);
    if (!attributes.empty()) line += " {" + attributes + "}";
    line += "  # " + node.name;
    for (const std::string& name : node.fused) line += " + " + name;
    text += line + "\n";
  }
  for (ValueId id : graph.outputs) text += "output " + value_text(graph, id) + "\n";
  return text;
}

}  // namespace stint::builder
