// What the compiler knows of an operation, in one place. graph/ops/ defines every operation of
// STINT_OPERATIONS; a part that a definition leaves out does not compile.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "host_builder/graph/attributes.h"
#include "host_builder/graph/batch_rule.h"
#include "host_builder/graph/graph.h"
#include "host_builder/graph/transpose_rule.h"
#include "host_builder/graph/type_rule.h"

namespace stint::builder {

struct InferenceContext;
struct TensorType;

/// A part without a default, and never null.
template <typename T>
class Required {
 public:
  constexpr Required(T part) : part_(part) {}
  Required(std::nullptr_t) = delete;
  constexpr operator T() const { return part_; }

 private:
  T part_;
};

/// Operands and results that a node can have. Those behind the fewest may be absent.
struct Arity {
  static constexpr size_t kAny = 0xFFFF;  // bounded by the runtime's operand table

  constexpr Arity(size_t fewest_inputs, size_t most_inputs, size_t fewest_outputs,
                  size_t most_outputs)
      : min_inputs(fewest_inputs),
        max_inputs(most_inputs),
        min_outputs(fewest_outputs),
        max_outputs(most_outputs) {}

  size_t min_inputs, max_inputs, min_outputs, max_outputs;
};

/// How a node becomes channels-last when the graph becomes physical. Results follow the operands.
class LayoutRule {
 public:
  /// Any order of axes is as good as another: attributes name axes.
  static constexpr LayoutRule any_order() { return LayoutRule(); }
  /// Channels are axis 1 until then. `operands` have the result's order of axes;
  /// `permute(attributes, perm)` reorders what has one entry an axis.
  constexpr LayoutRule(bool (*is_channels_first)(const Graph&, const Node&),
                       std::initializer_list<size_t> operands,
                       void (*permute)(Attributes&, const std::vector<int64_t>& perm))
      : is_channels_first_(is_channels_first), permute_(permute) {
    for (const size_t operand : operands) operands_ |= 1u << operand;
  }

  bool is_spatial() const { return is_channels_first_ != nullptr; }
  /// Whether the node's operands and results are (still) in the channels-first order.
  bool is_channels_first(const Graph& graph, const Node& node) const {
    return is_spatial() && is_channels_first_(graph, node);
  }
  bool moves(size_t operand) const { return operand < 32 && ((operands_ >> operand) & 1u) != 0; }
  void permute(Attributes& attributes, const std::vector<int64_t>& perm) const {
    permute_(attributes, perm);
  }

 private:
  constexpr LayoutRule() = default;

  bool (*is_channels_first_)(const Graph&, const Node&) = nullptr;
  void (*permute_)(Attributes&, const std::vector<int64_t>&) = nullptr;
  uint32_t operands_ = 0;
};

/// How f64 operands are computed. kAsFloats: the kernels compute in single precision only, so that
/// doubles go through them as floats, as in other inference engines: no trained network depends on
/// the difference.
enum class Doubles : uint8_t { kExact, kAsFloats };

struct OpDef {
  Required<const char*> name;
  Arity arity;
  Required<bool (*)(const Attributes&)> has_its_attributes;
  TypeRule types;
  /// One type for each result that the operation can have. The operands' number is right; messages
  /// name no node (inference_context.h).
  Required<std::vector<TensorType> (*)(const InferenceContext&)> infer;
  LayoutRule layout;
  TransposeRule transpose;
  BatchRule batch;
  Required<Doubles> doubles;
  /// Multiplications that are summed up: two operations each.
  Required<double (*)(const Graph&, const Node&)> products;
  /// Multiply-adds, roughly, that evaluating the node costs. Bounds what a hostile model can make
  /// the builder do (network/fold.cc).
  Required<double (*)(const Graph&, const Node&)> folding_work;
  /// "kernel=3,3 act=relu": what differs from the default, or what always matters. Attributes that
  /// mean something different have different texts; passes compare them.
  Required<std::string (*)(const Attributes&)> print;
};

// Their definitions, in graph/ops/.
namespace ops {
#define STINT_OPERATION(name) extern const OpDef k##name;
STINT_OPERATIONS(STINT_OPERATION)
#undef STINT_OPERATION
}  // namespace ops

const OpDef& op_def(Op op);

/// Every operation, in the order of Op.
const std::vector<Op>& all_operations();

/// An operation whose meaning depends on where the channel axis is.
inline bool is_spatial(Op op) { return op_def(op).layout.is_spatial(); }

}  // namespace stint::builder
