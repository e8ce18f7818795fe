// A network, made node by node: what an importer translates its model into, and what a program that
// has no model file writes its network with. Types and shapes are inferred, constants folded,
// samples of a batch followed, names kept apart, and everything that is wrong is collected.
//
//   NetworkBuilder net(options);
//   const ValueId x = net.add_input({"x", DType::kF32, {1, 3, 32, 32}});
//   const ValueId w = net.add_constant("w", DType::kF32, {8, 3, 3, 3}, weights);
//   Window same;
//   same.padding = Padding::kSameUpper;
//   net.begin_node("conv");
//   net.mark_output(net.unary(EltOp::kRelu, net.conv(x, w, kNoValue, same)), "y");
//   Graph graph = net.finish();
//
// Axes are N, C, spatial... Whatever adds to the network throws BuildError with the reason, and
// Refusal with what to do; who translates a file catches it, adds it to the findings (attempt) and
// goes on, so that the user sees all of them.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/graph/host_tensor.h"
#include "host_builder/graph/shape_inference.h"
#include "host_builder/network/batch_axis.h"
#include "host_builder/network/findings.h"
#include "host_builder/network/input_shape.h"
#include "host_builder/network/network_options.h"
#include "host_builder/network/window.h"

namespace stint::builder {

struct FoldingLimits {
  uint64_t constant_bytes = 0;  // left for constants of the whole network
  double work = 0;              // multiply-adds left for folding
};

class NetworkBuilder {
 public:
  /// Throws Refusal for a batch below 1.
  explicit NetworkBuilder(const NetworkOptions& options, SourceWords words = {});
  NetworkBuilder(const NetworkBuilder&) = delete;
  NetworkBuilder& operator=(const NetworkBuilder&) = delete;

  /// What was added so far.
  const Graph& graph() const { return graph_; }
  FoldingLimits& limits() { return limits_; }
  NetworkFindings& findings() { return findings_; }
  /// A remark that the user should read.
  void note(std::string text);

  // Names (names.cc). A file's own names are reserved before translation, so that no made-up name
  // meets one.
  void set_name(std::string name) { graph_.name = std::move(name); }
  void reserve(const std::string& name);
  /// The same for a name that --shape cannot give another shape.
  void reserve_constant(const std::string& name);
  /// Nodes and values added from now on are named after this node of the source.
  void begin_node(std::string name) { node_name_ = std::move(name); }
  const std::string& node_name() const { return node_name_; }
  /// Gives the value the source's name, unless it already has one.
  void give_name(ValueId id, const std::string& name);

  // Inputs and outputs (bindings.cc).
  /// Throws Refusal if there is no static shape for it, or no name of its own.
  ValueId add_input(const InputDeclaration& input);
  /// An input that cannot be had: a finding.
  void refuse_input(const std::string& name, const BuildError& error);
  /// No more inputs come: --shape must have named some of them, and the batch met one. finish()
  /// ends them if nobody did.
  void end_inputs();
  /// The value becomes an output of this name, a copy of it where it cannot bear the name itself.
  /// Throws Refusal.
  void mark_output(ValueId id, const std::string& name);
  /// The network. Throws everything that was found as one BuildError.
  Graph finish();

  // Nodes.
  /// One node with one result. `declared` as infer_types says.
  ValueId add(Op op, Attributes attributes, std::vector<ValueId> inputs,
              std::vector<TensorType> declared = {});
  /// One node with several results; unwanted ones give kNoValue.
  std::vector<ValueId> add_all(Op op, Attributes attributes, std::vector<ValueId> inputs,
                               const std::vector<bool>& wanted,
                               std::vector<TensorType> declared = {});

