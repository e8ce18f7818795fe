#include "host_builder/import/own_suppression.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "host_builder/import/model_edges.h"

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

  /// The last value before node `end` that alone is still to be read; empty: there is none.
  std::string last_bottleneck(int end) {
    std::string last;
    for (int i = 0; i < end; ++i) {
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

std::string advice_on_own_suppression(const onnx::GraphProto& graph) {
  const auto first = std::find_if(graph.node().begin(), graph.node().end(), is_suppression);
  if (first == graph.node().end()) return "";
  const int index = static_cast<int>(first - graph.node().begin());
  // What filters by score before the suppression already gives a number of rows that varies.
  int end = index;
  for (int i = 0; i < index; ++i)
    if (graph.node(i).op_type() == "NonZero") end = std::min(end, i);
  std::string text = "the model suppresses boxes itself (node '" + first->name() + "', " +
                     first->op_type() +
                     "); let a decoder of the plan do it, which leaves out that "
                     "part of the model: --postprocess ";
  const std::string last = Sweep(graph).last_bottleneck(end);
  if (!last.empty() && !is_input(graph, last))
    return text + "yolov8,output=" + last +
           " (or the decoder that fits this value, see stint build --help)";
  if (first->op_type() == "NonMaxSuppression" && first->input_size() >= 2)
    return text + "boxes-scores,boxes=" + first->input(0) + ",scores=" + first->input(1);
  return text +
         "DECODER with output=, boxes= and scores= naming the values before it (see stint "
         "build --help)";
}

}  // namespace stint::builder
