#include "host_builder/import/onnx/own_suppression.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host_builder/import/onnx/model_edges.h"
#include "host_builder/import/onnx/node_order.h"

namespace stint::builder {
namespace {

bool is_suppression(const onnx::NodeProto& node) {
  const std::string& op = node.op_type();
  return op == "NonMaxSuppression" || op.find("NMS") != std::string::npos;
}

/// Walks the nodes in order, and knows which values are still to be read.
class Sweep {
 public:
  explicit Sweep(const onnx::GraphProto& graph) : graph_(graph) {
    for (const auto& node : graph.node())
      for (const std::string& name : operands_of(node)) ++readers_[name];
    for (const auto& initializer : graph.initializer()) constants_.insert(initializer.name());
    for (const auto& input : graph.input()) born(input.name());
  }

  /// The last value that alone is still to be read behind one of `nodes`, all there are up to some
  /// place; empty: there is none.
  std::string last_bottleneck(const std::vector<int>& nodes) {
    std::string last;
    for (const int i : nodes) {
      const auto& node = graph_.node(i);
      bool computed = false;
      for (const std::string& name : operands_of(node)) {
        const auto found = open_.find(name);
        if (found == open_.end()) continue;
        computed = true;
        if (--found->second == 0) open_.erase(found);
      }
      if (!computed) continue;  // made of constants, so no value on the way
      for (const auto& output : node.output()) born(output);
      if (open_.size() == 1) last = open_.begin()->first;
    }
    return last;
  }

 private:
  void born(const std::string& name) {
    const auto found = readers_.find(name);
    if (found != readers_.end() && constants_.count(name) == 0) open_[name] = found->second;
  }

  const onnx::GraphProto& graph_;
  std::unordered_map<std::string, int> readers_, open_;
  std::unordered_set<std::string> constants_;
};

bool is_input(const onnx::GraphProto& graph, const std::string& name) {
  return std::any_of(graph.input().begin(), graph.input().end(),
                     [&](const auto& input) { return input.name() == name; });
}

}  // namespace

void advise_on_own_suppression(const onnx::GraphProto& graph, NetworkFindings& findings) {
  std::vector<int> order;
  try {
    order = node_order(graph.node());
  } catch (const BuildError&) {
    return;  // said already
  }
  const auto first = std::find_if(order.begin(), order.end(),
                                  [&](int i) { return is_suppression(graph.node(i)); });
  if (first == order.end()) return;
  // What filters by score before the suppression already gives a number of rows that varies.
  const auto end = std::find_if(order.begin(), first,
                                [&](int i) { return graph.node(i).op_type() == "NonZero"; });
  const onnx::NodeProto& node = graph.node(*first);
  const std::string last = Sweep(graph).last_bottleneck({order.begin(), end});
  std::string spec = "DECODER with output=, boxes= and scores= naming the values before it";
  if (!last.empty() && !is_input(graph, last))
    spec = "yolov8,output=" + last + " (or the decoder that fits this value)";
  else if (node.op_type() == "NonMaxSuppression" && node.input_size() >= 2)
    spec = "boxes-scores,boxes=" + node.input(0) + ",scores=" + node.input(1);
  findings.add("the model",
               Refusal("suppresses boxes itself (node '" + node.name() + "', " + node.op_type() +
                           "), which a decoder of the plan does in place of that part",
                       "pass --postprocess ", spec));
}

}  // namespace stint::builder
