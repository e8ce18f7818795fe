// INT8 by calibration: which values and weights are rounded to 8-bit integers. The graph says so
// with pairs of Quantize and Dequantize and with weights on a grid, as an explicitly quantised
// model does; what it computes afterwards is what the plan will compute, in f32.
// store-quantised makes storage of it.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "host_builder/graph/op_def.h"
#include "host_builder/graph/quantisation.h"
#include "host_builder/passes/integer_products.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {
namespace {

bool has_quantisation(const Graph& graph) {
  return std::any_of(graph.order().begin(), graph.order().end(), [&](NodeId n) {
    return graph.node(n).op == Op::kQuantize || graph.node(n).op == Op::kDequantize;
  });
}

/// Known to be so whatever the samples were.
bool is_never_negative(const Graph& graph, ValueId id) {
  const auto n = graph.producer(id);
  if (!n) return false;
  const Node& node = graph.node(*n);
  const auto by = [](Activation act, float alpha) {
    return act == Activation::kRelu || act == Activation::kSigmoid ||
           act == Activation::kHardSigmoid || (act == Activation::kClip && alpha >= 0.0f);
  };
  const auto of = [&](const Epilogue& e) {
    return by(e.act, e.alpha) && !(has_operand(node, 3) && e.residual_after_act);
  };
  switch (node.op) {
    case Op::kConv:
      return of(node.as<ConvAttributes>().epilogue);
    case Op::kMatMul:
      return of(node.as<MatMulAttributes>().epilogue);
    case Op::kUnary: {
      const auto& a = node.as<UnaryAttributes>();
      return a.op == EltOp::kRelu || a.op == EltOp::kSigmoid || a.op == EltOp::kHardSigmoid ||
             (a.op == EltOp::kClip && a.alpha >= 0.0f);
    }
    case Op::kPool:
      return is_never_negative(graph, node.inputs[0]);
    default:
      break;
  }
  if (!moves_numbers(node)) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (moves_numbers(node, i) && !is_never_negative(graph, node.inputs[i])) return false;
  return true;
}

/// Values whose integers go from one to the other unchanged have one scale.
class Groups {
 public:
  explicit Groups(const Graph& graph) : parent_(graph.value_count()) {
    std::iota(parent_.begin(), parent_.end(), ValueId{0});
    for (const NodeId n : graph.order()) {
      const Node& node = graph.node(n);
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (moves_numbers(node, i)) join(node.inputs[i], node.outputs[0]);
    }
  }
  ValueId of(ValueId id) const {
    while (parent_[id] != id) id = parent_[id];
    return id;
  }

 private:
  void join(ValueId a, ValueId b) { parent_[of(a)] = of(b); }
  std::vector<ValueId> parent_;
};

class Quantiser {
 public:
  Quantiser(Graph& graph, const PassContext& context)
      : graph_(graph), context_(context), groups_(graph), ranges_(graph.value_count()) {}

  size_t run() {
    for (ValueId id = 0; id < graph_.value_count(); ++id) measure(id);
    for (const NodeId n : graph_.order()) {
      Node& node = graph_.node(n);
      if (!can_multiply_integers(graph_, node, context_.target)) continue;
      if (!range(node.inputs[0]) || is_kept_real(node)) continue;
      products_.insert(n);
      wanted_.insert(groups_.of(node.inputs[0]));
    }
    while (extend()) {
    }
    for (const NodeId n : graph_.order())
      if (products_.count(n) != 0) put_weights_on_grid(graph_, graph_.node(n));
    size_t changes = products_.size();
    const size_t known = ranges_.size();  // what is added from here on is in pairs already
    for (ValueId id = 0; id < known; ++id)
      if (is_number(id) && is_wanted(id)) changes += insert_pair(id);
    graph_.sort();
    return changes;
  }

 private:
  struct Range {
    float low = 0.0f, high = 0.0f;
    bool known = false;
  };

  bool is_kept_real(const Node& node) const {
    return context_.real_layers != nullptr && context_.real_layers->count(node.name) != 0;
  }
  bool is_number(ValueId id) const { return graph_.value(id).dtype == DType::kF32; }
  bool is_wanted(ValueId id) const { return wanted_.count(groups_.of(id)) != 0; }
  const Range* range(ValueId id) const {
    const Range& range = ranges_[groups_.of(id)];
    return range.known ? &range : nullptr;
  }

  void measure(ValueId id) {
    if (const auto constant = f32_constant(graph_, id)) {
      for (const float x : *constant) widen(id, x, x);
      return;
    }
    const auto it = context_.ranges->find(graph_.value(id).name);
    if (it == context_.ranges->end() || !is_number(id)) return;
    const float most = it->second.threshold;
    const float low = is_never_negative(graph_, id) ? 0.0f : std::max(it->second.low, -most);
    widen(id, low, std::min(it->second.high, most));
    ranges_[groups_.of(id)].known = true;
  }
  void widen(ValueId id, float low, float high) {
    Range& range = ranges_[groups_.of(id)];
    range.low = std::min(range.low, low);
    range.high = std::max(range.high, high);
  }

