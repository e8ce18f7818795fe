#include "host_builder/import/onnx/node_order.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

using Names = std::unordered_set<std::string>;

void add_captures(const onnx::GraphProto& graph, std::vector<std::string>& names);

/// Names that the node reads from the body it stands in.
void add_reads(const onnx::NodeProto& node, std::vector<std::string>& names) {
  names.insert(names.end(), node.input().begin(), node.input().end());
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) add_captures(attribute.g(), names);
    for (const auto& graph : attribute.graphs()) add_captures(graph, names);
  }
}

void add_captures(const onnx::GraphProto& graph, std::vector<std::string>& names) {
  Names own;
  for (const auto& input : graph.input()) own.insert(input.name());
  for (const auto& initializer : graph.initializer()) own.insert(initializer.name());
  std::vector<std::string> read;
  for (const auto& node : graph.node()) {
    own.insert(node.output().begin(), node.output().end());
    add_reads(node, read);
  }
  for (const auto& output : graph.output()) read.push_back(output.name());
  std::copy_if(read.begin(), read.end(), std::back_inserter(names),
               [&](const std::string& name) { return own.count(name) == 0; });
}

class Sorting {
 public:
  explicit Sorting(const NodeList& nodes) : nodes_(nodes), marks_(nodes.size(), Mark::kNew) {
    for (int i = 0; i < nodes.size(); ++i) {
      for (const auto& output : nodes[i].output())
        if (!output.empty()) producer_.emplace(output, i);
    }
  }

  // Depth first along the stored order: a node moves forward only as far as its first reader needs
  // it.
  std::vector<int> run() {
    order_.reserve(marks_.size());
    for (int root = 0; root < nodes_.size(); ++root) {
      if (marks_[root] == Mark::kNew) open(root);
      while (!stack_.empty()) {
        Open& top = stack_.back();
        if (top.next == top.before.size()) {
          marks_[top.node] = Mark::kDone;
          order_.push_back(top.node);
          stack_.pop_back();
          continue;
        }
        const int before = top.before[top.next++];
        if (marks_[before] == Mark::kOpen) refuse_cycle(before);
        if (marks_[before] == Mark::kNew) open(before);
      }
    }
    return std::move(order_);
  }

 private:
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  struct Open {
    int node;
    std::vector<int> before;  // nodes whose results it reads
    size_t next = 0;
  };

  void open(int node) {
    marks_[node] = Mark::kOpen;
    std::vector<std::string> names;
    add_reads(nodes_[node], names);
    Open opened{node, {}};
    for (const std::string& name : names) {
      const auto producer = producer_.find(name);
      if (producer != producer_.end()) opened.before.push_back(producer->second);
    }
    stack_.push_back(std::move(opened));
  }

  [[noreturn]] void refuse_cycle(int node) const {
    constexpr size_t kNamed = 8;
    const auto first = std::find_if(stack_.begin(), stack_.end(),
                                    [&](const Open& open) { return open.node == node; });
    std::string cycle;
    size_t named = 0;
    for (auto open = first; open != stack_.end() && named < kNamed; ++open, ++named)
      cycle += "'" + node_name(nodes_[open->node], open->node) + "' needs ";
    if (static_cast<size_t>(stack_.end() - first) > kNamed) cycle += "... needs ";
    throw Refusal("nodes wait for each other: " + cycle + "'" + node_name(nodes_[node], node) + "'",
                  kCheckModel);
  }

  const NodeList& nodes_;
  std::vector<Mark> marks_;
  std::unordered_map<std::string, int> producer_;
  std::vector<Open> stack_;
  std::vector<int> order_;
};

}  // namespace

std::string node_name(const onnx::NodeProto& node, int index) {
  if (!node.name().empty()) return node.name();
  if (node.output_size() > 0 && !node.output(0).empty()) return node.output(0);
  return "#" + std::to_string(index);
}

std::vector<int> node_order(const NodeList& nodes) { return Sorting(nodes).run(); }

}  // namespace stint::builder
