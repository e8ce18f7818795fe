// Pairs of Quantize and Dequantize become storage: the value between them is 8-bit integers in
// memory and means real numbers to those who can read it so, as f16 does in FP16 plans.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "host_builder/graph/op_def.h"
#include "host_builder/graph/quantisation.h"
#include "host_builder/passes/integer_products.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {
namespace {

class Storing {
 public:
  Storing(Graph& graph, const Target& target) : graph_(graph), target_(target) {}

  size_t run() {
    for (const NodeId n : graph_.order())
      if (graph_.node(n).op == Op::kQuantize) find_pair(n);
    if (stored_.empty()) return 0;
    graph_.mixed_precision = true;
    for (const NodeId n : std::vector<NodeId>(graph_.order())) {
      const Op op = graph_.node(n).op;
      if (op != Op::kQuantize && op != Op::kDequantize) read_and_write(n);
    }
    finish_pairs();
    graph_.sort();
    return stored_.size();
  }

 private:
  /// An integer value that only stands for numbers, in one way.
  void find_pair(NodeId n) {
    const Node& quantize = graph_.node(n);
    const ValueId integers = quantize.outputs[0];
    const auto& a = quantize.as<QuantizeAttributes>();
    if (graph_.is_output(integers)) return;
    const std::vector<NodeId> readers = graph_.consumers(integers);
    for (const NodeId reader : readers) {
      const Node& dequantize = graph_.node(reader);
      if (dequantize.op != Op::kDequantize) return;
      const auto& b = dequantize.as<QuantizeAttributes>();
      if (a.scale != b.scale || a.zero_point != b.zero_point) return;
    }
    Value& value = graph_.value(integers);
    Quantisation q{{a.scale}, -1, {a.zero_point}};
    // The same numbers, as this target has them.
    if (!target_.is_gpu && value.dtype == DType::kI8) {
      value.dtype = DType::kU8;
      q.zero_points = {a.zero_point + 128};
    } else if (target_.is_gpu && value.dtype == DType::kU8 && a.zero_point == 128) {
      value.dtype = DType::kI8;
      q.zero_points = {0};
    }
    value.quant = q;
    stored_.insert(integers);
    for (const NodeId reader : readers) integers_of_[graph_.node(reader).outputs[0]] = integers;
    // The first that asks for the number's integers gets them from its producer.
    wanted_as_.emplace(quantize.inputs[0], n);
  }

  std::optional<ValueId> integers_of(ValueId id) const {
    const auto it = integers_of_.find(id);
    return it == integers_of_.end() ? std::nullopt : std::optional(it->second);
  }

  bool may_read(const Node& node, size_t i) const {
    return op_def(node.op).types.operands.at(i).stored.has(DType::kU8);
  }

  /// What nobody else reads, so that it need not exist as real numbers.
  std::optional<NodeId> sole_quantize(ValueId id) const {
    const auto it = wanted_as_.find(id);
    if (it == wanted_as_.end() || graph_.is_output(id)) return std::nullopt;
    const std::vector<NodeId> readers = graph_.consumers(id);
    return readers.size() == 1 && readers[0] == it->second ? std::optional(it->second)
                                                           : std::nullopt;
  }

  void read_and_write(NodeId n) {
    Node& node = graph_.node(n);
    if (node.outputs.empty() || node.outputs[0] == kNoValue) return;
    const auto quantize = sole_quantize(node.outputs[0]);
    if (moves_numbers(node)) return move(node, quantize);
    const bool is_product = node.op == Op::kConv || node.op == Op::kMatMul;
    bool multiplies_integers = false;
    if (is_product) {
      multiplies_integers =
          integers_of(node.inputs[0]) && has_integer_weights(graph_, node, target_);
      if (!multiplies_integers && !target_.is_gpu) return;
      if (multiplies_integers) store_integer_weights(graph_, node);
    } else if (!is_light(graph_, node)) {
      return;
    }
    bool reads = target_.is_gpu;  // its kernels write integers whatever they read
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto integers = integers_of(node.inputs[i]);
      if (!integers || !may_read(node, i)) continue;
      if (is_product && i != kResidual && !(i == 0 && multiplies_integers)) continue;
      node.inputs[i] = *integers;
      reads = true;
    }
    const bool may_write = op_def(node.op).types.results.at(0).stored.has(DType::kU8);
    if (quantize && may_write && reads && node.op != Op::kConvTranspose) write(node, *quantize);
  }

