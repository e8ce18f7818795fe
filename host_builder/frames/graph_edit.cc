#include "host_builder/frames/graph_edit.h"

#include <utility>

namespace stint::builder {
namespace {

ValueId append(Graph& graph, const char* what, Op op, Attributes attributes, ValueId input,
               DType dtype, Shape shape) {
  const std::string name = graph.unique_name(graph.value(input).name + "_" + what);
  const ValueId output = graph.add_value(name, dtype, std::move(shape));
  Node node;
  node.name = name;
  node.op = op;
  node.attributes = std::move(attributes);
  node.inputs = {input};
  node.outputs = {output};
  graph.add_node(std::move(node));
  return output;
}

}  // namespace

ValueId cast_to_f32(Graph& graph, ValueId id) {
  if (graph.value(id).dtype == DType::kF32) return id;
  return append(graph, "f32", Op::kCast, std::monostate{}, id, DType::kF32, graph.value(id).shape);
}

ValueId reshape_to(Graph& graph, ValueId id, Shape shape) {
  const Value& v = graph.value(id);
  if (v.shape == shape) return id;
  if (v.is_constant()) {
    Value copy = v;
    copy.name = graph.unique_name(v.name + "_rows");
    copy.shape = std::move(shape);
    return graph.add_value(std::move(copy));
  }
  return append(graph, "rows", Op::kReshape, std::monostate{}, id, v.dtype, std::move(shape));
}

ValueId transpose_by(Graph& graph, ValueId id, std::vector<int64_t> perm) {
  Shape shape;
  for (const int64_t axis : perm)
    shape.push_back(graph.value(id).shape.at(static_cast<size_t>(axis)));
  return append(graph, "transposed", Op::kTranspose, TransposeAttributes{std::move(perm)}, id,
                graph.value(id).dtype, std::move(shape));
}

}  // namespace stint::builder
