// The generic family: whatever the CPU target supports also runs on the GPU. The CPU's lowering is
// the specification: it turns a node into a KernelId and parameters, from which CUDA is written
// with every constant baked in. Never the first choice where a specialised family knows the node.
#include <algorithm>
#include <map>

#include "host_builder/graph/op_def.h"
#include "host_builder/graph/quantisation.h"
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"
#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/support/internal_error.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

GenericKernel kernel_of(KernelId id) {
  switch (id) {
#define STINT_KERNEL(id, number, name, function) \
  case KernelId::k##id:                          \
    return generic_##function;
#define STINT_PACKED_KERNEL(id, number, name, function) \
  case KernelId::k##id:                                 \
    break;
    STINT_KERNELS(STINT_KERNEL, STINT_PACKED_KERNEL)
#undef STINT_KERNEL
#undef STINT_PACKED_KERNEL
  }
  throw InternalError("the generic GPU family has no kernel for KernelId " +
                      std::to_string(static_cast<int>(id)));
}

/// The node alone in a graph of its own, where values that mean f32 are f32: the CPU's arithmetic
/// is f32, and so is the GPU's whatever the values are stored as.
class Isolated {
 public:
  Isolated(const Graph& graph, const Node& node) : node_(node) {
    graph_.channels_last = graph.channels_last;
    graph_.batch = graph.batch;
    graph_.images = graph.images;
    graph_.mixed_precision = graph.mixed_precision;
    for (ValueId& id : node_.inputs) id = own(graph, id);
    for (ValueId& id : node_.outputs) id = own(graph, id);
  }

  /// The cheapest CPU family that says what the node computes; null if none does.
  const Family* specification() const {
    const Family* best = nullptr;
    double best_us = 0;
    for (const Family* family : cpu_families()) {
      if (!family->specifies) continue;
      for (const Tactic& tactic : family->tactics(graph_, node_, cpu_)) {
        if (best != nullptr && tactic.predicted_us >= best_us) continue;
        best = family;
        best_us = tactic.predicted_us;
      }
    }
    return best;
  }

  /// The CPU's step with operands of `graph`, which gets the constants that lowering made.
  StepSpec lower(const Family& family, Graph& graph) {
    StepSpec step = family.lower(graph_, node_, cpu_, {});
    for (auto* operands : {&step.inputs, &step.outputs})
      for (ValueId& id : *operands) id = given_back(graph, id);
    return step;
  }

 private:
  ValueId own(const Graph& graph, ValueId id) {
    if (id == kNoValue) return id;
    const auto known = own_.find(id);
    if (known != own_.end()) return known->second;
    Value value = graph.value(id);
    value.view.reset();
    ValueId copy;
    if (value.quant && value.is_constant()) {
      // Its integers may have a scale for each channel, which no operand of a kernel has.
      copy =
          graph_.add_constant(value.name + ".real", DType::kF32, value.shape, real_numbers(value));
    } else {
      if (value.quant || (value.dtype == DType::kF16 && !value.is_constant()))
        value.dtype = DType::kF32;
      value.quant.reset();
      copy = graph_.add_value(std::move(value));
      given_[copy] = id;
    }
    own_[id] = copy;
    return copy;
  }

  ValueId given_back(Graph& graph, ValueId id) {
    const auto known = given_.find(id);
    if (known != given_.end()) return known->second;
    const Value& value = graph_.value(id);
    const ValueId added = graph.add_constant(graph.unique_name(value.name), value.dtype,
                                             value.shape, std::vector<std::byte>(*value.constant));
    given_[id] = added;
    return added;
  }

  const Target& cpu_ = find_target("cpu");
  Graph graph_;
  Node node_;
  std::map<ValueId, ValueId> own_, given_;  // real to isolated value, and back
};

double arithmetic(const Graph& graph, const Node& node) {
  return 2 * op_def(node.op).products(graph, node);
}

/// A careful guess: a third of the memory's rate, a twentieth of the arithmetic's.
double predicted_us(const Graph& graph, const Node& node, const Target& target) {
  const double memory = 3 * moved_bytes(graph, node) / (target.gpu.memory_gb_per_s * 1e3);
  const double compute = 20 * arithmetic(graph, node) / (target.gpu.f32_tflops * 1e6);
  return 5.0 + std::max(memory, compute);
}

/// Integers that the network asks for by itself: the node says what they stand for, not the value.
bool is_quantisation(const Node& node) {
  return node.op == Op::kQuantize || node.op == Op::kDequantize;
}

StepSpec lower_quantisation(const Graph& graph, const Node& node, const Tactic& tactic) {
  StepSpec step = step_for(node, tactic.id);
  generic_quantisation(graph, node, step);
  step.bytes = moved_bytes(graph, node);
  return step;
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  if (is_quantisation(node)) return {{"generic quantisation", predicted_us(graph, node, target)}};
  const Family* family = Isolated(graph, node).specification();
  if (family == nullptr) return {};
  return {{std::string("generic ") + family->name, predicted_us(graph, node, target)}};
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
  if (is_quantisation(node)) return lower_quantisation(graph, node, tactic);
  Isolated isolated(graph, node);
  const Family* family = isolated.specification();
  if (family == nullptr)
    throw Refusal("node '" + node.name + "' (" + op_name(node.op) +
                      "): no generic kernel implements it for these types",
                  "cast its operands to float32 in the model, and its result back");
  StepSpec step = isolated.lower(*family, graph);
  const GenericKernel kernel = kernel_of(step.kernel.value());
  step.worker_scratch_bytes = 0;
  kernel(graph, node, step);
  step.kernel.reset();
  step.params.clear();
  step.tactic = tactic.id;
  step.bytes = moved_bytes(graph, node);
  step.flops = std::max(step.flops, arithmetic(graph, node));
  return step;
}

}  // namespace

const Family kGenericFamily = {"generic", tactics, lower};

}  // namespace stint::builder
