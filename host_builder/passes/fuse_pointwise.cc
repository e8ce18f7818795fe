// Trees of f32 element-wise nodes become one program that reads each operand once and writes only
// the last result.
#include <algorithm>
#include <map>
#include <set>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

// A kernel's tile of every operand and intermediate should stay in the first-level cache.
constexpr size_t kMaxInstructions = 24;
constexpr size_t kMaxInputs = 8;

bool is_fusable(const Graph& graph, const Node& node) {
  if (node.op == Op::kUnary) {
    if (!is_float_function(node.as<UnaryAttributes>().op)) return false;
  } else if (node.op == Op::kBinary) {
    if (!is_float_function(node.as<BinaryAttributes>().op)) return false;
  } else {
    return false;
  }
  for (ValueId id : node.inputs)
    if (graph.meaning(graph.value(id)) != DType::kF32) return false;
  return graph.meaning(graph.value(node.outputs[0])) == DType::kF32;
}

/// Nodes that are computed together, the last one being the root.
class Group {
 public:
  Group(const Graph& graph, NodeId root) : graph_(graph), root_(root), members_{root} {
    while (grow()) {
    }
  }

  size_t size() const { return members_.size(); }

  /// Members in execution order.
  std::vector<NodeId> ordered() const {
    std::vector<NodeId> result;
    for (NodeId n : graph_.order())
      if (members_.count(n)) result.push_back(n);
    return result;
  }

 private:
  bool grow() {
    if (members_.size() == kMaxInstructions) return false;
    for (ValueId id : inputs(members_)) {
      const auto producer = graph_.producer(id);
      if (!producer || !joins(*producer, id)) continue;
      std::set<NodeId> larger = members_;
      larger.insert(*producer);
      if (inputs(larger).size() > kMaxInputs) continue;
      members_ = std::move(larger);
      return true;
    }
    return false;
  }

  bool joins(NodeId producer, ValueId id) const {
    if (!is_fusable(graph_, graph_.node(producer)) || graph_.is_output(id)) return false;
    // A smaller shape would be computed again for every place it is broadcast to.
    if (graph_.value(id).shape != graph_.value(graph_.node(root_).outputs[0]).shape) return false;
    const std::vector<NodeId> consumers = graph_.consumers(id);
    return std::all_of(consumers.begin(), consumers.end(),
                       [&](NodeId n) { return members_.count(n) > 0; });
  }

  std::set<ValueId> inputs(const std::set<NodeId>& members) const {
    std::set<ValueId> produced, read;
    for (NodeId n : members) {
      produced.insert(graph_.node(n).outputs[0]);
      read.insert(graph_.node(n).inputs.begin(), graph_.node(n).inputs.end());
    }
    for (ValueId id : produced) read.erase(id);
    return read;
  }

  const Graph& graph_;
  NodeId root_;
  std::set<NodeId> members_;
};

void fuse(Graph& graph, const std::vector<NodeId>& members) {
  std::vector<ValueId> inputs;
  std::set<ValueId> produced;
  for (NodeId n : members) {
    for (ValueId id : graph.node(n).inputs)
      if (!produced.count(id) && std::find(inputs.begin(), inputs.end(), id) == inputs.end())
        inputs.push_back(id);
    produced.insert(graph.node(n).outputs[0]);
  }
  std::map<ValueId, uint8_t> operand;
  for (size_t i = 0; i < inputs.size(); ++i) operand[inputs[i]] = static_cast<uint8_t>(i);

  PointwiseAttributes attributes;
  for (size_t i = 0; i < members.size(); ++i) {
    const Node& node = graph.node(members[i]);
    PointwiseInstruction instruction{};
    instruction.a = operand.at(node.inputs[0]);
    if (node.op == Op::kUnary) {
      const auto& a = node.as<UnaryAttributes>();
      instruction.op = a.op;
      instruction.alpha = a.alpha;
      instruction.beta = a.beta;
    } else {
      instruction.op = node.as<BinaryAttributes>().op;
      instruction.b = operand.at(node.inputs[1]);
    }
    attributes.program.push_back(instruction);
    operand[node.outputs[0]] = static_cast<uint8_t>(inputs.size() + i);
  }

  Node& root = graph.node(members.back());
  for (NodeId n : members)
    if (n != members.back()) record_fusion(root, graph.node(n));
  root.op = Op::kPointwise;
  root.attributes = std::move(attributes);
  root.inputs = std::move(inputs);
  for (NodeId n : members)
    if (n != members.back()) graph.remove_node(n);
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  const std::vector<NodeId> order = graph.order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (graph.node(*it).dead || !is_fusable(graph, graph.node(*it))) continue;
    const Group group(graph, *it);
    if (group.size() < 2) continue;
    fuse(graph, group.ordered());
    changes += group.size() - 1;
  }
  return changes;
}

}  // namespace

/// Requires: the graph is physical, so that nothing stands between element-wise nodes. Ensures: f32
/// element-wise nodes of one shape that only read each other are one program.
const Pass kFusePointwisePass = {"fuse-pointwise", true, run};

}  // namespace stint::builder
