#include "host_builder/import/onnx/cut_model.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "host_builder/import/onnx/model_edges.h"

namespace stint::builder {
namespace {

using Names = std::unordered_set<std::string>;

class Cutter {
 public:
  explicit Cutter(onnx::GraphProto& graph) : graph_(graph) {
    for (int i = 0; i < graph_.node_size(); ++i) {
      for (const auto& output : graph_.node(i).output()) producer_.emplace(output, i);
      operands_.push_back(operands_of(graph_.node(i)));
      for (const std::string& operand : operands_.back()) readers_[operand].push_back(i);
    }
  }

  void run(const std::vector<std::string>& names) {
    Names outputs, cuts;
    for (const auto& output : graph_.output()) outputs.insert(output.name());
    for (const std::string& name : names)
      if (producer_.count(name) != 0 && outputs.count(name) == 0) cuts.insert(name);
    if (cuts.empty()) return;
    const Names asked(names.begin(), names.end());
    const Names replaced = computed_from(cuts);
    auto* list = graph_.mutable_output();
    list->erase(std::remove_if(list->begin(), list->end(),
                               [&](const onnx::ValueInfoProto& output) {
                                 return replaced.count(output.name()) != 0 &&
                                        asked.count(output.name()) == 0;
                               }),
                list->end());
    for (const std::string& name : names)  // in the order asked for, each once
      if (cuts.erase(name) != 0) list->Add()->set_name(name);
    drop_unread();
  }

 private:
  Names computed_from(const Names& values) const {
    Names found;
    std::vector<std::string> open(values.begin(), values.end());
    while (!open.empty()) {
      const auto readers = readers_.find(open.back());
      open.pop_back();
      if (readers == readers_.end()) continue;
      for (const int reader : readers->second)
        for (const auto& output : graph_.node(reader).output())
          if (found.insert(output).second) open.push_back(output);
    }
    return found;
  }

  void drop_unread() {
    std::vector<bool> needed(static_cast<size_t>(graph_.node_size()), false);
    std::vector<std::string> open;
    for (const auto& output : graph_.output()) open.push_back(output.name());
    while (!open.empty()) {
      const auto producer = producer_.find(open.back());
      open.pop_back();
      if (producer == producer_.end()) continue;
      const auto index = static_cast<size_t>(producer->second);
      if (needed[index]) continue;
      needed[index] = true;
      open.insert(open.end(), operands_[index].begin(), operands_[index].end());
    }
    int kept = 0;
    for (int i = 0; i < graph_.node_size(); ++i) {
      if (needed[static_cast<size_t>(i)]) graph_.mutable_node()->SwapElements(kept++, i);
    }
    graph_.mutable_node()->DeleteSubrange(kept, graph_.node_size() - kept);
  }

  onnx::GraphProto& graph_;
  std::unordered_map<std::string, int> producer_;
  std::unordered_map<std::string, std::vector<int>> readers_;
  std::vector<std::vector<std::string>> operands_;
};

}  // namespace

void cut_model(onnx::GraphProto& graph, const std::vector<std::string>& names) {
  if (!names.empty()) Cutter(graph).run(names);
}

}  // namespace stint::builder
