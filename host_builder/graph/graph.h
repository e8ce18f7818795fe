// The builder's one intermediate representation: an SSA graph of typed values and nodes.
//
// Semantics. From import until the layout pass, shapes and axes are ONNX's (N, C, spatial...). The
// layout pass rewrites the graph to *physical* order: afterwards every shape, axis and attribute is
// in memory order, and Conv, ConvTranspose, Pool, Resize and the other spatial nodes read and write
// channels-last values (Graph::channels_last is true).
//
// A value is a graph input, a constant, or the output of exactly one node. After the aliasing pass
// a value may instead be a view of another value's storage (Value::view), and concatenations
// disappear: their inputs are views of the result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "host_builder/graph/attributes.h"
#include "plan_schema/types.h"

namespace stint::builder {

using ValueId = uint32_t;
using NodeId = uint32_t;
inline constexpr ValueId kNoValue = 0xFFFFFFFFu;  // an optional operand that is absent

using Shape = std::vector<int64_t>;

/// Dense, row-major bytes of a constant. Shared, never modified after creation.
using Bytes = std::shared_ptr<const std::vector<std::byte>>;

/// A value that lives inside another value's storage.
struct View {
  ValueId base = kNoValue;  // itself not a view
  int64_t offset = 0;       // elements from the base's first element
};

/// A value's integers stand for numbers: (integer - zero point) * scale.
struct Quantisation {
  std::vector<float> scales;         // one, or one for each place along the axis
  int axis = -1;                     // -1: the whole tensor has one scale
  std::vector<int32_t> zero_points;  // as many as scales; empty: all are 0
};

struct Value {
  std::string name;  // unique; the model's own name where it has one
  DType dtype = DType::kF32;
  Shape shape;                   // static; an empty shape is a scalar
  Bytes constant;                // set: a constant
  std::vector<int64_t> strides;  // elements; empty: dense row-major
  std::optional<View> view;
  std::optional<Quantisation> quant;
  // Of an f32 constant: its numbers are exactly what these integers would stand for. Who quantises
  // it finds them again.
  std::optional<Quantisation> grid;

  int64_t elements() const;
  int64_t bytes() const { return elements() * dtype_bytes(dtype); }
  bool is_constant() const { return constant != nullptr; }
};

struct Node {
  std::string
      name;  // of the source node; fused nodes keep the first one's and list the rest in `fused`
  Op op = Op::kIdentity;
  Attributes attributes;
  std::vector<ValueId> inputs;   // kNoValue for an absent optional operand
  std::vector<ValueId> outputs;  // kNoValue for an output nobody wants
  std::vector<std::string> fused;
  bool dead = false;  // removed; compact() drops it

  template <typename A>
  A& as() {
    return std::get<A>(attributes);
  }
  template <typename A>
  const A& as() const {
    return std::get<A>(attributes);
  }
};

/// Whether the node has its optional operand `i`.
inline bool has_operand(const Node& node, size_t i) {
  return i < node.inputs.size() && node.inputs[i] != kNoValue;
}

/// A camera frame bound at run time. A kPreprocess node (PreprocessAttributes::image) makes a value
/// of it; it is no value itself.
struct ImageInput {
  std::string name;
  PreprocessAttributes spec;
};

/// Two of the graph's outputs that are one binding: f32 [n, max, 6] and i32 [n].
struct DetectionOutput {
  std::string name;
  ValueId detections = kNoValue;
  ValueId counts = kNoValue;
};

class Graph {
 public:
  std::string name;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;  // those of `detections` included
  std::vector<ImageInput> images;
  std::vector<DetectionOutput> detections;
  bool channels_last = false;
  // Set when precision is decided: a value may then be stored in fewer bits than its operation's
  // result has (f32 as f16), and operands of one operation may differ in that.
  bool mixed_precision = false;
  int64_t batch = 1;

  ValueId add_value(Value value);
  ValueId add_value(std::string name, DType dtype, Shape shape);
  ValueId add_constant(std::string name, DType dtype, Shape shape, std::vector<std::byte> bytes);
  template <typename T>
  ValueId add_constant(std::string name, DType dtype, Shape shape, const std::vector<T>& data) {
    auto* p = reinterpret_cast<const std::byte*>(data.data());
    return add_constant(std::move(name), dtype, std::move(shape),
                        std::vector<std::byte>(p, p + data.size() * sizeof(T)));
  }
  NodeId add_node(Node node);  // appended: inputs must already have producers
  /// Inserts before `position` in execution order.
  NodeId insert_node(size_t position, Node node);

  Value& value(ValueId id) { return values_.at(id); }
  const Value& value(ValueId id) const { return values_.at(id); }
  Node& node(NodeId id) { return nodes_.at(id); }
  const Node& node(NodeId id) const { return nodes_.at(id); }
  size_t value_count() const { return values_.size(); }
  size_t node_count() const { return nodes_.size(); }

  /// The type of the value's numbers as operations understand them, however they are stored.
  DType meaning(const Value& value) const {
    const bool stands_for_f32 = value.dtype == DType::kF16 || value.quant.has_value();
    return mixed_precision && stands_for_f32 ? DType::kF32 : value.dtype;
  }

  /// Live nodes in a valid execution order.
  const std::vector<NodeId>& order() const { return order_; }
  size_t live_node_count() const;

  /// Producer of a value, or nothing for inputs, constants and views of a concatenation's result.
  std::optional<NodeId> producer(ValueId id) const;
  /// Live nodes that read the value (each once).
  std::vector<NodeId> consumers(ValueId id) const;
  bool is_output(ValueId id) const;
  /// Makes every reader of `from` (and the graph's outputs) read `to`. When `from` is a graph
  /// output, `to` takes over its name unless it is itself an input or output of the graph.
  void replace_uses(ValueId from, ValueId to);
  void remove_node(NodeId id);
  /// Restores topological order after insertions and drops dead nodes. Stable: ties keep their
  /// order.
  void sort();
  /// A name not used by any value yet, starting with `hint`.
  std::string unique_name(const std::string& hint) const;

 private:
  std::deque<Value> values_;  // references stay valid while the graph grows
  std::deque<Node> nodes_;
  std::vector<NodeId> order_;
};

/// Checks the whole graph: single producers, order, operand counts, dtypes and how they are stored,
/// and that every output shape is what shape inference gives. Throws BuildError naming the node.
/// Runs after every pass.
void verify(const Graph& graph);

}  // namespace stint::builder
