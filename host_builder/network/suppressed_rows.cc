#include "host_builder/network/suppressed_rows.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "host_builder/graph/op_names.h"
#include "host_builder/graph/shape.h"
#include "host_builder/network/scalar_bytes.h"

namespace stint::builder {
namespace {

/// One axis of a value counts the rows of a suppression, in its order: row i depends on nothing but
/// the suppression's row i and on what is known for every row.
struct Rows {
  NodeId source;
  size_t axis;
  bool numbers = false;  // computed of the suppression's own numbers alone: image, class, box
};

class RowTracker {
 public:
  RowTracker(const Graph& graph, NetworkFindings& findings) : graph_(graph), findings_(findings) {}

  /// Values not listed have no such axis.
  const std::unordered_map<ValueId, Rows>& run() {
    for (const NodeId n : graph_.order()) follow(n);
    return rows_;
  }

 private:
  void follow(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.op == Op::kNonMaxSuppression && !graph_.value(node.outputs[0]).is_constant()) {
      if (reads_rows(node))
        mixes(node);
      else
        rows_[node.outputs[0]] = {n, 0, true};
      return;
    }
    if (!reads_rows(node)) return;
    const std::optional<Rows> result = rows_after(node);
    if (!result) {
      mixes(node);
      return;
    }
    for (const ValueId id : node.outputs)
      if (id != kNoValue) rows_[id] = *result;
  }

