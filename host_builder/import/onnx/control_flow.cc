#include "host_builder/import/onnx/control_flow.h"

#include <algorithm>
#include <limits>

#include "host_builder/import/onnx/node_translation.h"
#include "host_builder/import/onnx/tensor_decode.h"

namespace stint::builder {
namespace {

/// One If, Loop or Scan while it is unfolded.
class Unfolding {
 public:
  Unfolding(BodyTranslation& translation, const onnx::NodeProto& node, const std::string& name,
            Scope& scope)
      : translation_(translation),
        network_(translation.network()),
        node_(node),
        name_(name),
        scope_(scope),
        n_(node, scope, network_, translation.source()) {}

  void unfold_if() {
    const ValueId condition = n_.in(0);  // checks that there is one
    const bool taken = known_flag(condition, "its condition", node_.input(0));
    const onnx::GraphProto& branch = subgraph(taken ? "then_branch" : "else_branch");
    check_counts(branch, 0, node_.output_size());
    Scope body(scope_, name_ + "/");
    translation_.read_initializers(branch, body);
    if (!translation_.translate(branch.node(), body)) return;
    for (int i = 0; i < node_.output_size(); ++i)
      n_.bind(static_cast<size_t>(i), translation_.result(body, branch.output(i).name()));
  }

  void unfold_loop() {
    const onnx::GraphProto& body = subgraph("body");
    const int carried_count = std::max(0, node_.input_size() - 2);
    check_counts(body, 2 + carried_count, 1 + node_.output_size());
    if (node_.output_size() < carried_count) {
      n_.fail("has " + std::to_string(carried_count) + " carried values and " +
                  std::to_string(node_.output_size()) + " results",
              kCheckModel);
    }
    const int64_t trips = n_.has(0) ? known_count() : std::numeric_limits<int64_t>::max();
    bool go_on = !n_.has(1) || known_flag(n_.in(1), "its first condition", node_.input(1));
    std::vector<ValueId> carried;
    for (int i = 0; i < carried_count; ++i) carried.push_back(n_.in(static_cast<size_t>(2 + i)));
    Stacks stacks(static_cast<size_t>(node_.output_size() - carried_count));

    Scope constants(scope_, name_ + "/");
    const std::vector<int> order = read_constants(body, constants);
    for (int64_t i = 0; go_on && i < trips; ++i) {
      Scope iteration(constants, name_ + "/" + std::to_string(i) + "/");
      translation_.count_unfolded(iteration.path());
      network_.begin_node(name_);
      define(iteration, body.input(0).name(),
             network_.constant(DType::kI64, {}, std::vector<int64_t>{i}));
      define(iteration, body.input(1).name(), network_.scalar(DType::kBool, 1.0));
      for (int k = 0; k < carried_count; ++k)
        define(iteration, body.input(2 + k).name(), carried[static_cast<size_t>(k)]);
      translation_.translate(body.node(), order, iteration);
      for (int k = 0; k < carried_count; ++k)
        carried[static_cast<size_t>(k)] = translation_.result(iteration, body.output(1 + k).name());
      for (size_t k = 0; k < stacks.size(); ++k) {
        const int at = 1 + carried_count + static_cast<int>(k);
        stacks[k].push_back(translation_.result(iteration, body.output(at).name()));
      }
      const ValueId next = translation_.result(iteration, body.output(0).name());
      if (next == kNoValue || is_unknown(carried) || is_unknown(stacks)) return;
      if (i + 1 < trips) {
        go_on = known_flag(next, "whether it goes on after iteration " + std::to_string(i),
                           body.output(0).name());
      }
    }
    for (int k = 0; k < carried_count; ++k)
      n_.bind(static_cast<size_t>(k), carried[static_cast<size_t>(k)]);
    for (size_t k = 0; k < stacks.size(); ++k) {
      const size_t at = static_cast<size_t>(carried_count) + k;
      if (n_.wants(at)) n_.bind(at, stacked(stacks[k], 0, body.output(1 + static_cast<int>(at))));
    }
  }

