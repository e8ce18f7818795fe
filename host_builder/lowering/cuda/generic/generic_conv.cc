// Convolution, transposed convolution and pooling from the definition.
#include <algorithm>

#include "host_builder/lowering/cuda/generic/generic_epilogue.h"
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "plan_schema/params/pool.h"

namespace stint::builder {
namespace {

/// One of three spatial axes; missing ones come first and have extent 1.
struct SpatialAxis {
  int of_tensor = -1;  // axis of x and y, -1: missing
  int64_t kernel = 1, stride = 1, dilation = 1, pad = 0, pad_end = 0, in = 1, step = 0;
};

template <typename P>
SpatialAxis axis_of(const P& p, int i, const cpu::TensorView& x) {
  SpatialAxis a;
  const int own = i - (kMaxSpatial - p.spatial_rank);
  if (own < 0) return a;
  a.of_tensor = own + 1;
  a.kernel = p.kernel[own];
  a.stride = p.stride[own];
  a.dilation = p.dilation[own];
  a.pad = p.pad_begin[own];
  a.in = x.shape[own + 1];
  a.step = x.strides[own + 1];
  return a;
}

void write_axis(GenericSource& source, int i, const SpatialAxis& a, int64_t weight_step) {
  const auto value = [](const char* name, int64_t v) {
    return std::string("  static constexpr int64_t ") + name + " = " + CudaSource::literal(v) +
           ";\n";
  };
  source.line("struct Axis" + std::to_string(i) + " {\n" + value("kKernel", a.kernel) +
              value("kStride", a.stride) + value("kDilation", a.dilation) + value("kPad", a.pad) +
              value("kPadEnd", a.pad_end) + value("kIn", a.in) + value("kStep", a.step) +
              value("kWeightStep", weight_step) + "};");
}

int64_t stride_on(const cpu::TensorView* t, int axis) {
  return t == nullptr || axis < 0 ? 0 : t->strides[axis];
}

/// Constant weights with the output channels innermost, [k...][I / group][O], which neighbouring
/// threads read side by side. Returns whether it could be done.
bool weights_by_output(Graph& graph, StepSpec& step, bool transposed, int64_t groups) {
  const Value& w = graph.value(step.inputs.at(1));
  if (!w.is_constant() || w.dtype != DType::kF32) return false;
  const Shape& s = w.shape;
  int64_t taps = 1;
  for (size_t i = 2; i < s.size(); ++i) taps *= s[i];
  const int64_t out = transposed ? s[1] * groups : s[0];
  const int64_t in = transposed ? s[0] / groups : s[1];
  const int64_t group_out = out / groups;
  const auto* from = reinterpret_cast<const float*>(w.constant->data());
  std::vector<float> packed(static_cast<size_t>(taps * in * out));
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i)
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t row =
            transposed ? (o / group_out * in + i) * s[1] + o % group_out : o * in + i;
        packed[static_cast<size_t>((t * in + i) * out + o)] = from[row * taps + t];
      }
  step.inputs.at(1) = graph.add_constant(graph.unique_name(w.name + ".by_output"), DType::kF32,
                                         {taps, in, out}, packed);
  return true;
}

void write_conv(Graph& graph, StepSpec& step, bool transposed) {
  const auto p = params_of_step<ConvParams>(step);
  const Shape w_shape = graph.value(step.inputs.at(1)).shape;
  const bool by_output = weights_by_output(graph, step, transposed, p.groups);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& w = source.input(1);
  const cpu::TensorView& y = source.output(0);
  const cpu::TensorView* residual =
      p.epilogue.has_residual ? &source.input(source.input_count() - 1) : nullptr;
  const int64_t channels = y.shape[y.rank - 1];
  const int64_t group_in = x.shape[x.rank - 1] / p.groups, group_out = channels / p.groups;

  cpu::StridedLoop<7> outputs;
  outputs.add_axis(y.shape[0], {x.strides[0], y.strides[0], stride_on(residual, 0), 0, 0, 0, 0});
  int64_t weight_steps[kMaxSpatial] = {};
  int64_t tap_step = group_in * channels;
  SpatialAxis axes[kMaxSpatial];
  for (int i = kMaxSpatial - 1; i >= 0; --i) {
    axes[i] = axis_of(p, i, x);
    if (axes[i].of_tensor < 0) continue;
    weight_steps[i] = by_output ? tap_step : w.strides[axes[i].of_tensor + 1];
    tap_step *= axes[i].kernel;
  }
  for (int i = 0; i < kMaxSpatial; ++i) {
    const int t = axes[i].of_tensor;
    write_axis(source, i, axes[i], weight_steps[i]);
    if (t < 0) continue;
    int64_t strides[7] = {0, y.strides[t], stride_on(residual, t), 0, 0, 0, 0};
    strides[3 + i] = 1;
    outputs.add_axis(y.shape[t], strides);
  }
  outputs.add_axis(channels,
                   {0, y.strides[y.rank - 1], stride_on(residual, y.rank - 1), 0, 0, 0, 1});
  source.loop("Outputs", outputs);
  source.flag("kTransposed", transposed);
  source.constant64("kGroupIn", group_in);
  source.constant64("kGroupOut", group_out);
  source.constant64("kChannelStep", x.strides[x.rank - 1]);
  const int64_t in_step = by_output ? channels : w.strides[transposed ? 0 : 1];
  source.constant64("kWeightIn", in_step);
  std::string start = "channel";
  if (!by_output && !transposed) start = "channel * " + source.index(w.strides[0]);
  if (!by_output && transposed)
    start = "channel % " + source.index(group_out) + " * " + source.index(w.strides[1]) +
            " + channel / " + source.index(group_out) + " * " +
            source.index(group_in * w.strides[0]);
  source.line("__device__ __forceinline__ index_t weight_start(index_t channel) { return " + start +
              "; }");
  write_epilogue(source, p.epilogue);
  source.include("generic/conv.cuh");
  step.in_place.clear();
  if (residual != nullptr) allow_generic_in_place(graph, step, step.inputs.size() - 1, 1);
  step.launch = source.finish_flat(transposed ? "conv_transpose" : "conv", outputs.elements());
}

}  // namespace

