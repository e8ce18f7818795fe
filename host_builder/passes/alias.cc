// Concat, Slice and Reshape move nothing where a value can live inside another one's storage, nor
// does Transpose beside a product of two activations.
//
// First, from the outputs back: what a concatenation joins is written straight into its result, and
// what is reshaped into such a part lives there too. Then, forward: slices and reshapes that nobody
// has placed become views of their operand. Where a value is wanted in two places, or must stay a
// buffer of its own, one copy remains.
#include <algorithm>

#include "host_builder/graph/views.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"
#include "host_builder/passes/strided_reshape.h"

namespace stint::builder {

namespace {

class Aliasing {
 public:
  explicit Aliasing(Graph& graph) : graph_(graph) {}

  size_t run() {
    const std::vector<NodeId> order = graph_.order();
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      if (graph_.node(*it).op == Op::kConcat) eliminate_concat(*it);
      if (graph_.node(*it).op == Op::kReshape) reshape_backward(*it);
      if (graph_.node(*it).op == Op::kTranspose) transpose_backward(*it);
    }
    for (NodeId n : order) {
      if (graph_.node(n).dead) continue;
      if (graph_.node(n).op == Op::kReshape) reshape_forward(n);
      if (graph_.node(n).op == Op::kSlice) slice_forward(n);
      if (graph_.node(n).op == Op::kTranspose) transpose_forward(n);
    }
    return changes_;
  }

 private:
  bool is_input(ValueId id) const {
    return std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
  }

  /// May become a part of another value's storage.
  bool is_free(ValueId id) const {
    const Value& value = graph_.value(id);
    return !value.constant && !value.view && !is_input(id) && !graph_.is_output(id) &&
           graph_.producer(id).has_value() && value.elements() > 0;
  }

  /// `id` lies in the storage of `host`, `offset` elements behind the host's first element.
  void place(ValueId id, ValueId host, int64_t offset, Shape strides) {
    const Value& outer = graph_.value(host);
    const View view =
        outer.view ? View{outer.view->base, outer.view->offset + offset} : View{host, offset};
    Value& value = graph_.value(id);
    value.view = view;
    value.strides = std::move(strides);
  }

  void eliminate_concat(NodeId n) {
    const ValueId whole = graph_.node(n).outputs[0];
    const Value& y = graph_.value(whole);
    if (y.elements() == 0 || y.constant) return;
    const Shape strides = strides_of(graph_.value(whole));
    if (strides.back() != 1 && y.shape.back() != 1) return;
    int64_t axis = graph_.node(n).as<AxisAttributes>().axis;
    if (axis < 0) axis += static_cast<int64_t>(y.shape.size());
    int64_t offset = 0;
    for (ValueId part : std::vector<ValueId>(graph_.node(n).inputs)) {
      const int64_t extent = graph_.value(part).shape[static_cast<size_t>(axis)];
      if (graph_.value(part).elements() > 0) {
        const ValueId placed = is_free(part) ? part : copied(n, part, y);
        place(placed, whole, offset, strides);
      }
      offset += extent * strides[static_cast<size_t>(axis)];
    }
    graph_.remove_node(n);
    ++changes_;
  }

  /// Stored as `like` is.
  ValueId copied(NodeId before, ValueId id, const Value& like) {
    const Value& value = graph_.value(id);
    const ValueId copy = insert_before(graph_, before, value.name + "_copy", Op::kIdentity,
                                       std::monostate(), {id}, like.dtype, value.shape);
    graph_.value(copy).quant = like.quant;
    return copy;
  }

  /// The reshaped value has its place (or is a graph output): its operand can be computed right
  /// there.
  void reshape_backward(NodeId n) {
    const ValueId x = graph_.node(n).inputs[0], y = graph_.node(n).outputs[0];
    const Value& target = graph_.value(y);
    if (!target.view && !graph_.is_output(y)) return;
    if (!is_free(x)) return;
    const auto strides =
        reshaped_strides(target.shape, strides_of(graph_.value(y)), graph_.value(x).shape);
    if (!strides) return;
    place(x, y, 0, *strides);
    graph_.remove_node(n);
    ++changes_;
  }

