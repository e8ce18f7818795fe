#include "host_builder/network/graph_emitter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "host_builder/evaluate/evaluate.h"
#include "host_builder/graph/shape.h"
#include "host_builder/network/scalar_bytes.h"
#include "host_builder/network/suppressed_rows.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

/// Multiply-adds (roughly) that evaluating the node costs. Bounds what a hostile model can make
/// the importer do.
double folding_work(const Graph& graph, const Node& node) {
  double read = 0, written = 0;
  for (ValueId id : node.inputs) {
    if (id != kNoValue) read += static_cast<double>(graph.value(id).elements());
  }
  for (ValueId id : node.outputs) {
    if (id != kNoValue) written += static_cast<double>(graph.value(id).elements());
  }
  auto window = [](const std::vector<int64_t>& kernel) {
    double product = 1;
    for (int64_t extent : kernel) product *= static_cast<double>(extent);
    return product;
  };
  auto elements = [&](size_t i) {
    return static_cast<double>(graph.value(node.inputs[i]).elements());
  };
  switch (node.op) {
    case Op::kConv:
      return written * elements(1) + read;
    case Op::kConvTranspose:
      return elements(0) * elements(1) + written;
    case Op::kMatMul: {
      const Shape& a = graph.value(node.inputs[0]).shape;
      return written * static_cast<double>(a.back()) + read;
    }
    case Op::kPool:
      return written * window(node.as<PoolAttributes>().kernel);
    case Op::kLrn:
      return written * static_cast<double>(node.as<LrnAttributes>().size);
    case Op::kResize:
      return written * 64 + read * 64;
    case Op::kTopK:
      return read *
             (1 + static_cast<double>(
                      graph.value(node.outputs[0] == kNoValue ? node.outputs[1] : node.outputs[0])
                          .elements()));
    case Op::kNonMaxSuppression:
      return elements(0) * elements(0) + elements(1) * elements(1) + written;
    default:
      return read + written;
  }
}

}  // namespace

std::string GraphEmitter::unique(const std::string& hint) {
  if (names_.insert(hint).second) return hint;
  for (size_t i = next_suffix_[hint];; ++i) {
    std::string name = hint + "_" + std::to_string(i);
    if (!names_.insert(name).second) continue;
    next_suffix_[hint] = i + 1;
    return name;
  }
}

void GraphEmitter::name_after_model(ValueId id, const std::string& name) {
  if (!named_by_model_.insert(id).second) return;
  names_.erase(graph_.value(id).name);
  graph_.value(id).name = name;
  names_.insert(name);
}

ValueId GraphEmitter::constant(HostTensor tensor) {
  if (tensor.data.size() > limits_.constant_bytes) {
    throw Refusal("a constant " + shape_text(tensor.shape) + " exceeds the limit for constants",
                  "reduce the model's weights, or split it into several models");
  }
  limits_.constant_bytes -= tensor.data.size();
  return graph_.add_constant(unique(node_name_ + "/constant"), tensor.dtype,
                             std::move(tensor.shape), std::move(tensor.data));
}

ValueId GraphEmitter::scalar(DType dtype, double value, Shape shape) {
  return constant({dtype, std::move(shape), scalar_bytes(dtype, value)});
}

ValueId GraphEmitter::emit(Op op, Attributes attributes, std::vector<ValueId> inputs,
                           std::vector<TensorType> declared) {
  return emit_all(op, std::move(attributes), std::move(inputs), {true}, std::move(declared))[0];
}

namespace {

/// Operations whose kernels compute in single precision only. Doubles go through them as floats,
/// as in other inference engines: no trained network depends on the difference.
bool computes_in_single_precision(Op op) {
  switch (op) {
    case Op::kConv:
    case Op::kConvTranspose:
    case Op::kMatMul:
    case Op::kPool:
    case Op::kResize:
    case Op::kLrn:
    case Op::kBatchNorm:
    case Op::kInstanceNorm:
    case Op::kLayerNorm:
    case Op::kSoftmax:
    case Op::kNonMaxSuppression:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<ValueId> GraphEmitter::emit_all(Op op, Attributes attributes,
                                            std::vector<ValueId> inputs,
                                            const std::vector<bool>& wanted,
                                            std::vector<TensorType> declared) {
  const bool is_double =
      !inputs.empty() && inputs[0] != kNoValue && graph_.value(inputs[0]).dtype == DType::kF64;
  if (is_double && computes_in_single_precision(op)) {
    for (ValueId& input : inputs) {
      if (input != kNoValue && graph_.value(input).dtype == DType::kF64)
        input = cast(input, DType::kF32);
    }
    for (TensorType& type : declared) type.dtype = DType::kF32;
    std::vector<ValueId> results =
        emit_all(op, std::move(attributes), std::move(inputs), wanted, std::move(declared));
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

bool GraphEmitter::fold(Node& node) {
  const bool known =
      !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
        return id == kNoValue || graph_.value(id).is_constant();
      });
  if (!known) return false;
  if (node.op == Op::kReshape || node.op == Op::kIdentity) {
    graph_.value(node.outputs[0]).constant = graph_.value(node.inputs[0]).constant;
    fold_at_batch_one(node);
    return true;
  }
  uint64_t bytes = 0;
  for (ValueId id : node.outputs) {
    if (id != kNoValue) bytes += static_cast<uint64_t>(graph_.value(id).bytes());
  }
  const double work = folding_work(graph_, node);
  if (bytes > limits_.constant_bytes || work > limits_.work) return false;
  std::vector<HostTensor> operands(node.inputs.size());
  std::vector<const HostTensor*> pointers(node.inputs.size(), nullptr);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph_.value(node.inputs[i]);
    operands[i] = {value.dtype, value.shape, *value.constant};
    pointers[i] = &operands[i];
  }
  try {
    std::vector<HostTensor> results = evaluate_node(graph_, node, pointers);
    limits_.work -= work;
    limits_.constant_bytes -= bytes;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      graph_.value(node.outputs[i]).constant =
          std::make_shared<const std::vector<std::byte>>(std::move(results[i].data));
    }
  } catch (const BuildError&) {
    return false;  // no kernel for these types as they are: it stays a node, and a pass may make
                   // it computable
  }
  fold_at_batch_one(node);
  return true;
}

void GraphEmitter::follow_rows(const Node& node) {
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

ValueId GraphEmitter::unary(EltOp op, ValueId x, float alpha, float beta) {
  return emit(Op::kUnary, UnaryAttributes{op, alpha, beta}, {x});
}

ValueId GraphEmitter::binary(EltOp op, ValueId a, ValueId b) {
  return emit(Op::kBinary, BinaryAttributes{op}, {a, b});
}

ValueId GraphEmitter::reshape(ValueId x, Shape shape) {
  const Value& value = graph_.value(x);
  if (value.shape == shape) return x;
  const DType dtype = value.dtype;
  return emit(Op::kReshape, {}, {x}, {{dtype, std::move(shape)}});
}

ValueId GraphEmitter::transpose(ValueId x, std::vector<int64_t> perm) {
  if (std::is_sorted(perm.begin(), perm.end()) && perm.size() == graph_.value(x).shape.size())
    return x;
  return emit(Op::kTranspose, TransposeAttributes{std::move(perm)}, {x});
}

ValueId GraphEmitter::cast(ValueId x, DType dtype) {
  const Value& value = graph_.value(x);
  if (value.dtype == dtype) return x;
  return emit(Op::kCast, {}, {x}, {{dtype, value.shape}});
}

}  // namespace stint::builder