  bool reads_rows(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return rows_.count(id) != 0; });
  }

  std::optional<Rows> rows_of(ValueId id) const {
    const auto found = rows_.find(id);
    if (found == rows_.end()) return std::nullopt;
    return found->second;
  }

  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }

  /// Nothing where the node mixes rows.
  std::optional<Rows> rows_after(const Node& node) const {
    const ValueId y = node.outputs.at(0);
    const std::optional<Rows> x = rows_of(node.inputs.at(0));
    switch (node.op) {
      case Op::kIdentity:
      case Op::kUnary:
      case Op::kCast:
        return x;
      case Op::kBinary:
      case Op::kWhere:
      case Op::kPointwise:
      case Op::kExpand:
        return aligned(node);
      case Op::kGather:
        return gathered(node);
      case Op::kSlice: {
        // The first rows are the best; "the last ones" would be unused ones.
        const auto& a = node.as<SliceAttributes>();
        if (a.starts[x->axis] != 0 || a.steps[x->axis] != 1) return std::nullopt;
        return x;
      }
      case Op::kConcat:
        return concatenated(node);
      case Op::kReshape:
        return reshaped(*x, shape(node.inputs[0]), shape(y));
      case Op::kTranspose: {
        const auto& perm = node.as<TransposeAttributes>().perm;
        const auto at = std::find(perm.begin(), perm.end(), static_cast<int64_t>(x->axis));
        return Rows{x->source, static_cast<size_t>(at - perm.begin()), x->numbers};
      }
      case Op::kTile:
        if (shape(node.inputs[0])[x->axis] != shape(y)[x->axis]) return std::nullopt;
        return x;
      case Op::kReduce:
        return reduced(*x, node.as<ReduceAttributes>().axes, node.as<ReduceAttributes>().keep_dims,
                       shape(node.inputs[0]).size());
      case Op::kArgReduce:
        return reduced(*x, {node.as<ArgReduceAttributes>().axis},
                       node.as<ArgReduceAttributes>().keep_dims, shape(node.inputs[0]).size());
      case Op::kSoftmax:
        return reduced(*x, {node.as<SoftmaxAttributes>().axis}, true, shape(node.inputs[0]).size());
      case Op::kMatMul: {
        // Rows of the left matrix stay rows.
        if (!x || rows_of(node.inputs[1]) || shape(node.inputs[1]).size() < 2) return std::nullopt;
        const size_t rank = shape(node.inputs[0]).size();
        if (x->axis + 1 == rank || rank < 2) return std::nullopt;
        return Rows{x->source, x->axis + shape(y).size() - rank};
      }
      case Op::kPad: {
        const auto& a = node.as<PadAttributes>();
        if (a.begin[x->axis] != 0 || a.end[x->axis] != 0) return std::nullopt;
        return x;
      }
      default:
        return std::nullopt;
    }
  }

  /// One more operand's rows beside those of the others; false if they are not the same rows.
  static bool join(const Rows& rows, std::optional<Rows>& joined) {
    if (joined && (joined->source != rows.source || joined->axis != rows.axis)) return false;
    const bool numbers = rows.numbers && (!joined || joined->numbers);
    joined = Rows{rows.source, rows.axis, numbers};
    return true;
  }

  /// Numpy's broadcasting: every operand with rows has them on the same axis of the result.
  std::optional<Rows> aligned(const Node& node) const {
    const Shape& y = shape(node.outputs[0]);
    std::optional<Rows> result;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      std::optional<Rows> rows = rows_of(id);
      if (!rows) continue;
      const int64_t extent = shape(id)[rows->axis];
      rows->axis += y.size() - shape(id).size();
      if (y[rows->axis] != extent) return std::nullopt;
      if (!join(*rows, result)) return std::nullopt;
    }
    return result;
  }

  std::optional<Rows> gathered(const Node& node) const {
    const std::optional<Rows> data = rows_of(node.inputs[0]), index = rows_of(node.inputs[1]);
    const size_t axis = from_front(node.as<AxisAttributes>().axis, shape(node.inputs[0]).size());
    if (index && !data) return Rows{index->source, axis + index->axis};
    if (index || axis == data->axis) return std::nullopt;
    if (axis > data->axis) return data;
    return Rows{data->source, data->axis + shape(node.inputs[1]).size() - 1, data->numbers};
  }

  std::optional<Rows> concatenated(const Node& node) const {
    const size_t axis = from_front(node.as<AxisAttributes>().axis, shape(node.outputs[0]).size());
    std::optional<Rows> result;
    for (const ValueId id : node.inputs) {
      const std::optional<Rows> rows = rows_of(id);
      if (!rows) continue;
      if (rows->axis == axis) return std::nullopt;
      if (!join(*rows, result)) return std::nullopt;
    }
    return result;
  }

  /// The axis survives where as many elements lie before it as did, and it has its extent.
  static std::optional<Rows> reshaped(Rows rows, const Shape& from, const Shape& to) {
    int64_t before = 1;
    for (size_t i = 0; i < rows.axis; ++i) before *= from[i];
    int64_t product = 1;
    for (size_t i = 0; i < to.size(); ++i) {
      if (product == before && to[i] == from[rows.axis]) return Rows{rows.source, i, rows.numbers};
      product *= to[i];
    }
    return std::nullopt;
  }

  static std::optional<Rows> reduced(Rows rows, const std::vector<int64_t>& axes, bool keep_dims,
                                     size_t rank) {
    size_t gone = 0;
    for (const int64_t axis : axes) {
      const size_t at = from_front(axis, rank);
      if (at == rows.axis) return std::nullopt;
      if (at < rows.axis) ++gone;
    }
    if (axes.empty()) return std::nullopt;
    if (!keep_dims) rows.axis -= gone;
    return rows;
  }

  /// Results beyond this node are no longer followed: one finding for each place is enough.
  void mixes(const Node& node) {
    NodeId source = 0;
    for (const ValueId id : node.inputs)
      if (const auto rows = rows_of(id)) source = rows->source;
    const Node& nms = graph_.node(source);
    const std::string boxes = graph_.value(nms.inputs[0]).name;
    const std::string scores = graph_.value(nms.inputs[1]).name;
    const bool center = nms.as<NmsAttributes>().center_point_box;
    findings_.add(
        "node '" + node.name + "' (" + op_name(node.op) + ")",
        Refusal("mixes the rows of '" + nms.name +
                    "' (NonMaxSuppression), and how many of them hold a box is known only "
                    "at run time",
                "pass --postprocess boxes-scores,boxes=",
                boxes + ",scores=" + scores + (center ? ",center" : "") +
                    ",score=V,iou=V (what the model computes from these two is left out "
                    "then; add normalized if boxes are 0..1), or export the model without "
                    "its suppression"));
  }

  const Graph& graph_;
  std::unordered_map<ValueId, Rows> rows_;
  NetworkFindings& findings_;
};