  ValueId constant(HostTensor tensor);
  template <typename T>
  ValueId constant(DType dtype, Shape shape, const std::vector<T>& data) {
    return constant(HostTensor::of(dtype, std::move(shape), data));
  }
  /// A constant of one element converted to `dtype`.
  ValueId scalar(DType dtype, double value, Shape shape = {});
  /// A constant under the source's name.
  ValueId add_constant(const std::string& name, HostTensor tensor);
  template <typename T>
  ValueId add_constant(const std::string& name, DType dtype, Shape shape,
                       const std::vector<T>& data) {
    return add_constant(name, HostTensor::of(dtype, std::move(shape), data));
  }

  // Shorthands used by many translations (layers.cc).
  ValueId unary(EltOp op, ValueId x, float alpha = 0.0f, float beta = 0.0f);
  ValueId binary(EltOp op, ValueId a, ValueId b);
  ValueId reshape(ValueId x, Shape shape);
  ValueId transpose(ValueId x, std::vector<int64_t> perm);
  ValueId cast(ValueId x, DType dtype);  // x itself when it has the type already
  /// `extents` of x from `starts` on; x itself if that is all of it.
  ValueId slice(ValueId x, Shape starts, Shape extents);
  /// Weights are M, C / groups, spatial...; a window without kernel has theirs. `bias`: kNoValue
  /// for none.
  ValueId conv(ValueId x, ValueId weights, ValueId bias, Window window, int64_t groups = 1);
  /// Weights are C, M / groups, spatial... For `extents` see resolved_transposed.
  ValueId conv_transpose(ValueId x, ValueId weights, ValueId bias, Window window,
                         int64_t groups = 1, std::vector<int64_t> output_padding = {},
                         const std::vector<int64_t>& extents = {});
  /// `count_padding`: an average's padding counts.
  ValueId pool(PoolKind kind, ValueId x, const Window& window, bool count_padding = false);

  /// Of an f32 constant: the integers that its numbers stand for (Value::grid).
  void set_grid(ValueId id, Quantisation grid) { graph_.value(id).grid = std::move(grid); }

  /// Where the samples of a batch are in the values added so far.
  BatchAxis& batch() { return batch_; }
  /// A value that is the same for all samples, with as many copies of itself as `place` wants. The
  /// value itself if it does not have the extent of a batch of 1 there.
  ValueId repeated_for_batch(ValueId id, const BatchPlace& place);

  /// The value is computed from a suppression's rows, of which only a bound is known here.
  bool reads_suppressed(ValueId id) const { return suppressed_.count(id) != 0; }
  /// The constant holds that bound where the model means the number of boxes that survive. It may
  /// size other values, whose unused rows are blanked in the end; no result may depend on it.
  void mark_row_bound(ValueId id) { row_bounds_.insert(id); }
  bool is_row_bound(ValueId id) const { return row_bounds_.count(id) != 0; }

 private:
  std::string unique(const std::string& hint);
  void claim(ValueId id, const std::string& name);
  bool is_taken(const std::string& name, ValueId by_other_than = kNoValue) const;
  bool fold(Node& node);                     // fold.cc
  void fold_at_batch_one(const Node& node);  // repeat_for_batch.cc
  void follow_rows(const Node& node);
  void repeat_operands_for_batch(Op op, const Attributes& attributes, std::vector<ValueId>& inputs);
  void check_shape_options();
  ValueId own_value(ValueId id, const std::string& name);

  NetworkOptions options_;
  SourceWords words_;
  NetworkFindings findings_;
  Graph graph_;
  FoldingLimits limits_;
  BatchAxis batch_;

  std::string node_name_ = "node";
  std::unordered_set<std::string> names_, reserved_, constant_names_;
  std::unordered_map<std::string, size_t>
      next_suffix_;  // keeps repeated hints from being searched again
  std::unordered_set<ValueId> named_by_source_;
  std::unordered_map<std::string, ValueId> given_;

  std::vector<std::string> input_names_;  // refused ones included
  bool inputs_ended_ = false, input_refused_ = false, batch_used_ = false;
  std::unordered_set<ValueId> suppressed_, row_bounds_;
};

}  // namespace stint::builder
