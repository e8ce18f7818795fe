#include <cmath>
#include <set>

#include "host_builder/graph/op_def.h"
#include "host_builder/graph/op_names.h"
#include "host_builder/graph/quantisation.h"
#include "host_builder/graph/shape_inference.h"
#include "host_builder/support/error.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {

namespace {

/// Whether equal elements of the two stand for equal numbers.

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
    if (value.quant) {
      if (value.dtype != DType::kI8 && value.dtype != DType::kU8)
        fail(where,
             std::string("is quantised, but ") + dtype_name(value.dtype) + "; it must be i8 or u8");
      check_quantisation(*value.quant, value, where);
    }
    if (value.grid) {
      if (value.dtype != DType::kF32 || !value.constant)
        fail(where, "has a grid, but is no f32 constant");
      check_quantisation(*value.grid, value, where);
    }
    if (!value.view) return;
    if (value.view->base >= graph_.value_count()) fail(where, "views a value that does not exist");
    const Value& base = graph_.value(value.view->base);
    if (base.view) fail(where, "views '" + base.name + "', which is itself a view");
    if (base.dtype != value.dtype) fail(where, "views a value of another type");
    if (!same_storage(base, value))
      fail(where, "views '" + base.name + "', whose integers stand for other numbers");
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

  static void check_quantisation(const Quantisation& q, const Value& value,
                                 const std::string& where) {
    if (q.axis < -1 || q.axis >= static_cast<int>(value.shape.size()))
      fail(where, "is quantised along axis " + std::to_string(q.axis) + ", it has " +
                      std::to_string(value.shape.size()));
    const auto places =
        static_cast<size_t>(q.axis < 0 ? 1 : value.shape[static_cast<size_t>(q.axis)]);
    if (q.scales.size() != places)
      fail(where,
           "has " + std::to_string(q.scales.size()) + " scales, needs " + std::to_string(places));
    if (!q.zero_points.empty() && q.zero_points.size() != places)
      fail(where, "has " + std::to_string(q.zero_points.size()) + " zero points, needs " +
                      std::to_string(places));
    for (const float scale : q.scales)
      if (!std::isfinite(scale) || scale <= 0.0f)
        fail(where, "has a scale that is not positive and finite");
    const int32_t lowest = value.dtype == DType::kU8 ? 0 : -128;
    const int32_t highest = value.dtype == DType::kI8 ? 127 : 255;  // a grid is of either
    for (const int32_t zero : q.zero_points)
      if (zero < lowest || zero > highest)
        fail(where, "has the zero point " + std::to_string(zero) + ", which is no " +
                        dtype_name(value.dtype));
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
    const OpDef& def = op_def(node.op);
    const Arity& arity = def.arity;
    if (node.inputs.size() < arity.min_inputs || node.inputs.size() > arity.max_inputs)
      fail(where, "has " + std::to_string(node.inputs.size()) + " operands");
    if (node.outputs.size() < arity.min_outputs || node.outputs.size() > arity.max_outputs)
      fail(where, "has " + std::to_string(node.outputs.size()) + " results");
    if (!def.has_its_attributes(node.attributes))
      fail(where, "carries attributes of another operation");
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue) {
        if (i < arity.min_inputs) fail(where, "lacks operand " + std::to_string(i));
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
    check_storage(def.types.operands, node.inputs, where, "operand ");
    check_storage(def.types.results, node.outputs, where, "result ");
    check_moved(node, where);
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
      // A result that the operation leaves open is inferred to be as it is stored.
      const bool same_type =
          value.dtype == types[i].dtype || graph_.meaning(value) == types[i].dtype;
      if (!same_type || value.shape != types[i].shape)
        fail(where, "its result '" + value.name + "' is " + type_text(value.dtype, value.shape) +
                        ", inference says " + type_text(types[i].dtype, types[i].shape));
    }
  }

  /// The types of operands or results, and how those that mean f32 are stored.
  void check_storage(const ValueRules& rules, const std::vector<ValueId>& ids,
                     const std::string& where, const char* role) const {
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == kNoValue) continue;
      const Value& value = graph_.value(ids[i]);
      const ValueRule& rule = rules.at(i);
      const DType meaning = graph_.meaning(value);
      const std::string what = role + std::to_string(i) + " '" + value.name + "' is ";
      if (!rule.types.has(meaning))
        fail(where, what + dtype_name(meaning) + ", it may be " + rule.types.text());
      const bool decided = graph_.mixed_precision && meaning == DType::kF32 && !value.constant;
      if (decided && !rule.stored.has(value.dtype))
        fail(where, what + "stored as " + dtype_name(value.dtype) + ", it may be as " +
                        rule.stored.text());
    }
  }

  /// Integers that only move stand for the same numbers afterwards.
  void check_moved(const Node& node, const std::string& where) const {
    if (node.outputs.empty() || node.outputs[0] == kNoValue) return;
    const Value& result = graph_.value(node.outputs[0]);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue || !moves_numbers(node, i)) continue;
      const Value& operand = graph_.value(node.inputs[i]);
      if (!same_storage(operand, result))
        fail(where, "moves '" + operand.name + "' to '" + result.name +
                        "', whose elements stand for other numbers");
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
