#include "host_builder/graph/graph.h"

#include <algorithm>
#include <set>
#include <utility>

#include "host_builder/support/error.h"

namespace stint::builder {

namespace {

template <typename C, typename T>
bool contains(const C& container, const T& item) {
  return std::find(container.begin(), container.end(), item) != container.end();
}

}  // namespace

int64_t Value::elements() const {
  int64_t n = 1;
  for (int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(n, extent, &n))
      throw BuildError("value '" + name + "' has a shape whose element count overflows");
  }
  return n;
}

ValueId Graph::add_value(Value value) {
  values_.push_back(std::move(value));
  return static_cast<ValueId>(values_.size() - 1);
}

ValueId Graph::add_value(std::string name, DType dtype, Shape shape) {
  Value value;
  value.name = std::move(name);
  value.dtype = dtype;
  value.shape = std::move(shape);
  return add_value(std::move(value));
}

ValueId Graph::add_constant(std::string name, DType dtype, Shape shape,
                            std::vector<std::byte> bytes) {
  Value value;
  value.name = std::move(name);
  value.dtype = dtype;
  value.shape = std::move(shape);
  if (value.bytes() != static_cast<int64_t>(bytes.size()))
    throw BuildError("constant '" + value.name + "' has " + std::to_string(bytes.size()) +
                     " bytes, its shape needs " + std::to_string(value.bytes()));
  value.constant = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return add_value(std::move(value));
}

NodeId Graph::add_node(Node node) { return insert_node(order_.size(), std::move(node)); }

NodeId Graph::insert_node(size_t position, Node node) {
  nodes_.push_back(std::move(node));
  const auto id = static_cast<NodeId>(nodes_.size() - 1);
  order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(std::min(position, order_.size())),
                id);
  return id;
}

size_t Graph::live_node_count() const { return order_.size(); }

std::optional<NodeId> Graph::producer(ValueId id) const {
  if (id == kNoValue || values_.at(id).constant) return std::nullopt;
  for (NodeId n : order_)
    if (contains(nodes_[n].outputs, id)) return n;
  return std::nullopt;
}

std::vector<NodeId> Graph::consumers(ValueId id) const {
  std::vector<NodeId> result;
  if (id == kNoValue) return result;
  for (NodeId n : order_)
    if (contains(nodes_[n].inputs, id)) result.push_back(n);
  return result;
}

bool Graph::is_output(ValueId id) const { return contains(outputs, id); }

void Graph::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  if (is_output(from) && !is_output(to) && !contains(inputs, to))
    std::swap(values_.at(from).name, values_.at(to).name);
  for (NodeId n : order_) std::replace(nodes_[n].inputs.begin(), nodes_[n].inputs.end(), from, to);
  std::replace(outputs.begin(), outputs.end(), from, to);
}

void Graph::remove_node(NodeId id) {
  nodes_.at(id).dead = true;
  order_.erase(std::remove(order_.begin(), order_.end(), id), order_.end());
}

void Graph::sort() {
  constexpr NodeId kNone = 0xFFFFFFFFu;
  std::vector<NodeId> producer_of(values_.size(), kNone);
  for (NodeId n : order_) {
    if (nodes_[n].dead) continue;
    for (ValueId v : nodes_[n].outputs)
      if (v != kNoValue) producer_of.at(v) = n;
  }
  // Depth first along the existing order: a node moves forward only as far as its first reader
  // needs it.
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(nodes_.size(), Mark::kNew);
  std::vector<NodeId> sorted;
  sorted.reserve(order_.size());
  std::vector<std::pair<NodeId, size_t>> stack;  // node, next operand to look at
  for (NodeId root : order_) {
    if (nodes_[root].dead || marks[root] == Mark::kDone) continue;
    stack.emplace_back(root, 0);
    marks[root] = Mark::kOpen;
    while (!stack.empty()) {
      auto& [n, next] = stack.back();
      const std::vector<ValueId>& operands = nodes_[n].inputs;
      if (next == operands.size()) {
        marks[n] = Mark::kDone;
        sorted.push_back(n);
        stack.pop_back();
        continue;
      }
      const ValueId operand = operands[next++];
      const NodeId before = operand == kNoValue ? kNone : producer_of.at(operand);
      if (before == kNone || marks[before] == Mark::kDone) continue;
      if (marks[before] == Mark::kOpen)
        throw BuildError("node '" + nodes_[before].name + "' depends on its own result");
      marks[before] = Mark::kOpen;
      stack.emplace_back(before, 0);
    }
  }
  order_ = std::move(sorted);
}

std::string Graph::unique_name(const std::string& hint) const {
  bool taken = false;
  std::set<std::string> suffixes;
  for (const Value& value : values_) {
    if (value.name.compare(0, hint.size(), hint) != 0) continue;
    if (value.name.size() == hint.size())
      taken = true;
    else
      suffixes.insert(value.name.substr(hint.size()));
  }
  if (!taken) return hint;
  for (size_t i = 1;; ++i) {
    const std::string suffix = "_" + std::to_string(i);
    if (!suffixes.count(suffix)) return hint + suffix;
  }
}

}  // namespace stint::builder