void generic_conv_direct(Graph& graph, const Node&, StepSpec& step) {
  write_conv(graph, step, false);
}

void generic_conv_transpose_direct(Graph& graph, const Node&, StepSpec& step) {
  write_conv(graph, step, true);
}

void generic_pool(Graph& graph, const Node&, StepSpec& step) {
  constexpr int kOperands = 8;
  const auto p = params_of_step<PoolParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  const cpu::TensorView* indices = source.output_count() > 1 ? &source.output(1) : nullptr;
  const int last = y.rank - 1;
  cpu::StridedLoop<kOperands> outputs;
  outputs.add_axis(y.shape[0], {x.strides[0], y.strides[0], stride_on(indices, 0), 0, 0, 0, 1, 0});
  int64_t cells = 1, spatial_alignment = 16;
  for (int i = 0; i < kMaxSpatial; ++i) {
    SpatialAxis a = axis_of(p, i, x);
    if (a.of_tensor >= 0) {
      a.pad_end = p.pad_end[a.of_tensor - 1];
      int64_t strides[kOperands] = {
          0, y.strides[a.of_tensor], stride_on(indices, a.of_tensor), 0, 0, 0, 0, 0};
      strides[3 + i] = 1;
      outputs.add_axis(y.shape[a.of_tensor], strides);
      cells *= std::min(a.kernel, a.in);
      while (a.step % spatial_alignment != 0) spatial_alignment /= 2;
    }
    write_axis(source, i, a, 0);
  }
  outputs.add_axis(y.shape[last],
                   {x.strides[last], y.strides[last], stride_on(indices, last), 0, 0, 0, 0, 1});
  int64_t pack = 1;
  if (indices == nullptr && y.elements() > 0) {
    // What the positions on the axes look like is of no concern for packs of channels.
    cpu::StridedLoop<2> memory;
    for (int i = 0; i < outputs.rank; ++i)
      memory.add_axis(outputs.shape[i], {outputs.strides[0][i], outputs.strides[1][i]});
    pack = divide_into_packs(memory, {{dtype_bytes(x.dtype), source.input_alignment(0), false},
                                      {dtype_bytes(y.dtype), source.output_alignment(0), false}});
    pack = std::min(pack, spatial_alignment);
    outputs.shape[outputs.rank - 1] /= pack;
    for (int k : {0, 1, 2, 7}) outputs.strides[k][outputs.rank - 1] *= pack;
  }
  const int64_t elements = outputs.elements();
  // Large windows of few outputs, such as global pooling: several threads a window.
  constexpr int64_t kLargeWindow = 25, kFewOutputs = 1 << 16;
  TeamShape team;
  if (indices == nullptr && cells > kLargeWindow && elements < kFewOutputs)
    team = TeamShape::of(elements, cells, true);
  team.across = true;
  source.team(team);
  source.constant("kPack", pack);
  source.loop("Outputs", outputs);
  source.flag("kIsMax", p.is_max != 0);
  source.flag("kCountPadding", p.count_include_pad != 0);
  source.flag("kHasIndices", indices != nullptr);
  source.flag("kColumnMajor", p.column_major_indices != 0);
  source.constant("kSpatialRank", p.spatial_rank);
  source.constant64("kChannels", y.shape[last]);
  source.line(
      "__device__ __forceinline__ void write_index(const Args& args, index_t offset, int64_t "
      "value) {\n" +
      std::string(indices != nullptr ? "  out1(args)[offset] = value;\n"
                                     : "  (void)args, (void)offset, (void)value;\n") +
      "}");
  source.include("generic/pool.cuh");
  step.in_place.clear();
  step.launch = source.finish("pool", (elements + team.lines - 1) / team.lines);
}

}  // namespace stint::builder
