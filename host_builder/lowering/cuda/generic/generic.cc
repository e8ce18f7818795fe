// The generic family: whatever the CPU target supports also runs on the GPU. The CPU's lowering is
// the specification: it turns a node into a KernelId and parameters, from which CUDA is written
// with every constant baked in. Never the first choice where a specialised family knows the node.
#include <algorithm>
#include <map>

#include "host_builder/graph/op_def.h"
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"
#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/support/internal_error.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

/// Every KernelId is listed, so that the compiler asks for the next one.
GenericKernel kernel_of(KernelId id) {
  switch (id) {
    case KernelId::kConv:
    case KernelId::kConvDepthwise:
    case KernelId::kQuantizedConv:
    case KernelId::kQuantizedConvDepthwise:
    case KernelId::kQuantizedMatMul:
      break;  // packed weights: no specification
    case KernelId::kQuantizedPool:
    case KernelId::kQuantizedPointwise:
    case KernelId::kRequantize:
      break;  // of 8-bit integers there are no generic kernels
    case KernelId::kConvDirect:
    case KernelId::kConvTranspose:
      return generic_conv;
    case KernelId::kMatMul:
      return generic_matmul;
    case KernelId::kPool:
      return generic_pool;
    case KernelId::kPointwise:
      return generic_pointwise;
    case KernelId::kElementwise:
      return generic_elementwise;
    case KernelId::kReduce:
      return generic_reduce;
    case KernelId::kArgReduce:
      return generic_arg_reduce;
    case KernelId::kTopK:
      return generic_top_k;
    case KernelId::kSoftmax:
      return generic_softmax;
    case KernelId::kInstanceNorm:
      return generic_instance_norm;
    case KernelId::kLayerNorm:
      return generic_layer_norm;
    case KernelId::kLrn:
      return generic_lrn;
    case KernelId::kCopy:
      return generic_copy;
    case KernelId::kPad:
      return generic_pad;
    case KernelId::kGather:
      return generic_gather;
    case KernelId::kResize:
      return generic_resize;
    case KernelId::kNms:
      return generic_nms;
    case KernelId::kCast:
      return generic_cast;
    case KernelId::kPreprocess:
      return generic_preprocess;
    case KernelId::kDecode:
      return generic_decode;
    case KernelId::kTopClasses:
      return generic_top_classes;
    case KernelId::kArgmaxMask:
      return generic_argmax_mask;
    case KernelId::kDetectionMasks:
      return generic_detection_masks;
    case KernelId::kDetectionKeypoints:
      return generic_detection_keypoints;
    case KernelId::kRotatedBoxes:
      return generic_rotated_boxes;
  }
  throw InternalError("the generic GPU family has no kernel for KernelId " +
                      std::to_string(static_cast<int>(id)));
}

/// The node alone in a graph of its own, where f16 values are f32: the CPU's arithmetic is f32, and
/// so is the GPU's whatever the values are stored as.
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
    if (value.dtype == DType::kF16 && !value.is_constant()) value.dtype = DType::kF32;
    const ValueId copy = graph_.add_value(std::move(value));
    own_[id] = copy;
    given_[copy] = id;
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

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  const Family* family = Isolated(graph, node).specification();
  if (family == nullptr) return {};
  return {{std::string("generic ") + family->name, predicted_us(graph, node, target)}};
}

StepSpec lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
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
