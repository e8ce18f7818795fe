// Exporters without a layer normalisation of their own (ONNX before opset 17) spell it out; here it
// becomes one node again.
#include <algorithm>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

/// (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) over the axes from `axis` on.
struct Normalization {
  ValueId x;
  int64_t axis;
  float epsilon;
};

/// First of the trailing axes that a mean is taken over with dimensions kept; negative if it is no
/// such mean.
int64_t mean_axis(const Graph& graph, const Node& node) {
  const auto& a = node.as<ReduceAttributes>();
  if (a.op != ReduceOp::kMean || !a.keep_dims || a.axes.empty()) return -1;
  const auto rank = static_cast<int64_t>(graph.value(node.inputs[0]).shape.size());
  std::vector<int64_t> axes;
  for (int64_t axis : a.axes) axes.push_back(axis < 0 ? axis + rank : axis);
  std::sort(axes.begin(), axes.end());
  const int64_t first = rank - static_cast<int64_t>(axes.size());
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != first + static_cast<int64_t>(i)) return -1;
  return first;
}

const Node* mean_of(const Graph& graph, ValueId id, int64_t& axis) {
  const auto n = producer_of(graph, id, Op::kReduce);
  if (!n) return nullptr;
  axis = mean_axis(graph, graph.node(*n));
  return axis < 0 ? nullptr : &graph.node(*n);
}

/// x - mean(x): x.
ValueId centred(const Graph& graph, ValueId id, int64_t axis) {
  const Node* difference = binary_producer(graph, id, EltOp::kSub);
  if (!difference) return kNoValue;
  int64_t mean_axis = -1;
  const Node* mean = mean_of(graph, difference->inputs[1], mean_axis);
  const bool fits = mean && mean_axis == axis && mean->inputs[0] == difference->inputs[0];
  return fits ? difference->inputs[0] : kNoValue;
}

/// What is squared: v^2 or v * v.
ValueId squared_in(const Graph& graph, ValueId id) {
  if (const Node* power = binary_producer(graph, id, EltOp::kPow))
    return uniform_constant(graph, power->inputs[1]) == 2.0f ? power->inputs[0] : kNoValue;
  const Node* product = binary_producer(graph, id, EltOp::kMul);
  return product && product->inputs[0] == product->inputs[1] ? product->inputs[0] : kNoValue;
}

/// sqrt(mean((x - mean(x))^2) + epsilon).
std::optional<Normalization> deviation(const Graph& graph, ValueId id) {
  const Node* root = unary_producer(graph, id, EltOp::kSqrt);
  const Node* sum = root ? binary_producer(graph, root->inputs[0], EltOp::kAdd) : nullptr;
  for (size_t i = 0; sum && i < 2; ++i) {
    const auto epsilon = uniform_constant(graph, sum->inputs[i]);
    int64_t axis = -1;
    const Node* variance = mean_of(graph, sum->inputs[1 - i], axis);
    if (!epsilon || !variance || graph.value(sum->inputs[i]).elements() != 1) continue;
    const ValueId difference = squared_in(graph, variance->inputs[0]);
    const ValueId x = difference == kNoValue ? kNoValue : centred(graph, difference, axis);
    if (x != kNoValue) return Normalization{x, axis, *epsilon};
  }
  return std::nullopt;
}

/// The quotient of the centred value and its deviation, or their product if the deviation is
/// inverted first.
std::optional<Normalization> normalized(const Graph& graph, const Node& node) {
  if (node.op != Op::kBinary) return std::nullopt;
  const EltOp op = node.as<BinaryAttributes>().op;
  for (size_t i = 0; i < 2; ++i) {
    ValueId divisor = node.inputs[i];
    if (op == EltOp::kMul) {
      const Node* inverse = unary_producer(graph, divisor, EltOp::kReciprocal);
      const Node* quotient = binary_producer(graph, divisor, EltOp::kDiv);
      if (inverse)
        divisor = inverse->inputs[0];
      else if (quotient && uniform_constant(graph, quotient->inputs[0]) == 1.0f)
        divisor = quotient->inputs[1];
      else
        continue;
    } else if (op != EltOp::kDiv || i == 0) {
      continue;
    }
    const auto found = deviation(graph, divisor);
    if (found && centred(graph, node.inputs[1 - i], found->axis) == found->x) return found;
  }
  return std::nullopt;
}

/// A constant that varies along the normalised axes only, in their shape.
std::optional<std::vector<float>> parameter(const Graph& graph, ValueId id, const Shape& axes) {
  const auto data = f32_constant(graph, id);
  if (!data) return std::nullopt;
  const auto count = static_cast<size_t>(graph.value(id).elements());
  size_t wanted = 1;
  for (int64_t extent : axes) wanted *= static_cast<size_t>(extent);
  if (count == 1) return std::vector<float>(wanted, data->front());
  Shape shape = graph.value(id).shape;
  while (shape.size() > axes.size() && shape.front() == 1) shape.erase(shape.begin());
  return shape == axes ? data : std::nullopt;
}

/// If `y` is only read by op(y, parameter): that node.
std::optional<NodeId> affine_step(const Graph& graph, ValueId y, EltOp op, const Shape& axes,
                                  std::vector<float>& data) {
  const auto n = sole_consumer(graph, y);
  if (!n || graph.node(*n).op != Op::kBinary) return std::nullopt;
  const Node& node = graph.node(*n);
  if (node.as<BinaryAttributes>().op != op) return std::nullopt;
  if (graph.value(node.outputs[0]).shape != graph.value(y).shape) return std::nullopt;
  const auto found = parameter(graph, node.inputs[node.inputs[0] == y ? 1 : 0], axes);
  if (!found) return std::nullopt;
  data = *found;
  return n;
}

bool recognize(Graph& graph, NodeId n) {
  const auto norm = normalized(graph, graph.node(n));
  const ValueId y = graph.node(n).outputs[0];
  if (!norm || graph.value(norm->x).dtype != DType::kF32 ||
      graph.value(norm->x).shape != graph.value(y).shape)
    return false;
  const Shape& shape = graph.value(y).shape;
  const Shape axes(shape.begin() + static_cast<std::ptrdiff_t>(norm->axis), shape.end());
  size_t length = 1;
  for (int64_t extent : axes) length *= static_cast<size_t>(extent);
  std::vector<float> scale(length, 1.0f), shift;
  Node& node = graph.node(n);
  const auto absorb = [&](EltOp op, std::vector<float>& data) {
    const auto next = affine_step(graph, node.outputs[0], op, axes, data);
    if (!next) return;
    record_fusion(node, graph.node(*next));
    node.outputs[0] = graph.node(*next).outputs[0];
    graph.remove_node(*next);
  };
  absorb(EltOp::kMul, scale);
  absorb(EltOp::kAdd, shift);
  node.op = Op::kLayerNorm;
  node.attributes = NormAttributes{norm->epsilon, norm->axis};
  node.inputs = {norm->x, add_f32_constant(graph, node.name + "_scale", axes, scale)};
  if (!shift.empty())
    node.inputs.push_back(add_f32_constant(graph, node.name + "_shift", axes, shift));
  return true;
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order()))
    if (!graph.node(n).dead && recognize(graph, n)) ++changes;
  remove_dead_code(graph);
  return changes;
}

}  // namespace

/// Requires: constants are folded; no two nodes compute the same (fold-constants, common-code).
/// Ensures: layer normalisations over trailing axes are single nodes, with the scale and shift that
/// only they have.
const Pass kRecognizeNormsPass = {"recognize-norms", true, run};

}  // namespace stint::builder