  void unfold_scan() {
    if (scope_.opset() < 9) {
      n_.fail("exists here from opset 9, the node's is " + std::to_string(scope_.opset()),
              "convert the model with onnx.version_converter");
    }
    const onnx::GraphProto& body = subgraph("body");
    const int64_t scanned_count = n_.required_integer("num_scan_inputs");
    if (scanned_count < 1 || scanned_count > node_.input_size())
      n_.fail("scans " + std::to_string(scanned_count) + " of its " +
                  std::to_string(node_.input_size()) + " operands",
              kCheckModel);
    const auto scanned = static_cast<size_t>(scanned_count);
    const size_t state_count = static_cast<size_t>(node_.input_size()) - scanned;
    check_counts(body, node_.input_size(), node_.output_size());
    if (static_cast<size_t>(node_.output_size()) < state_count)
      n_.fail("has fewer results than state variables", kCheckModel);
    const size_t stack_count = static_cast<size_t>(node_.output_size()) - state_count;
    const auto axes = per_scanned("scan_input_axes", scanned),
               directions = per_scanned("scan_input_directions", scanned),
               stack_axes = per_scanned("scan_output_axes", stack_count),
               stack_directions = per_scanned("scan_output_directions", stack_count);
    std::vector<ValueId> states;
    for (size_t i = 0; i < state_count; ++i) states.push_back(n_.in(i));
    int64_t trips = 0;
    for (size_t i = 0; i < scanned; ++i) {
      const size_t operand = state_count + i;
      const int64_t extent =
          n_.shape(operand)[normalize_axis(axes[i], n_.rank(operand), "a scanned axis")];
      if (i > 0 && extent != trips)
        n_.fail("scans extents " + std::to_string(trips) + " and " + std::to_string(extent) +
                    ", which differ",
                kCheckModel);
      trips = extent;
    }
    Stacks stacks(stack_count);
    Scope constants(scope_, name_ + "/");
    const std::vector<int> order = read_constants(body, constants);
    for (int64_t i = 0; i < trips; ++i) {
      Scope iteration(constants, name_ + "/" + std::to_string(i) + "/");
      translation_.count_unfolded(iteration.path());
      network_.begin_node(name_);
      for (size_t k = 0; k < state_count; ++k)
        define(iteration, body.input(static_cast<int>(k)).name(), states[k]);
      for (size_t k = 0; k < scanned; ++k) {
        const size_t operand = state_count + k;
        const int64_t axis = normalize_axis(axes[k], n_.rank(operand), "a scanned axis");
        define(iteration, body.input(static_cast<int>(operand)).name(),
               slice_of(n_.in(operand), axis, directions[k] == 0 ? i : trips - 1 - i));
      }
      translation_.translate(body.node(), order, iteration);
      for (size_t k = 0; k < state_count; ++k)
        states[k] = translation_.result(iteration, body.output(static_cast<int>(k)).name());
      for (size_t k = 0; k < stack_count; ++k) {
        const int at = static_cast<int>(state_count + k);
        stacks[k].push_back(translation_.result(iteration, body.output(at).name()));
      }
      if (is_unknown(states) || is_unknown(stacks)) return;
    }
    for (size_t k = 0; k < state_count; ++k) n_.bind(k, states[k]);
    for (size_t k = 0; k < stack_count; ++k) {
      if (stack_directions[k] != 0) std::reverse(stacks[k].begin(), stacks[k].end());
      const size_t at = state_count + k;
      if (n_.wants(at))
        n_.bind(at, stacked(stacks[k], stack_axes[k], body.output(static_cast<int>(at))));
    }
  }

 private:
  using Stacks = std::vector<std::vector<ValueId>>;  // a result per iteration, of each scan output

  const onnx::GraphProto& subgraph(const char* attribute_name) const {
    for (const auto& attribute : node_.attribute())
      if (attribute.name() == attribute_name && attribute.has_g()) return attribute.g();
    n_.fail(std::string("has no subgraph '") + attribute_name + "'", kCheckModel);
  }

  void check_counts(const onnx::GraphProto& body, int inputs, int outputs) const {
    if (body.input_size() == inputs && body.output_size() >= outputs) return;
    n_.fail("its body has " + std::to_string(body.input_size()) + " inputs and " +
                std::to_string(body.output_size()) + " results, needs " + std::to_string(inputs) +
                " and " + std::to_string(outputs),
            kCheckModel);
  }

  /// What the body of a loop holds once, however many iterations there are. Returns the order of
  /// its other nodes.
  std::vector<int> read_constants(const onnx::GraphProto& body, Scope& constants) {
    translation_.read_initializers(body, constants);
    std::vector<int> order = node_order(body.node());
    const auto others = std::stable_partition(order.begin(), order.end(), [&](int i) {
      const onnx::NodeProto& node = body.node(i);
      return node.op_type() == "Constant" && node.input_size() == 0;
    });
    translation_.translate(body.node(), {order.begin(), others}, constants);
    order.erase(order.begin(), others);
    return order;
  }

  std::string computed_by(ValueId id) const {
    const Graph& graph = network_.graph();
    const auto producer = graph.producer(id);
    return producer ? ", which node '" + graph.node(*producer).name +
                          "' computes from the model's "
                          "inputs,"
                    : ", an input of the model,";
  }

  bool known_flag(ValueId id, const std::string& what, const std::string& name) const {
    const Value& value = network_.graph().value(id);
    if (value.elements() != 1 || value.dtype != DType::kBool)
      n_.fail(what + " '" + name + "' must be one bool, it is " + dtype_name(value.dtype) + " " +
                  shape_text(value.shape),
              kCheckModel);
    if (!value.is_constant()) {
      n_.fail(
          what + " ('" + name + "'" + computed_by(id) +
              " is unknown at build time, and a plan has no branches",
          "export the model with fixed shapes and without data-dependent control flow "
          "(torch.jit.trace or torch.export take one path, onnxsim folds conditions), or cut it "
          "there and decide in your program");
    }
    return value.constant->at(0) != std::byte{0};
  }

