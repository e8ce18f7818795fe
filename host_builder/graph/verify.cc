#include <set>

#include "host_builder/graph/op_names.h"
#include "host_builder/graph/shape_inference.h"
#include "host_builder/support/error.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {

namespace {

constexpr size_t kAny = 0xFFFF;  // bounded by the runtime's operand table, not by the operation

struct Signature {
  size_t min_inputs, max_inputs, min_outputs, max_outputs;
};

Signature signature(Op op) {
  switch (op) {
    case Op::kConv:
      return {2, 4, 1, 2};
    case Op::kMatMul:
    case Op::kConvTranspose:
      return {2, 4, 1, 1};
    case Op::kPool:
      return {1, 1, 1, 2};
    case Op::kBinary:
    case Op::kGather:
      return {2, 2, 1, 1};
    case Op::kWhere:
      return {3, 3, 1, 1};
    case Op::kPointwise:
    case Op::kConcat:
      return {1, kAny, 1, 1};
    case Op::kTopK:
      return {1, 1, 1, 2};
    case Op::kBatchNorm:
      return {5, 5, 1, 1};
    case Op::kInstanceNorm:
      return {3, 3, 1, 1};
    case Op::kLayerNorm:
      return {2, 3, 1, 3};
    case Op::kNonMaxSuppression:
      return {2, 2, 1, 1};
    case Op::kPreprocess:
      return {0, 0, 1, 1};
    case Op::kDecode:
      return {1, kAny, 2, 3};
    case Op::kTopClasses:
      return {1, 1, 2, 2};
    case Op::kDetectionKeypoints:
      return {2, 2, 1, 1};
    case Op::kDetectionMasks:
    case Op::kRotatedBoxes:
      return {3, 3, 1, 1};
    default:
      return {1, 1, 1, 1};
  }
}

bool attributes_fit(const Node& node) {
  const Attributes& a = node.attributes;
  switch (node.op) {
    case Op::kConv:
      return std::holds_alternative<ConvAttributes>(a);
    case Op::kConvTranspose:
      return std::holds_alternative<ConvTransposeAttributes>(a);
    case Op::kMatMul:
      return std::holds_alternative<MatMulAttributes>(a);
    case Op::kPool:
      return std::holds_alternative<PoolAttributes>(a);
    case Op::kUnary:
      return std::holds_alternative<UnaryAttributes>(a);
    case Op::kBinary:
      return std::holds_alternative<BinaryAttributes>(a);
    case Op::kPointwise:
      return std::holds_alternative<PointwiseAttributes>(a);
    case Op::kReduce:
      return std::holds_alternative<ReduceAttributes>(a);
    case Op::kArgReduce:
      return std::holds_alternative<ArgReduceAttributes>(a);
    case Op::kTopK:
      return std::holds_alternative<TopKAttributes>(a);
    case Op::kSoftmax:
      return std::holds_alternative<SoftmaxAttributes>(a);
    case Op::kBatchNorm:
    case Op::kInstanceNorm:
    case Op::kLayerNorm:
      return std::holds_alternative<NormAttributes>(a);
    case Op::kLrn:
      return std::holds_alternative<LrnAttributes>(a);
    case Op::kConcat:
    case Op::kGather:
    case Op::kArgmaxMask:
      return std::holds_alternative<AxisAttributes>(a);
    case Op::kSlice:
      return std::holds_alternative<SliceAttributes>(a);
    case Op::kPad:
      return std::holds_alternative<PadAttributes>(a);
    case Op::kTranspose:
      return std::holds_alternative<TransposeAttributes>(a);
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return std::holds_alternative<DepthToSpaceAttributes>(a);
    case Op::kResize:
      return std::holds_alternative<ResizeAttributes>(a);
    case Op::kNonMaxSuppression:
      return std::holds_alternative<NmsAttributes>(a);
    case Op::kPreprocess:
      return std::holds_alternative<PreprocessAttributes>(a);
    case Op::kDecode:
    case Op::kTopClasses:
      return std::holds_alternative<DecodeAttributes>(a);
    case Op::kDetectionMasks:
    case Op::kDetectionKeypoints:
    case Op::kRotatedBoxes:
      return std::holds_alternative<DetectionDetailAttributes>(a);
    default:
      return true;
  }
}

/// One walk over the graph with what it has learnt so far.
class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph), written_(graph.value_count(), false) {}

  void run() {
    for (ValueId id = 0; id < graph_.value_count(); ++id) check_value(id);
    for (ValueId id : graph_.inputs) check_input(id);
    for (NodeId n : graph_.order()) check_node(graph_.node(n));
    std::set<ValueId> outputs;
    for (ValueId id : graph_.outputs) {
      if (id >= graph_.value_count()) fail("graph", "an output does not exist");
      if (!outputs.insert(id).second)
        fail("output '" + graph_.value(id).name + "'", "is listed twice");
      if (!available(id)) fail("output '" + graph_.value(id).name + "'", "is never computed");
    }
  }

 private:
  [[noreturn]] static void fail(const std::string& where, const std::string& what) {
    throw InternalError("the graph is inconsistent: " + where + ": " + what);
  }

  ValueId storage(ValueId id) const {
    const Value& value = graph_.value(id);
    return value.view ? value.view->base : id;
  }

  bool available(ValueId id) const {
    return graph_.value(id).constant || written_[id] || written_[storage(id)];
  }

  void check_value(ValueId id) {
    const Value& value = graph_.value(id);
    const std::string where = "value '" + value.name + "'";
    if (value.name.empty()) fail("value " + std::to_string(id), "has no name");
    if (!names_.insert(value.name).second) fail(where, "another value has the same name");
    const int64_t bytes = value.bytes();  // throws on overflow
    if (value.constant && static_cast<int64_t>(value.constant->size()) != bytes)
      fail(where, "constant of " + std::to_string(value.constant->size()) + " bytes, shape needs " +
                      std::to_string(bytes));
    if (!value.strides.empty() && value.strides.size() != value.shape.size())
      fail(where, "has " + std::to_string(value.strides.size()) + " strides for rank " +
                      std::to_string(value.shape.size()));
    if (!value.view) return;
    if (value.view->base >= graph_.value_count()) fail(where, "views a value that does not exist");
    const Value& base = graph_.value(value.view->base);
    if (base.view) fail(where, "views '" + base.name + "', which is itself a view");
    if (base.dtype != value.dtype) fail(where, "views a value of another type");
    int64_t last = value.view->offset;
    int64_t dense = 1;
    for (size_t i = value.shape.size(); i-- > 0;) {
      const int64_t stride = value.strides.empty() ? dense : value.strides[i];
      dense *= value.shape[i];
      last += (value.shape[i] - 1) * stride;
    }
    if (value.view->offset < 0 || (value.elements() > 0 && last >= base.elements()))
      fail(where, "reaches element " + std::to_string(last) + " of '" + base.name +
                      "', which has " + std::to_string(base.elements()));
  }

  void check_input(ValueId id) {
    if (id >= graph_.value_count()) fail("graph", "an input does not exist");
    const Value& value = graph_.value(id);
    if (value.constant) fail("input '" + value.name + "'", "is a constant");
    if (written_[id]) fail("input '" + value.name + "'", "is listed twice");
    written_[id] = true;
  }

  void check_node(const Node& node) {
    const std::string where = node_text(node);
    if (node.dead) fail(where, "is removed but still in the execution order");
    const Signature s = signature(node.op);
    if (node.inputs.size() < s.min_inputs || node.inputs.size() > s.max_inputs)
      fail(where, "has " + std::to_string(node.inputs.size()) + " operands");
    if (node.outputs.size() < s.min_outputs || node.outputs.size() > s.max_outputs)
      fail(where, "has " + std::to_string(node.outputs.size()) + " results");
    if (!attributes_fit(node)) fail(where, "carries attributes of another operation");
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue) {
        if (i < s.min_inputs) fail(where, "lacks operand " + std::to_string(i));
        continue;
      }
      if (id >= graph_.value_count()) fail(where, "reads a value that does not exist");
      if (!available(id))
        fail(where, "reads '" + graph_.value(id).name + "' before it is computed");
    }
    for (ValueId id : node.outputs)
      if (id != kNoValue && id >= graph_.value_count())
        fail(where, "writes a value that does not exist");
    check_types(node, where);
    for (ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      const Value& value = graph_.value(id);
      if (value.constant) fail(where, "writes the constant '" + value.name + "'");
      if (!produced_.insert(id).second ||
          (written_[id] && !value.view && !views_written_.count(id)))
        fail(where, "writes '" + value.name + "', which has another producer");
      written_[id] = true;
      if (value.view) {
        written_[value.view->base] = true;
        views_written_.insert(value.view->base);
      }
    }
  }

  void check_types(const Node& node, const std::string& where) const {
    std::vector<TensorType> types;
    try {
      types = infer_types(graph_, node);
    } catch (const BuildError& e) {
      fail(where, e.what());
    }
    for (size_t i = 0; i < node.outputs.size() && i < types.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const Value& value = graph_.value(node.outputs[i]);
      if (graph_.meaning(value.dtype) != graph_.meaning(types[i].dtype) ||
          value.shape != types[i].shape)
        fail(where, "its result '" + value.name + "' is " + type_text(value.dtype, value.shape) +
                        ", inference says " + type_text(types[i].dtype, types[i].shape));
    }
  }

  const Graph& graph_;
  std::vector<bool> written_;  // by value: it, or for a base one of its views, has been computed
  std::set<ValueId> produced_;
  std::set<ValueId> views_written_;
  std::set<std::string> names_;
};

}  // namespace

void verify(const Graph& graph) { Verifier(graph).run(); }

}  // namespace stint::builder
