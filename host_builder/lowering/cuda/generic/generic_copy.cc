// Steps that only move elements: mapped copies, concatenation, reshape.
#include <algorithm>

#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "plan_schema/params/copy.h"

namespace stint::builder {
namespace {

/// A loop nest and where x and y begin.
struct Nest {
  cpu::StridedLoop<2> loop;
  std::vector<int64_t> start = {0, 0};
};

Nest mapped_nest(const GenericSource& source, const StepSpec& step, const CopyParams& p) {
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  std::vector<CopyAxis> axes(p.axis_count);
  if (!axes.empty())
    std::memcpy(axes.data(), step.params.data() + sizeof p, axes.size() * sizeof(CopyAxis));
  Nest nest;
  for (const CopyAxis& a : axes)
    nest.loop.add_axis(a.extent, {a.x_axis < 0 ? 0 : a.x_step * x.strides[a.x_axis],
                                  a.y_axis < 0 ? 0 : a.y_step * y.strides[a.y_axis]});
  for (int i = 0; i < x.rank; ++i) nest.start[0] += p.x_start[i] * x.strides[i];
  for (int i = 0; i < y.rank; ++i) nest.start[1] += p.y_start[i] * y.strides[i];
  nest.loop.collapse();
  return nest;
}

/// Alignment of an operand that begins `offset` elements further.
uint64_t alignment_at(uint64_t alignment, int64_t offset, uint32_t element_bytes) {
  while (static_cast<uint64_t>(offset) * element_bytes % alignment != 0) alignment /= 2;
  return alignment;
}

int64_t pack_of(const GenericSource& source, size_t input, Nest& nest) {
  if (nest.loop.elements() == 0) return 1;
  const uint32_t x_bytes = dtype_bytes(source.input(input).dtype);
  const uint32_t y_bytes = dtype_bytes(source.output(0).dtype);
  return divide_into_packs(
      nest.loop,
      {{x_bytes, alignment_at(source.input_alignment(input), nest.start[0], x_bytes), false},
       {y_bytes, alignment_at(source.output_alignment(0), nest.start[1], y_bytes), false}});
}

/// The axis along which x is dense, if that is worth tiles; else -1.
int transposed_axis(const Nest& nest) {
  constexpr int64_t kWorthATile = 8;  // below, the cache lines of x serve neighbouring threads
  const auto& loop = nest.loop;
  const int inner = loop.rank - 1;
  if (loop.inner_stride(1) != 1 || loop.inner_stride(0) == 1 || loop.inner_extent() < kWorthATile)
    return -1;
  for (int i = 0; i < inner; ++i)
    if (loop.strides[0][i] == 1 && loop.shape[i] >= kWorthATile && loop.strides[1][i] >= 0)
      return i;
  return -1;
}

void transpose(StepSpec& step, GenericSource& source, const Nest& nest, int dense_axis) {
  constexpr int64_t kTile = 32;
  const auto& loop = nest.loop;
  const int inner = loop.rank - 1;
  const int64_t rows = loop.shape[dense_axis], columns = loop.shape[inner];
  cpu::StridedLoop<2> outer;
  for (int i = 0; i < inner; ++i)
    if (i != dense_axis) outer.add_axis(loop.shape[i], {loop.strides[0][i], loop.strides[1][i]});
  outer.collapse();
  source.loop("Outer", outer, nest.start);
  source.constant64("kRows", rows);
  source.constant64("kColumns", columns);
  source.constant64("kXColumn", loop.inner_stride(0));
  source.constant64("kYRow", loop.strides[1][dense_axis]);
  source.include("generic/transpose.cuh");
  const int64_t tiles = (rows + kTile - 1) / kTile * ((columns + kTile - 1) / kTile);
  step.launch = source.finish("transpose", tiles * outer.elements());
}

/// A copy without tiles; `body` is that of locate().
void locate(StepSpec& step, GenericSource& source, int64_t pack, const std::string& body,
            int64_t packs) {
  source.constant("kPack", pack);
  source.index_constant("kPacks", packs);
  source.line(
      "__device__ __forceinline__ void locate(const Args& args, index_t i, const In0** from, "
      "Out0** to) {\n  index_t o[2];\n" +
      body + "}");
  source.include("generic/copy.cuh");
  step.launch = source.finish_flat("copy", packs);
}

void mapped(Graph& graph, StepSpec& step) {
  GenericSource source(graph, step);
  Nest nest = mapped_nest(source, step, params_of_step<CopyParams>(step));
  if (const int axis = transposed_axis(nest); axis >= 0) {
    transpose(step, source, nest, axis);
    return;
  }
  const int64_t pack = pack_of(source, 0, nest);
  source.loop("Elements", nest.loop, nest.start);
  locate(step, source, pack,
         "  Elements::at(i, o);\n  *from = in0(args) + o[0];\n  *to = out0(args) + o[1];\n",
         nest.loop.elements());
}

void concat(Graph& graph, StepSpec& step) {
  const auto p = params_of_step<CopyParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& y = source.output(0);
  std::vector<Nest> nests(source.input_count());
  for (size_t k = 1; k < nests.size(); ++k)
    source.line("static_assert(IsSame<In0, In" + std::to_string(k) +
                ">::value, \"parts of one type\");");
  int64_t start = 0, pack = 16;
  for (size_t k = 0; k < nests.size(); ++k) {
    const cpu::TensorView& x = source.input(k);
    for (int a = 0; a < y.rank; ++a)
      nests[k].loop.add_axis(x.shape[a], {x.strides[a], y.strides[a]});
    nests[k].loop.collapse();
    nests[k].start[1] = start;
    start += x.shape[p.concat_axis] * y.strides[p.concat_axis];
    Nest whole = nests[k];
    if (x.elements() > 0) pack = std::min(pack, pack_of(source, k, whole));
  }
  std::string body;
  int64_t packs = 0;
  for (size_t k = 0; k < nests.size(); ++k) {
    cpu::StridedLoop<2>& loop = nests[k].loop;
    const int64_t elements = loop.elements();
    if (elements == 0) continue;
    if (pack > 1) {
      loop.shape[loop.rank - 1] /= pack;
      for (auto& strides : loop.strides) strides[loop.rank - 1] *= pack;
    }
    const std::string n = std::to_string(k);
    source.loop("Part" + n, loop, nests[k].start);
    packs += elements / pack;
    body += "  if (i < " + source.index(packs) + ") {\n    Part" + n + "::at(i - " +
            source.index(packs - elements / pack) + ", o);\n    *from = in" + n +
            "(args) + o[0];\n    *to = out0(args) + o[1];\n    return;\n  }\n";
  }
  locate(step, source, pack, body, packs);
}

/// Row-major elements of x, then of y, at the same position.
void reshape(Graph& graph, StepSpec& step) {
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<1> from, to;
  for (int i = 0; i < x.rank; ++i) from.add_axis(x.shape[i], {x.strides[i]});
  for (int i = 0; i < y.rank; ++i) to.add_axis(y.shape[i], {y.strides[i]});
  from.collapse();
  to.collapse();
  int64_t pack = 1;
  if (y.elements() > 0) {
    cpu::StridedLoop<1> a = from, b = to;
    pack =
        std::min(divide_into_packs(a, {{dtype_bytes(x.dtype), source.input_alignment(0), false}}),
                 divide_into_packs(b, {{dtype_bytes(y.dtype), source.output_alignment(0), false}}));
  }
  for (cpu::StridedLoop<1>* loop : {&from, &to}) {
    if (pack == 1) break;
    loop->shape[loop->rank - 1] /= pack;
    loop->strides[0][loop->rank - 1] *= pack;
  }
  source.loop("From", from);
  source.loop("To", to);
  locate(
      step, source, pack,
      "  From::at(i, o);\n  To::at(i, o + 1);\n  *from = in0(args) + o[0];\n  *to = out0(args) + "
      "o[1];\n",
      to.elements());
}

}  // namespace

void generic_copy(Graph& graph, const Node&, StepSpec& step) {
  step.in_place.clear();
  switch (params_of_step<CopyParams>(step).mode) {
    case CopyMode::kMapped:
      return mapped(graph, step);
    case CopyMode::kConcat:
      return concat(graph, step);
    case CopyMode::kReshape:
      return reshape(graph, step);
  }
}

}  // namespace stint::builder