  /// Integers move from operand to result as they are, or not at all.
  void move(Node& node, const std::optional<NodeId>& quantize) {
    if (!op_def(node.op).types.results.at(0).stored.has(DType::kU8)) return;
    std::vector<ValueId> operands = node.inputs;
    const Value* moved = nullptr;
    for (size_t i = 0; i < operands.size(); ++i) {
      if (!moves_numbers(node, i)) continue;
      const auto integers = integers_of(operands[i]);
      if (!integers || !may_read(node, i)) return;
      const Value& value = graph_.value(*integers);
      if (moved != nullptr && !same_storage(value, *moved)) return;
      moved = &value;
      operands[i] = *integers;
    }
    if (moved == nullptr || graph_.is_output(node.outputs[0])) return;
    if (quantize && same_storage(graph_.value(graph_.node(*quantize).outputs[0]), *moved)) {
      node.inputs = std::move(operands);
      return write(node, *quantize);
    }
    // Whoever reads the result may read the integers; who cannot gets the numbers.
    const ValueId real = node.outputs[0];
    Value integers = *moved;
    integers.name = graph_.unique_name(graph_.value(real).name + "_q");
    integers.shape = graph_.value(real).shape;
    integers.constant = nullptr;
    const ValueId stored = graph_.add_value(std::move(integers));
    node.inputs = std::move(operands);
    node.outputs[0] = stored;
    stored_.insert(stored);
    integers_of_[real] = stored;
    Node dequantize;
    dequantize.name = graph_.unique_name(graph_.value(real).name + "_dq");
    dequantize.op = Op::kDequantize;
    dequantize.attributes = QuantizeAttributes{};  // becomes a Cast, or goes
    dequantize.inputs = {stored};
    dequantize.outputs = {real};
    graph_.add_node(std::move(dequantize));
  }

  void write(Node& node, NodeId quantize) {
    node.outputs[0] = graph_.node(quantize).outputs[0];
    stored_.insert(node.outputs[0]);
    graph_.remove_node(quantize);
  }

  /// What is left are conversions at the edges.
  void finish_pairs() {
    for (const NodeId n : std::vector<NodeId>(graph_.order())) {
      Node& node = graph_.node(n);
      if (node.dead) continue;
      if (node.op == Op::kQuantize && stored_.count(node.outputs[0])) {
        const ValueId x = node.inputs[0];
        Value& integers = graph_.value(node.outputs[0]);
        if (graph_.value(x).constant) {
          integers.constant = std::make_shared<const std::vector<std::byte>>(
              quantised_constant(graph_.value(x), *integers.quant, integers.dtype));
          graph_.remove_node(n);
        } else {
          become_cast(node);
        }
      } else if (node.op == Op::kDequantize && stored_.count(node.inputs[0])) {
        const ValueId real = node.outputs[0];
        if (graph_.consumers(real).empty() && !graph_.is_output(real))
          graph_.remove_node(n);
        else
          become_cast(node);
      }
    }
  }
  static void become_cast(Node& node) {
    node.op = Op::kCast;
    node.attributes = std::monostate();
  }

  Graph& graph_;
  const Target& target_;
  std::set<ValueId> stored_;
  std::map<ValueId, ValueId> integers_of_;  // of a Dequantize's result
  std::map<ValueId, NodeId> wanted_as_;     // a Quantize's operand: the node
};

}  // namespace

/// Requires: the graph is physical. Ensures: what stands between a Quantize and a Dequantize of the
/// same scale is stored as integers (Value::quant); convolutions and products that read such a
/// value and have integer weights read those; conversions that are left are Casts.
const Pass kStoreQuantisedPass = {"store-quantised", true, [](Graph& graph, const PassContext& c) {
                                    return Storing(graph, c.target).run();
                                  }};

}  // namespace stint::builder
