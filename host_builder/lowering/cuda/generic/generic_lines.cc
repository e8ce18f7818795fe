// Reductions and searches along axes.
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "kernels/cpu/element_blocks.h"
#include "plan_schema/params/decode.h"
#include "plan_schema/params/elementwise.h"
#include "plan_schema/params/reduce.h"

namespace stint::builder {
namespace {

DType number_of(DType element) {
  switch (cpu::compute_type(element)) {
    case cpu::ComputeType::kFloat:
      return DType::kF32;
    case cpu::ComputeType::kDouble:
      return DType::kF64;
    case cpu::ComputeType::kUnsigned:
      return DType::kU64;
    default:
      return DType::kI64;
  }
}

/// Logarithms and roots of integers are taken in floating point.
bool needs_floating(ReduceOp op) {
  return op == ReduceOp::kL2 || op == ReduceOp::kLogSum || op == ReduceOp::kLogSumExp;
}

}  // namespace

void generic_reduce(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<ReduceParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<2> kept;
  cpu::StridedLoop<1> reduced;
  int out = 0;
  for (int i = 0; i < x.rank; ++i) {
    if ((p.axes >> i & 1) != 0) {
      reduced.add_axis(x.shape[i], {x.strides[i]});
      out += p.keep_dims;
    } else {
      kept.add_axis(x.shape[i], {x.strides[i], y.strides[out++]});
    }
  }
  kept.collapse();
  reduced.collapse();
  const DType number = number_of(x.dtype);
  source.number(!is_float(number) && needs_floating(p.op) ? DType::kF64 : number);
  const auto team = TeamShape::of(kept.elements(), reduced.elements(),
                                  lies_across(kept, reduced.inner_stride(0)));
  source.team(team);
  source.constant("kOp", static_cast<int64_t>(p.op));
  source.loop("Kept", kept);
  source.loop("Reduced", reduced);
  source.include("generic/reduce.cuh");
  step.in_place.clear();
  step.launch = source.finish("reduce", team.blocks(kept.elements()));
}

void generic_arg_reduce(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<ArgReduceParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<2> kept;
  int out = 0;
  for (int i = 0; i < x.rank; ++i) {
    if (i == p.axis) {
      out += p.keep_dims != 0 ? 1 : 0;
    } else {
      kept.add_axis(x.shape[i], {x.strides[i], y.strides[out++]});
    }
  }
  kept.collapse();
  source.number(number_of(x.dtype));
  const auto team =
      TeamShape::of(kept.elements(), x.shape[p.axis], lies_across(kept, x.strides[p.axis]));
  source.team(team);
  source.flag("kIsMax", p.is_max != 0);
  source.flag("kSelectLast", p.select_last != 0);
  source.index_constant("kLength", x.shape[p.axis]);
  source.constant64("kStep", x.strides[p.axis]);
  source.loop("Kept", kept);
  source.include("generic/arg_reduce.cuh");
  step.in_place.clear();
  step.launch = source.finish("arg_reduce", team.blocks(kept.elements()));
}

void generic_top_k(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<TopKParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView* values = p.has_values != 0 ? &source.output(0) : nullptr;
  const cpu::TensorView* indices = p.has_indices != 0 ? &source.output(p.has_values) : nullptr;
  cpu::StridedLoop<3> kept;
  for (int i = 0; i < x.rank; ++i)
    if (i != p.axis)
      kept.add_axis(x.shape[i], {x.strides[i], values ? values->strides[i] : 0,
                                 indices ? indices->strides[i] : 0});
  kept.collapse();
  const int64_t length = x.shape[p.axis];
  source.number(number_of(x.dtype));
  source.flag("kLargest", p.largest != 0);
  source.index_constant("kLength", length);
  source.index_constant("kK", source.output(0).shape[p.axis]);
  source.constant64("kXStep", x.strides[p.axis]);
  source.loop("Kept", kept);
  std::string write;
  if (values != nullptr)
    write += "  out0(args)[offset[1] + place * " + source.index(values->strides[p.axis]) +
             "] = moved<Out0>(value);\n";
  if (indices != nullptr) {
    const std::string n = std::to_string(p.has_values);
    write += "  out" + n + "(args)[offset[2] + place * " + source.index(indices->strides[p.axis]) +
             "] = store<Out" + n + ">(static_cast<int64_t>(index));\n";
  }
  source.line(
      "__device__ __forceinline__ void write_result(const Args& args, const index_t* offset, "
      "index_t place, In0 value, index_t index) {\n" +
      write + "  (void)value;\n  (void)index;\n}");
  source.include("generic/top_k.cuh");
  step.in_place.clear();
  const int64_t work = length > 0 ? kept.elements() * length : 0;
  step.launch = source.finish_flat("top_k", work);
}

void generic_cumulative(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<CumulativeParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<2> kept;
  for (int i = 0; i < x.rank; ++i)
    if (i != p.axis) kept.add_axis(x.shape[i], {x.strides[i], y.strides[i]});
  kept.collapse();
  source.number(number_of(x.dtype));
  const auto team =
      TeamShape::of(kept.elements(), x.shape[p.axis], lies_across(kept, x.strides[p.axis]));
  source.team(team);
  source.flag("kProduct", p.product != 0);
  source.flag("kExclusive", p.exclusive != 0);
  source.flag("kReverse", p.reverse != 0);
  source.constant64("kLength", x.shape[p.axis]);
  source.constant64("kXStep", x.strides[p.axis]);
  source.constant64("kYStep", y.strides[p.axis]);
  source.loop("Kept", kept);
  source.include("generic/cumulative.cuh");
  allow_generic_in_place(graph, step, 0, 1);
  step.launch = source.finish("cumulative", team.blocks(kept.elements()));
}

void generic_argmax_mask(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<ArgmaxMaskParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<2> loop;
  for (int i = 0; i < x.rank; ++i) {
    if (i == p.axis) continue;
    const int out = x.rank == y.rank || i < p.axis ? i : i - 1;
    loop.add_axis(x.shape[i], {x.strides[i], y.strides[out]});
  }
  loop.collapse();
  source.loop("Elements", loop);
  source.constant("kClasses", x.shape[p.axis]);
  source.constant64("kStep", x.strides[p.axis]);
  source.include("generic/argmax_mask.cuh");
  step.in_place.clear();
  step.launch = source.finish_flat("argmax_mask", loop.elements());
}

}  // namespace stint::builder
