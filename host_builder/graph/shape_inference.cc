#include "host_builder/graph/shape_inference.h"

#include "host_builder/graph/inference_context.h"
#include "host_builder/graph/op_def.h"

namespace stint::builder {
namespace {

void check_operand_count(const InferenceContext& c, const Arity& arity) {
  if (arity.max_inputs == Arity::kAny) return;  // the operation's own words say what it needs
  const size_t least = arity.min_inputs, most = arity.max_inputs, found = c.inputs.size();
  c.require(found >= least && found <= most,
            "has " + std::to_string(found) + " operands, needs " + std::to_string(least) +
                (most == least ? std::string() : " to " + std::to_string(most)));
}

}  // namespace

std::vector<TensorType> infer_types(const Graph& graph, Op op, const Attributes& attributes,
                                    const std::vector<ValueId>& inputs,
                                    const std::vector<TensorType>& declared) {
  const OpDef& def = op_def(op);
  const InferenceContext context = {graph, op, attributes, inputs, declared};
  check_operand_count(context, def.arity);
  Types types = def.infer(context);
  for (const TensorType& type : types) {
    if (type.shape.size() > static_cast<size_t>(kMaxRank)) {
      throw BuildError("the result " + shape_text(type.shape) + " has more than " +
                       std::to_string(kMaxRank) + " axes");
    }
    if (!checked_elements(type.shape)) {
      throw BuildError("the result " + shape_text(type.shape) + " is not a possible shape");
    }
  }
  return types;
}

std::vector<TensorType> infer_types(const Graph& graph, const Node& node) {
  Types declared;
  for (ValueId output : node.outputs) {
    if (output == kNoValue)
      declared.push_back(declared.empty() ? TensorType{} : declared.front());
    else
      declared.push_back({graph.value(output).dtype, graph.value(output).shape});
  }
  // An unwanted first output of TopK has the second one's shape.
  if (!node.outputs.empty() && node.outputs[0] == kNoValue && declared.size() > 1)
    declared[0].shape = declared[1].shape;
  return infer_types(graph, node.op, node.attributes, node.inputs, declared);
}

}  // namespace stint::builder