  int64_t known_count() const {
    const Value& value = n_.value(0);
    if (!value.is_constant()) {
      n_.fail(
          "its number of iterations ('" + node_.input(0) + "'" + computed_by(n_.in(0)) +
              " is unknown at build time, and a plan is one fixed sequence of steps",
          "export the model with a fixed number of iterations, or cut it there and run the loop "
          "in your program");
    }
    return n_.constant_integer(0, "its number of iterations");
  }

  std::vector<int64_t> per_scanned(const char* attribute, size_t count) {
    std::vector<int64_t> values = n_.integers(attribute);
    if (values.empty()) values.assign(count, 0);
    if (values.size() != count)
      n_.fail(std::string("attribute '") + attribute + "' has " + std::to_string(values.size()) +
                  " entries, needs " + std::to_string(count),
              kCheckModel);
    return values;
  }

  static bool is_unknown(const std::vector<ValueId>& values) {
    return std::find(values.begin(), values.end(), kNoValue) != values.end();
  }
  static bool is_unknown(const Stacks& stacks) {
    return std::any_of(stacks.begin(), stacks.end(), [](const auto& stack) {
      return !stack.empty() && stack.back() == kNoValue;
    });
  }

  void define(Scope& iteration, const std::string& name, ValueId id) const {
    if (!name.empty() && !iteration.define(name, id))
      n_.fail("its body has two inputs '" + name + "'", kCheckModel);
  }

  /// The operand at one index of the axis, without that axis.
  ValueId slice_of(ValueId id, int64_t axis, int64_t index) {
    const Value& value = network_.graph().value(id);
    const DType dtype = value.dtype;
    Shape part = value.shape;
    SliceAttributes a{std::vector<int64_t>(part.size(), 0), std::vector<int64_t>(part.size(), 1)};
    a.starts[static_cast<size_t>(axis)] = index;
    part[static_cast<size_t>(axis)] = 1;
    const ValueId slice =
        value.shape == part ? id : network_.add(Op::kSlice, a, {id}, {{dtype, part}});
    part.erase(part.begin() + axis);
    return network_.reshape(slice, part);
  }

  /// The results of all iterations along a new axis. `declared` tells the type where there are
  /// none.
  ValueId stacked(const std::vector<ValueId>& parts, int64_t axis,
                  const onnx::ValueInfoProto& declared) {
    network_.begin_node(name_);
    if (parts.empty()) return nothing(axis, declared);
    std::vector<ValueId> slices;
    for (ValueId part : parts) {
      Shape shape = network_.graph().value(part).shape;
      if (shape.size() + 1 > static_cast<size_t>(kMaxRank)) {
        n_.fail("stacks results of " + std::to_string(shape.size()) + " axes, at most " +
                    std::to_string(kMaxRank) + " are supported with the new one",
                "reshape the results to fewer axes in the model");
      }
      const int64_t at = normalize_axis(axis, shape.size() + 1, "the axis of a scan output");
      shape.insert(shape.begin() + at, 1);
      slices.push_back(network_.reshape(part, shape));
    }
    if (slices.size() == 1) return slices[0];
    const size_t rank = network_.graph().value(slices[0]).shape.size();
    return network_.add(Op::kConcat, AxisAttributes{normalize_axis(axis, rank, "an axis")}, slices);
  }

  ValueId nothing(int64_t axis, const onnx::ValueInfoProto& declared) {
    const auto& type = declared.type().tensor_type();
    const auto dtype = dtype_from_onnx(type.elem_type());
    Shape shape;
    for (const auto& dimension : type.shape().dim())
      shape.push_back(dimension.has_dim_value() ? dimension.dim_value() : -1);
    if (!type.has_shape() || !dtype ||
        std::any_of(shape.begin(), shape.end(), [](int64_t extent) { return extent < 0; }) ||
        shape.size() >= static_cast<size_t>(kMaxRank)) {
      n_.fail("has no iteration, and the model does not say the shape of its result '" +
                  declared.name() + "'",
              "remove the loop from the model, or store the shape (onnx.shape_inference)");
    }
    shape.insert(shape.begin() + normalize_axis(axis, shape.size() + 1, "an axis"), 0);
    return network_.constant({*dtype, shape, {}});
  }

  BodyTranslation& translation_;
  NetworkBuilder& network_;
  const onnx::NodeProto& node_;
  const std::string& name_;
  Scope& scope_;
  NodeTranslation n_;
};

}  // namespace

bool is_control_flow(const std::string& op) { return op == "If" || op == "Loop" || op == "Scan"; }

void unfold_control_flow(BodyTranslation& translation, const onnx::NodeProto& node,
                         const std::string& name, Scope& scope) {
  Unfolding unfolding(translation, node, name, scope);
  if (node.op_type() == "If")
    unfolding.unfold_if();
  else if (node.op_type() == "Loop")
    unfolding.unfold_loop();
  else
    unfolding.unfold_scan();
}

}  // namespace stint::builder
