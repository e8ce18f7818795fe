// Softmax and the normalisations.
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "kernels/cpu/check_helpers.h"
#include "plan_schema/params/norm.h"

namespace stint::builder {
namespace {

DType number_of(const cpu::TensorView& x) {
  return x.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
}

}  // namespace

void generic_softmax(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<SoftmaxParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<2> lines;
  for (int i = 0; i < x.rank; ++i)
    if (i != p.axis) lines.add_axis(x.shape[i], {x.strides[i], y.strides[i]});
  lines.collapse();
  source.number(number_of(x));
  const auto team =
      TeamShape::of(lines.elements(), x.shape[p.axis], lies_across(lines, x.strides[p.axis]));
  source.team(team);
  source.flag("kLog", p.log != 0);
  source.constant64("kLength", x.shape[p.axis]);
  source.constant64("kXStep", x.strides[p.axis]);
  source.constant64("kYStep", y.strides[p.axis]);
  source.loop("Kept", lines);
  source.include("generic/softmax.cuh");
  allow_generic_in_place(graph, step, 0, 1);
  step.launch = source.finish("softmax", team.blocks(lines.elements()));
}

void generic_instance_norm(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<InstanceNormParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  const int c = p.channel_axis;
  cpu::StridedLoop<4> kept;
  cpu::StridedLoop<2> spatial;
  kept.add_axis(x.shape[0], {x.strides[0], y.strides[0], 0, 0});
  kept.add_axis(x.shape[c], {x.strides[c], y.strides[c], source.input(1).strides[0],
                             source.input(2).strides[0]});
  for (int i = 1; i < x.rank; ++i)
    if (i != c) spatial.add_axis(x.shape[i], {x.strides[i], y.strides[i]});
  spatial.collapse();
  source.number(number_of(x));
  const auto team =
      TeamShape::of(kept.elements(), spatial.elements(),
                    x.strides[c] == 1 && x.shape[c] > 1 && spatial.inner_stride(0) != 1);
  source.team(team);
  source.real_function("epsilon", p.epsilon);
  source.loop("Kept", kept);
  source.loop("Spatial", spatial);
  source.include("generic/moments.cuh");
  source.include("generic/instance_norm.cuh");
  step.in_place.clear();
  step.launch = source.finish("instance_norm", team.blocks(kept.elements()));
}

void generic_layer_norm(Graph& graph, const Node&, StepSpec& step) {
  enum { kX, kScale, kBias, kY, kMean, kInverse, kOperands };
  const auto p = params_of_step<LayerNormParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView* view[kOperands] = {};
  size_t next = 0;
  view[kX] = &source.input(0);
  view[kScale] = &source.input(1);
  if (p.has_bias != 0) view[kBias] = &source.input(2);
  view[kY] = &source.output(next++);
  const size_t mean = next;
  if (p.has_mean != 0) view[kMean] = &source.output(next++);
  const size_t inverse = next;
  if (p.has_inv_std != 0) view[kInverse] = &source.output(next++);
  const cpu::TensorView& x = *view[kX];
  cpu::StridedLoop<kOperands> rows, row;
  for (int i = 0; i < x.rank; ++i) {
    int64_t strides[kOperands] = {};
    for (int k = 0; k < kOperands; ++k)
      if (view[k] != nullptr) strides[k] = cpu::broadcast_stride(*view[k], x.rank, i);
    (i < p.axis ? rows : row).add_axis(x.shape[i], strides);
  }
  rows.collapse();
  row.collapse();
  source.number(number_of(x));
  const auto team = TeamShape::of(rows.elements(), row.elements(), false);
  source.team(team);
  source.real_function("epsilon", p.epsilon);
  source.loop("Rows", rows);
  source.loop("Row", row);
  source.line(
      "__device__ __forceinline__ Number bias_at(const Args& args, index_t offset) {\n  return " +
      std::string(p.has_bias != 0 ? "load<Number>(in2(args)[offset])" : "Number(0)") + ";\n}");
  const auto statistic = [](size_t output, int operand, const char* value) {
    const std::string n = std::to_string(output);
    return "  out" + n + "(args)[offset[" + std::to_string(operand) + "]] = store<Out" + n + ">(" +
           value + ");\n";
  };
  source.line(
      "__device__ __forceinline__ void write_statistics(const Args& args, const index_t* offset, "
      "Number mean, Number inverse) {\n" +
      (p.has_mean != 0 ? statistic(mean, kMean, "mean") : "") +
      (p.has_inv_std != 0 ? statistic(inverse, kInverse, "inverse") : "") + "}");
  source.include("generic/moments.cuh");
  source.include("generic/layer_norm.cuh");
  step.in_place.clear();
  step.launch = source.finish("layer_norm", team.blocks(rows.elements()));
}

void generic_lrn(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<LrnParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<3> loop;  // offsets of x and y, the channel
  for (int i = 0; i < x.rank; ++i)
    loop.add_axis(x.shape[i], {x.strides[i], y.strides[i], i == p.channel_axis ? 1 : 0});
  loop.collapse();
  source.number(number_of(x));
  source.loop("Elements", loop);
  source.constant64("kChannels", x.shape[p.channel_axis]);
  source.constant64("kStep", x.strides[p.channel_axis]);
  source.constant64("kBefore", (p.size - 1) / 2);
  source.constant64("kAfter", p.size - 1 - (p.size - 1) / 2);
  source.real_function(
      "factor", static_cast<float>(static_cast<double>(p.alpha) / static_cast<double>(p.size)));
  source.real_function("offset_of", p.bias);
  source.real_function("beta", p.beta);
  source.include("generic/lrn.cuh");
  step.in_place.clear();
  step.launch = source.finish_flat("lrn", loop.elements());
}

}  // namespace stint::builder
