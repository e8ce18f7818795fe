#include "host_builder/network/cut.h"

#include <unordered_map>
#include <unordered_set>

namespace stint::builder {
namespace {

using Names = std::unordered_set<std::string>;

class Cutter {
 public:
  explicit Cutter(const std::vector<CutNode>& nodes) : nodes_(nodes) {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      for (const std::string& result : nodes_[i].results) producer_.emplace(result, i);
      for (const std::string& operand : nodes_[i].operands) readers_[operand].push_back(i);
    }
  }

  std::optional<Cut> run(const std::vector<std::string>& outputs,
                         const std::vector<std::string>& names) const {
    const Names before(outputs.begin(), outputs.end());
    Names cuts;
    for (const std::string& name : names)
      if (producer_.count(name) != 0 && before.count(name) == 0) cuts.insert(name);
    if (cuts.empty()) return std::nullopt;
    Cut cut;
    const Names asked(names.begin(), names.end());
    const Names replaced = computed_from(cuts);
    for (const std::string& output : outputs)
      if (replaced.count(output) == 0 || asked.count(output) != 0) cut.kept.push_back(output);
    for (const std::string& name : names)  // each once
      if (cuts.erase(name) != 0) cut.added.push_back(name);
    std::vector<std::string> read = cut.kept;
    read.insert(read.end(), cut.added.begin(), cut.added.end());
    cut.needed = needed_for(std::move(read));
    return cut;
  }

 private:
  Names computed_from(const Names& values) const {
    Names found;
    std::vector<std::string> open(values.begin(), values.end());
    while (!open.empty()) {
      const auto readers = readers_.find(open.back());
      open.pop_back();
      if (readers == readers_.end()) continue;
      for (const size_t reader : readers->second)
        for (const std::string& result : nodes_[reader].results)
          if (found.insert(result).second) open.push_back(result);
    }
    return found;
  }

  std::vector<bool> needed_for(std::vector<std::string> open) const {
    std::vector<bool> needed(nodes_.size(), false);
    while (!open.empty()) {
      const auto producer = producer_.find(open.back());
      open.pop_back();
      if (producer == producer_.end() || needed[producer->second]) continue;
      needed[producer->second] = true;
      const CutNode& node = nodes_[producer->second];
      open.insert(open.end(), node.operands.begin(), node.operands.end());
    }
    return needed;
  }

  const std::vector<CutNode>& nodes_;
  std::unordered_map<std::string, size_t> producer_;
  std::unordered_map<std::string, std::vector<size_t>> readers_;
};

}  // namespace

std::optional<Cut> cut_at(const std::vector<CutNode>& nodes,
                          const std::vector<std::string>& outputs,
                          const std::vector<std::string>& names) {
  if (names.empty()) return std::nullopt;
  return Cutter(nodes).run(outputs, names);
}

}  // namespace stint::builder