  void reshape_forward(NodeId n) {
    const ValueId x = graph_.node(n).inputs[0], y = graph_.node(n).outputs[0];
    if (!is_free(y) || graph_.value(x).constant) return;
    const auto strides =
        reshaped_strides(graph_.value(x).shape, strides_of(graph_.value(x)), graph_.value(y).shape);
    if (!strides) return;
    place(y, x, 0, *strides);
    graph_.remove_node(n);
    ++changes_;
  }

  void slice_forward(NodeId n) {
    const ValueId x = graph_.node(n).inputs[0], y = graph_.node(n).outputs[0];
    if (!is_free(y) || graph_.value(x).constant) return;
    const auto& a = graph_.node(n).as<SliceAttributes>();
    const Shape& shape = graph_.value(y).shape;
    Shape strides = strides_of(graph_.value(x));
    int64_t offset = 0;
    for (size_t i = 0; i < shape.size(); ++i) {
      offset += a.starts[i] * strides[i];
      if (shape[i] == 1) continue;
      if (a.steps[i] < 0) return;
      strides[i] *= a.steps[i];
    }
    if (!shape.empty() && shape.back() != 1 && strides.back() != 1) return;
    place(y, x, offset, std::move(strides));
    graph_.remove_node(n);
    ++changes_;
  }

  /// Its kernels take matrices of any row and batch strides.
  bool is_product_of_activations(NodeId n) const {
    const Node& node = graph_.node(n);
    if (node.op != Op::kMatMul) return false;
    for (size_t i = 0; i < 2; ++i) {
      const Value& operand = graph_.value(node.inputs[i]);
      if (operand.constant || operand.shape.size() < 2) return false;
    }
    return true;
  }

  /// The product writes its result where the transpose would move it.
  void transpose_backward(NodeId n) {
    const ValueId x = graph_.node(n).inputs[0], y = graph_.node(n).outputs[0];
    if (!is_free(x) || !used_once(graph_, x) || graph_.value(y).elements() == 0) return;
    if (!is_product_of_activations(*graph_.producer(x))) return;
    const auto& perm = graph_.node(n).as<TransposeAttributes>().perm;
    const Shape outer = strides_of(graph_.value(y));
    Shape strides(perm.size());
    for (size_t i = 0; i < perm.size(); ++i) strides[static_cast<size_t>(perm[i])] = outer[i];
    if (strides.back() != 1) return;
    place(x, y, 0, std::move(strides));
    graph_.remove_node(n);
    ++changes_;
  }

  /// Products read their operand where it lies, if its last axis stays adjacent.
  void transpose_forward(NodeId n) {
    const ValueId x = graph_.node(n).inputs[0], y = graph_.node(n).outputs[0];
    if (!is_free(y) || graph_.value(x).constant) return;
    for (NodeId consumer : graph_.consumers(y)) {
      if (!is_product_of_activations(consumer)) return;
      const std::vector<ValueId>& operands = graph_.node(consumer).inputs;
      if (std::count(operands.begin() + 2, operands.end(), y) > 0) return;
    }
    const Shape inner = strides_of(graph_.value(x));
    Shape strides;
    for (int64_t axis : graph_.node(n).as<TransposeAttributes>().perm)
      strides.push_back(inner[static_cast<size_t>(axis)]);
    if (strides.back() != 1) return;
    place(y, x, 0, std::move(strides));
    graph_.remove_node(n);
    ++changes_;
  }

  Graph& graph_;
  size_t changes_ = 0;
};

}  // namespace

size_t alias(Graph& graph) { return Aliasing(graph).run(); }

/// Requires: the graph is physical and final but for this pass; it may not be sorted afterwards.
/// Ensures: no concatenation is left; slices and reshapes are views wherever strides can express
/// them, and so are transposes beside products of two activations; graph outputs are dense buffers
/// of their own.
const Pass kAliasPass = {"alias", true,
                         [](Graph& graph, const PassContext&) { return alias(graph); }};

}  // namespace stint::builder