  /// Between two products, what can be written and read as integers is. Nothing changes anywhere
  /// else: a pair that nobody profits from only costs accuracy.
  bool extend() {
    bool changed = false;
    for (const NodeId n : graph_.order()) {
      const Node& node = graph_.node(n);
      const ValueId id = node.outputs.empty() ? kNoValue : node.outputs[0];
      if (id == kNoValue || !is_number(id) || is_wanted(id) || !range(id)) continue;
      if (!comes_from_integers(n) || !goes_to_integers(id)) continue;
      wanted_.insert(groups_.of(id));
      changed = true;
    }
    return changed;
  }
  bool comes_from_integers(NodeId n) const {
    if (products_.count(n) != 0) return true;
    const Node& node = graph_.node(n);
    return is_light(graph_, node) &&
           std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
             return id != kNoValue && is_number(id) && is_wanted(id);
           });
  }
  bool goes_to_integers(ValueId id) const {
    if (graph_.is_output(id)) return false;
    const std::vector<NodeId> readers = graph_.consumers(id);
    return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](NodeId n) {
      const Node& reader = graph_.node(n);
      return is_light(graph_, reader) && is_number(reader.outputs[0]) &&
             is_wanted(reader.outputs[0]);
    });
  }

  Quantisation quantisation(const Range& range) const {
    Quantisation q;
    const float most = std::max(range.high, -range.low);
    if (range.low >= 0.0f) {
      q.scales = {most / 255.0f};
      q.zero_points = {0};
    } else if (context_.target.is_gpu) {
      q.scales = {most / 127.0f};
      q.zero_points = {0};
    } else {
      // Kernels take any zero point at no cost: the range need not be symmetric.
      q.scales = {(range.high - range.low) / 255.0f};
      q.zero_points = {static_cast<int32_t>(std::nearbyint(-range.low / q.scales[0]))};
    }
    // A tensor of zeros, or of numbers that f32 can hardly tell from zero.
    if (!(q.scales[0] > 1e-30f)) q = {{1e-30f}, -1, {0}};
    return q;
  }

  /// Readers see the rounded value; an output stays as exact as it is.
  size_t insert_pair(ValueId id) {
    std::vector<NodeId> readers = graph_.consumers(id);
    if (readers.empty() || (graph_.value(id).constant && !is_moved(id, readers))) return 0;
    const Range& range = ranges_[groups_.of(id)];
    const Quantisation q = quantisation(range);
    const bool is_signed = range.low < 0.0f && context_.target.is_gpu;
    const QuantizeAttributes attributes{q.scales[0], zero_point_of(q)};
    const Shape shape = graph_.value(id).shape;
    const std::string name = graph_.value(id).name;
    const ValueId integers =
        add(Op::kQuantize, attributes, id, name + "_q", is_signed ? DType::kI8 : DType::kU8, shape);
    const ValueId rounded =
        add(Op::kDequantize, attributes, integers, name + "_dq", DType::kF32, shape);
    for (const NodeId n : readers) {
      for (size_t i = 0; i < graph_.node(n).inputs.size(); ++i)
        if (graph_.node(n).inputs[i] == id && reads_rounded(n, i))
          graph_.node(n).inputs[i] = rounded;
    }
    return 1;
  }
  bool is_moved(ValueId id, const std::vector<NodeId>& readers) const {
    return std::any_of(readers.begin(), readers.end(), [&](NodeId n) {
      const Node& node = graph_.node(n);
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i] == id && moves_numbers(node, i)) return true;
      return false;
    });
  }
  /// What cannot read integers need not lose by rounding.
  bool reads_rounded(NodeId n, size_t i) const {
    const Node& node = graph_.node(n);
    if (products_.count(n) != 0) return i == 0 || i == kResidual;
    return is_light(graph_, node) && op_def(node.op).types.operands.at(i).stored.has(DType::kU8);
  }

  ValueId add(Op op, const QuantizeAttributes& attributes, ValueId x, const std::string& hint,
              DType dtype, const Shape& shape) {
    const std::string name = graph_.unique_name(hint);
    const ValueId y = graph_.add_value(name, dtype, shape);
    Node node;
    node.name = name;
    node.op = op;
    node.attributes = attributes;
    node.inputs = {x};
    node.outputs = {y};
    graph_.add_node(std::move(node));
    return y;
  }

  Graph& graph_;
  const PassContext& context_;
  Groups groups_;
  std::vector<Range> ranges_;  // by group
  std::set<ValueId> wanted_;   // groups
  std::set<NodeId> products_;
};

/// A model that says itself where it is quantised has decided.
size_t run(Graph& graph, const PassContext& context) {
  return has_quantisation(graph) ? 0 : Quantiser(graph, context).run();
}

}  // namespace

/// Requires: the graph is physical and ranges of its values are known. Ensures: what convolutions
/// and matrix products of 8-bit integers read is rounded, and so are their weights.
const Pass kInsertQuantisationPass = {"insert-quantisation", true, run, [](const PassContext& c) {
                                        return c.integers && c.ranges != nullptr;
                                      }};

}  // namespace stint::builder
