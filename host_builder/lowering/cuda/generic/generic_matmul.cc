// Batched matrix product with a tensor on the right.
#include "host_builder/lowering/cuda/generic/generic_epilogue.h"
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "kernels/cpu/matmul_views.h"

namespace stint::builder {

void generic_matmul(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<MatMulParams>(step);
  GenericSource source(graph, step);
  std::vector<cpu::TensorView> inputs;
  for (size_t i = 0; i < source.input_count(); ++i) inputs.push_back(source.input(i));
  cpu::StepArgs args;
  args.inputs = inputs.data();
  args.outputs = &source.output(0);
  args.input_count = static_cast<uint32_t>(inputs.size());
  args.output_count = 1;
  const cpu::MatMulViews v(args, p);
  const cpu::TensorView* residual = v.has_residual ? &v.residual : nullptr;
  const int row = v.y.rank - 2, column = v.y.rank - 1;
  const int64_t m = v.y.shape[row], n = v.y.shape[column], k = v.a.shape[v.a.rank - 1];
  cpu::StridedLoop<4> batches;
  for (int i = 0; i < row; ++i)
    batches.add_axis(v.y.shape[i], {cpu::broadcast_stride(v.a, v.y.rank, i),
                                    cpu::broadcast_stride(v.b, v.y.rank, i), v.y.strides[i],
                                    residual != nullptr ? residual->strides[i] : 0});
  batches.collapse();
  source.loop("Batches", batches);
  source.constant64("kN", n);
  source.constant64("kK", k);
  source.constant64("kARow", v.a.strides[v.a.rank - 2]);
  source.constant64("kAColumn", v.a.strides[v.a.rank - 1]);
  source.constant64("kBRow", v.b.strides[v.b.rank - 2]);
  source.constant64("kBColumn", v.b.strides[v.b.rank - 1]);
  source.constant64("kYRow", v.y.strides[row]);
  source.constant64("kYColumn", v.y.strides[column]);
  source.constant64("kRRow", residual != nullptr ? residual->strides[row] : 0);
  source.constant64("kRColumn", residual != nullptr ? residual->strides[column] : 0);
  write_epilogue(source, p.epilogue);
  step.in_place.clear();
  if (residual != nullptr) allow_generic_in_place(graph, step, step.inputs.size() - 1, 1);
  constexpr int64_t kFewRows = 8;  // what one thread keeps sums of
  if (m <= kFewRows) {
    const auto team = TeamShape::of(batches.elements() * n, k, true);
    source.constant("kM", std::max<int64_t>(m, 1));
    source.team(team);
    source.include("generic/matvec.cuh");
    const int64_t columns = m == 0 ? 0 : batches.elements() * n;
    step.launch = source.finish("matvec", (columns + team.lines - 1) / team.lines);
    return;
  }
  constexpr int64_t kTile = 64;
  source.constant64("kM", m);
  source.include("generic/matmul.cuh");
  const int64_t tiles = (m + kTile - 1) / kTile * ((n + kTile - 1) / kTile);
  step.launch = source.finish("matmul", tiles * batches.elements());
}

}  // namespace stint::builder
