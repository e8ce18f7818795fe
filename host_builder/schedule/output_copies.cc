#include "host_builder/schedule/output_copies.h"

#include <algorithm>
#include <set>

#include "host_builder/graph/views.h"

namespace stint::builder {
namespace {

bool fills_its_storage(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  const ByteRange own = extent_of(value), whole = extent_of(graph.value(root_of(graph, id)));
  return is_dense(value) && own.begin == 0 && own.end == whole.end;
}

// The copy takes over the output's name, which the caller knows it by.
ValueId copy_of(Graph& graph, ValueId id) {
  Value result;
  result.dtype = graph.value(id).dtype;
  result.shape = graph.value(id).shape;
  result.quant = graph.value(id).quant;
  result.name = graph.unique_name(graph.value(id).name + "_bound");
  const bool rename = std::find(graph.inputs.begin(), graph.inputs.end(), id) == graph.inputs.end();
  const ValueId copy = graph.add_value(std::move(result));
  if (rename) std::swap(graph.value(id).name, graph.value(copy).name);
  Node node;
  node.name = graph.value(copy).name + "/copy";
  node.op = Op::kReshape;
  node.inputs = {id};
  node.outputs = {copy};
  graph.add_node(std::move(node));
  return copy;
}

}  // namespace

size_t insert_output_copies(Graph& graph) {
  std::set<ValueId> taken(graph.inputs.begin(), graph.inputs.end());
  size_t copies = 0;
  for (ValueId& output : graph.outputs) {
    const ValueId id = output;
    const ValueId root = root_of(graph, id);
    const bool bindable = !graph.value(root).is_constant() && fills_its_storage(graph, id) &&
                          taken.insert(root).second;
    if (bindable) continue;
    output = copy_of(graph, id);
    for (DetectionOutput& pair : graph.detections) {
      if (pair.detections == id) pair.detections = output;
      if (pair.counts == id) pair.counts = output;
    }
    ++copies;
  }
  return copies;
}

}  // namespace stint::builder
