#include "host_builder/network/network_builder.h"

#include <algorithm>

#include "host_builder/graph/op_def.h"
#include "host_builder/graph/shape.h"
#include "host_builder/network/scalar_bytes.h"
#include "host_builder/network/suppressed_rows.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

int64_t checked_batch(const NetworkOptions& options) {
  const int64_t batch = options.batch.value_or(1);
  if (batch < 1)
    throw Refusal("a batch of " + std::to_string(batch) + " is not possible", "use 1 or more");
  return batch;
}

}  // namespace

NetworkBuilder::NetworkBuilder(const NetworkOptions& options, SourceWords words)
    : options_(options),
      words_(std::move(words)),
      findings_(checked_batch(options), words_),
      limits_{options.constant_bytes_limit, options.folding_work_limit},
      batch_(graph_) {
  graph_.batch = options.batch.value_or(1);
  batch_used_ = graph_.batch == 1;
}

void NetworkBuilder::note(std::string text) {
  if (options_.notes != nullptr) options_.notes->push_back(std::move(text));
}

ValueId NetworkBuilder::constant(HostTensor tensor) {
  if (tensor.data.size() > limits_.constant_bytes) {
    throw Refusal("a constant " + shape_text(tensor.shape) + " exceeds the limit for constants",
                  "reduce the model's weights, or split it into several models");
  }
  limits_.constant_bytes -= tensor.data.size();
  return graph_.add_constant(unique(node_name_ + "/constant"), tensor.dtype,
                             std::move(tensor.shape), std::move(tensor.data));
}

ValueId NetworkBuilder::scalar(DType dtype, double value, Shape shape) {
  return constant({dtype, std::move(shape), scalar_bytes(dtype, value)});
}

ValueId NetworkBuilder::add(Op op, Attributes attributes, std::vector<ValueId> inputs,
                            std::vector<TensorType> declared) {
  return add_all(op, std::move(attributes), std::move(inputs), {true}, std::move(declared))[0];
}

ValueId NetworkBuilder::add_constant(const std::string& name, HostTensor tensor) {
  if (is_taken(name)) throw Refusal("another value has the name '" + name + "'", words_.check);
  begin_node(name);
  const ValueId id = constant(std::move(tensor));
  give_name(id, name);
  constant_names_.insert(name);
  return id;
}

std::vector<ValueId> NetworkBuilder::add_all(Op op, Attributes attributes,
                                             std::vector<ValueId> inputs,
                                             const std::vector<bool>& wanted,
                                             std::vector<TensorType> declared) {
  const bool is_double =
      !inputs.empty() && inputs[0] != kNoValue && graph_.value(inputs[0]).dtype == DType::kF64;
  if (is_double && op_def(op).doubles == Doubles::kAsFloats) {
    for (ValueId& input : inputs) {
      if (input != kNoValue && graph_.value(input).dtype == DType::kF64)
        input = cast(input, DType::kF32);
    }
    for (TensorType& type : declared) type.dtype = DType::kF32;
    std::vector<ValueId> results =
        add_all(op, std::move(attributes), std::move(inputs), wanted, std::move(declared));
    for (ValueId& result : results) {
      if (result != kNoValue && graph_.value(result).dtype == DType::kF32)
        result = cast(result, DType::kF64);
    }
    return results;
  }
  repeat_operands_for_batch(op, attributes, inputs);
  const auto types = infer_types(graph_, op, attributes, inputs, declared);
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  for (size_t i = 0; i < wanted.size(); ++i) {
    node.outputs.push_back(wanted[i] ? graph_.add_value(unique(node_name_ + "/" + op_name(op)),
                                                        types.at(i).dtype, types.at(i).shape)
                                     : kNoValue);
  }
  const std::vector<ValueId> outputs = node.outputs;
  const bool folded = fold(node);
  follow_rows(node);
  batch_.follow(node);
  if (folded) return outputs;
  node.name = node_name_;
  graph_.add_node(std::move(node));
  return outputs;
}

void NetworkBuilder::follow_rows(const Node& node) {
  bool suppressed = node.op == Op::kNonMaxSuppression, bound = false;
  int64_t largest_bound = 0;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    suppressed = suppressed || reads_suppressed(id);
    if (!is_row_bound(id)) continue;
    bound = true;
    largest_bound = std::max(largest_bound, graph_.value(id).elements());
  }
  for (const ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    const Value& y = graph_.value(id);
    if (y.is_constant()) {
      // Shape arithmetic keeps its size; what it sizes (a range, a mask) does not depend on it
      // row by row.
      if (bound && y.elements() <= largest_bound) row_bounds_.insert(id);
    } else {
      if (suppressed) suppressed_.insert(id);
      if (bound && largest_bound == 1)
        throw Refusal(
            "reads how many boxes a NonMaxSuppression keeps, which is known only at run time",
            kSuppressInPlan);
    }
  }
}

}  // namespace stint::builder
