#include "host_builder/lowering/cuda/passes/upsample_as_addressing.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "host_builder/graph/views.h"
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "host_builder/passes/rewrite.h"
#include "kernels/cpu/resize_tables.h"
#include "plan_schema/params/resize.h"

namespace stint::builder {
namespace {

/// out[i] is in[i / (extent of out / extent of in)] for every i.
bool repeats_elements(const ResizeParams& p, int number, int64_t in, int64_t out) {
  cpu::ResizeAxis axis = cpu::describe_axis(p, number, in, out);
  if (axis.identity) return true;
  if (in <= 0 || out <= 0 || out % in != 0 || axis.taps != 1) return false;
  std::vector<int32_t> index(static_cast<size_t>(out));
  std::vector<float> weight(index.size());
  axis.index = index.data();
  axis.weight = weight.data();
  cpu::fill_axis(p, number, axis);
  for (int64_t i = 0; i < out; ++i)
    if (index[static_cast<size_t>(i)] != i / (out / in)) return false;
  return true;
}

/// The kernels' own tables decide, so every coordinate mode counts that comes to the same.
bool repeats_pixels(const Graph& graph, const Node& resize) {
  static const Target& cpu = find_target("cpu");
  if (resize.as<ResizeAttributes>().mode != ResizeMode::kNearest ||
      kResizeFamily.tactics(graph, resize, cpu).empty())
    return false;
  const Shape& in = graph.value(resize.inputs.at(0)).shape;
  const Shape& out = graph.value(resize.outputs.at(0)).shape;
  if (in.front() != out.front() || in.back() != out.back()) return false;
  Graph scratch = graph;  // lowering may add constants
  const auto p = params_of_step<ResizeParams>(kResizeFamily.lower(scratch, resize, cpu, {}));
  for (size_t i = 0; i < in.size(); ++i)
    if (!repeats_elements(p, static_cast<int>(i), in[i], out[i])) return false;
  return true;
}

/// Of the best tactic; infinite where there is none.
double predicted_us(const Graph& graph, const Node& node, const Target& target) {
  double best = std::numeric_limits<double>::infinity();
  for (const Family* family : cuda_families())
    for (const Tactic& tactic : family->tactics(graph, node, target))
      best = std::min(best, tactic.predicted_us);
  return best;
}

/// `x` as the first of `y`'s repetitions of every pixel.
void place_in(Graph& graph, ValueId x, ValueId y) {
  const Value& outer = graph.value(y);
  Value& inner = graph.value(x);
  inner.view = outer.view ? *outer.view : View{y, 0};
  inner.strides = strides_of(outer);
  for (size_t i = 0; i < inner.shape.size(); ++i)
    inner.strides[i] *= outer.shape[i] / inner.shape[i];
}

bool absorb(Graph& graph, NodeId n, const Target& target) {
  const Node& resize = graph.node(n);
  const ValueId x = resize.inputs.at(0), y = resize.outputs.at(0);
  const auto producer = graph.producer(x);
  if (!producer || graph.node(*producer).op != Op::kConv ||
      graph.node(*producer).outputs.size() != 1 || graph.value(x).dtype != graph.value(y).dtype ||
      graph.value(y).elements() == 0 || !repeats_pixels(graph, resize))
    return false;
  Node& conv = graph.node(*producer);
  const Value before = graph.value(x);
  const double apart = predicted_us(graph, conv, target) + predicted_us(graph, resize, target);
  conv.outputs.push_back(y);
  if (is_whole_storage(graph, x) && graph.consumers(x).size() == 1) place_in(graph, x, y);
  if (!(predicted_us(graph, conv, target) <= apart)) {
    graph.value(x) = before;
    conv.outputs.pop_back();
    return false;
  }
  record_fusion(conv, resize);
  graph.remove_node(n);
  return true;
}

size_t run(Graph& graph, const PassContext& context) {
  size_t changes = 0;
  for (const NodeId n : std::vector<NodeId>(graph.order()))
    if (graph.node(n).op == Op::kResize && absorb(graph, n, context.target)) ++changes;
  return changes;
}

}  // namespace

const Pass kUpsampleAsAddressingPass = {"upsample-as-addressing", true, run,
                                        [](const PassContext& c) { return c.target.is_gpu; }};

}  // namespace stint::builder