/// Appends what blanks the unused rows of the graph's outputs.
class Blanker {
 public:
  Blanker(Graph& graph, const std::unordered_map<ValueId, Rows>& rows)
      : graph_(graph), rows_(rows) {}

  void run() {
    for (ValueId& output : graph_.outputs) {
      const auto found = rows_.find(output);
      // The suppression's own result has -1 there already.
      if (found == rows_.end() || graph_.node(found->second.source).outputs[0] == output) continue;
      output = blanked(output, found->second);
    }
  }

 private:
  ValueId append(const std::string& name, Op op, Attributes attributes, std::vector<ValueId> inputs,
                 DType dtype, Shape shape) {
    Node node;
    node.name = name;
    node.op = op;
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    const ValueId result = graph_.add_value(graph_.unique_name(name), dtype, std::move(shape));
    node.outputs = {result};
    graph_.add_node(std::move(node));
    return result;
  }

  template <typename T>
  ValueId constant(const std::string& name, DType dtype, Shape shape, T value) {
    return graph_.add_constant(graph_.unique_name(name), dtype, std::move(shape),
                               std::vector<T>{value});
  }

  /// -1 for integers, and for floats that are cast from them, for 0 is a class and a row; else 0.
  ValueId blank(DType dtype, const Shape& shape, bool numbers) {
    const bool is_integer =
        dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kI16 || dtype == DType::kI8;
    const bool is_float = dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kF16 ||
                          dtype == DType::kBF16;
    const bool negative = is_integer || (is_float && numbers);
    return graph_.add_constant(graph_.unique_name("unused_row"), dtype, shape,
                               scalar_bytes(dtype, negative ? -1.0 : 0.0));
  }

  /// bool, with the extent of the value's rows on their axis and 1 elsewhere.
  ValueId is_used(const Rows& rows, const Shape& of) {
    const Node& nms = graph_.node(rows.source);
    const ValueId selected = nms.outputs[0];
    const int64_t count = of[rows.axis];
    const std::string name = nms.name + "/used";
    const ValueId image = append(name, Op::kSlice, SliceAttributes{{0, 0}, {1, 1}}, {selected},
                                 DType::kI64, {count, 1});
    const ValueId zero = constant<int64_t>(name + "/zero", DType::kI64, {1, 1}, 0);
    const ValueId used = append(name, Op::kBinary, BinaryAttributes{EltOp::kGreaterOrEqual},
                                {image, zero}, DType::kBool, {count, 1});
    Shape shape(of.size(), 1);
    shape[rows.axis] = count;
    return append(name, Op::kReshape, std::monostate{}, {used}, DType::kBool, std::move(shape));
  }

  ValueId blanked(ValueId id, const Rows& rows) {
    const Value value = graph_.value(id);
    const ValueId used = is_used(rows, value.shape);
    const ValueId unused = blank(value.dtype, Shape(value.shape.size(), 1), rows.numbers);
    const ValueId result = append(value.name + "/rows", Op::kWhere, std::monostate{},
                                  {used, id, unused}, value.dtype, value.shape);
    std::swap(graph_.value(result).name, graph_.value(id).name);
    return result;
  }

  Graph& graph_;
  const std::unordered_map<ValueId, Rows>& rows_;
};

}  // namespace

void blank_unused_rows(Graph& graph, NetworkFindings& findings) {
  RowTracker tracker(graph, findings);
  const auto& rows = tracker.run();
  if (findings.empty()) Blanker(graph, rows).run();
}

}  // namespace stint::builder
