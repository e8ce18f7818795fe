// Batched products of two activations on tensor cores (kernels/cuda/batch_gemm.cuh).
#include <algorithm>
#include <cmath>
#include <optional>

#include "host_builder/graph/shape.h"
#include "host_builder/graph/views.h"
#include "host_builder/lowering/cuda/ceil_div.h"
#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/families.h"
#include "kernels/cpu/strided_loop.h"

namespace stint::builder {
namespace {

struct Tile {
  int bm, bn, bk, stages, warps_m, warps_n;
  int threads() const { return warps_m * warps_n * 32; }
  int64_t stage_bytes() const { return static_cast<int64_t>(bm + bn) * bk * 2; }
};

struct Problem {
  int64_t m = 0, n = 0, k = 0;
  Value a, b, y, r;  // as [p, q, rows, columns]; repeated operands have strides of 0
  bool half() const { return a.dtype == DType::kF16 || b.dtype == DType::kF16; }
  int64_t batches() const { return y.shape[0] * y.shape[1]; }
};

/// Sees the operands as matrices of two batch axes. False if these do not suffice.
bool set_places(Problem& p, const Value* const (&operands)[4]) {
  const size_t rank = operands[2]->shape.size();
  cpu::StridedLoop<4> batches;
  for (size_t axis = 0; axis + 2 < rank; ++axis) {
    int64_t strides[4];
    for (size_t i = 0; i < 4; ++i) {
      const Value& v = *operands[i];
      const size_t missing = rank - v.shape.size();
      const bool repeated = axis < missing || v.shape[axis - missing] == 1;
      strides[i] = repeated ? 0 : strides_of(v)[axis - missing];
    }
    batches.add_axis(operands[2]->shape[axis], strides);
  }
  batches.collapse();
  if (batches.rank > 2) return false;
  Value* const places[4] = {&p.a, &p.b, &p.y, &p.r};
  for (size_t i = 0; i < 4; ++i) {
    const Value& v = *operands[i];
    Value& place = *places[i];
    place = v;
    place.shape = {1, 1, v.shape[v.shape.size() - 2], v.shape.back()};
    const Shape strides = strides_of(v);
    place.strides = {0, 0, strides[strides.size() - 2], strides.back()};
    for (int axis = 0; axis < batches.rank; ++axis) {
      const auto to = static_cast<size_t>(axis + 2 - batches.rank);
      place.shape[to] = batches.shape[axis];
      place.strides[to] = batches.strides[i][axis];
    }
  }
  return true;
}

std::optional<Problem> problem_of(const Graph& graph, const Node& node) {
  if (node.op != Op::kMatMul) return std::nullopt;
  for (const ValueId id : node.inputs)
    if (!is_f16_or_f32(graph, id)) return std::nullopt;
  if (!is_f16_or_f32(graph, node.outputs.at(0))) return std::nullopt;
  const Value& a = graph.value(node.inputs.at(0));
  const Value& b = graph.value(node.inputs.at(1));
  const Value& y = graph.value(node.outputs[0]);
  if (a.is_constant() || b.is_constant() || a.shape.size() < 2 || b.shape.size() < 2 ||
      y.elements() == 0 || a.elements() == 0)
    return std::nullopt;
  if (has_operand(node, 2) && !graph.value(node.inputs[2]).is_constant()) return std::nullopt;
  const Value& r = has_operand(node, 3) ? graph.value(node.inputs[3]) : y;
  if (r.shape != y.shape) return std::nullopt;
  Problem p;
  p.m = y.shape[y.shape.size() - 2];
  p.n = y.shape.back();
  p.k = a.shape.back();
  constexpr int64_t kMost = int64_t{1} << 30;
  if (y.elements() > kMost || a.elements() > kMost || b.elements() > kMost) return std::nullopt;
  if (!set_places(p, {&a, &b, &y, &r})) return std::nullopt;
  // Products are f16: operands and result that are all f32 asked for more.
  return p.half() || y.dtype == DType::kF16 ? std::optional<Problem>(p) : std::nullopt;
}

/// Chunks of 16 bytes along the last axis of the place.
bool is_whole(const Value& place) { return place.dtype == DType::kF16 && allows_vector(place, 8); }

Value transposed(const Value& place) {
  Value t = place;
  std::swap(t.shape[2], t.shape[3]);
  std::swap(t.strides[2], t.strides[3]);
  return t;
}

/// Lines of b along k where they are adjacent that way.
bool runs_along_k(const Problem& p) { return p.b.strides[2] == 1 && p.b.strides[3] != 1; }

template <typename F>
void for_each_tile(const Problem& p, const GpuTraits& gpu, F f) {
  constexpr int kShapes[][4] = {{16, 32, 1, 2},  {16, 64, 1, 4},  {32, 32, 2, 1},  {32, 32, 2, 2},
                                {32, 64, 2, 2},  {64, 32, 4, 1},  {64, 64, 2, 2},  {64, 64, 4, 2},
                                {64, 128, 2, 4}, {128, 64, 4, 2}, {128, 128, 4, 2}};
  for (const auto& s : kShapes)
    for (const int bk : {32, 64})
      for (const int stages : {1, 2, 3, 4}) {
        const Tile t{s[0], s[1], bk, stages, s[2], s[3]};
        const int64_t steps = ceil_div(p.k, bk);
        // One stage only if it is all there is; no stage that nothing is copied to.
        if (stages == 1 ? steps > 1 : stages > steps && stages > 2) continue;
        if (stages > steps) continue;
        if (bk > 32 && p.k <= 32) continue;
        if ((t.bm > 16 && t.bm / 2 >= p.m) || (t.bn > 32 && t.bn / 2 >= p.n)) continue;
        if (t.stage_bytes() * stages > gpu.smem_per_block) continue;
        f(t);
      }
}

double predicted_us(const Graph& graph, const Node& node, const Target& target, const Problem& p,
                    const Tile& t) {
  const GpuTraits& gpu = target.gpu;
  const double k = static_cast<double>(ceil_div(p.k, t.bk) * t.bk);
  const double steps = k / t.bk;
  DirectCost cost;
  cost.blocks = static_cast<double>(ceil_div(p.m, t.bm) * ceil_div(p.n, t.bn) * p.batches());
  cost.threads_per_block = t.threads();
  const double sums = static_cast<double>(t.bm) * t.bn / t.threads();
  const double registers = std::min(255.0, 48 + sums * 1.5);
  cost.blocks_per_multiprocessor = std::max(
      1.0, std::floor(std::min(65536.0 / (t.threads() * registers),
                               static_cast<double>(gpu.smem_per_multiprocessor) /
                                   static_cast<double>(t.stage_bytes() * t.stages + 1024))));
  // Fragments from shared memory and copies into it; single elements take an access each.
  const auto fetched = [&](const Value& v, bool whole, double lines) {
    return cost.blocks * lines * k * (whole ? 2.0 : 16.0 * dtype_bytes(v.dtype));
  };
  const bool along_k = runs_along_k(p);
  const bool b_whole = is_whole(along_k ? transposed(p.b) : p.b);
  const double fragments = cost.blocks * k * 2.0 * (t.bm * t.warps_n + t.bn * t.warps_m);
  cost.l1_bytes = fragments + fetched(p.a, is_whole(p.a), t.bm) + fetched(p.b, b_whole, t.bn);
  // As if they were multiplications of the f32 pipe, of which tensor cores do this many at a time.
  const double speed = std::max(1.0, 0.4 * gpu.f16_tflops / std::max(0.1, gpu.f32_tflops));
  cost.flops = 2.0 * cost.blocks * t.bm * t.bn * k / speed;
  const double products = static_cast<double>(t.bm) / 16 / t.warps_m * t.bn / 8 / t.warps_n;
  const double chain = k / 16 * std::max(40.0, products * 16.0);  // cycles of a warp
  const double waits = t.stages == 1 ? 0 : std::max(0.0, steps - t.stages + 1) / t.stages;
  cost.rounds = 1.4 + chain / 900 + 0.1 * steps + 0.5 * waits + 0.004 * sums;
  return direct_us(target, traffic_of(graph, node), cost);
}

std::string id_of(const Tile& t) {
  return "batch_gemm " + std::to_string(t.bm) + "x" + std::to_string(t.bn) + "x" +
         std::to_string(t.bk) + " s" + std::to_string(t.stages) + " w" + std::to_string(t.warps_m) +
         "x" + std::to_string(t.warps_n);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  if (target.gpu.source_sm < 75) return result;  // ldmatrix and m16n8k8
  const auto p = problem_of(graph, node);
  if (!p) return result;
  for_each_tile(*p, target.gpu, [&](const Tile& t) {
    result.push_back({id_of(t), predicted_us(graph, node, target, *p, t)});
  });
  rank_tactics(result, 12);
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  const auto p = problem_of(graph, node);
  std::optional<Tile> chosen;
  if (p && target.gpu.source_sm >= 75)
    for_each_tile(*p, target.gpu, [&](const Tile& t) {
      if (id_of(t) == tactic.id) chosen = t;
    });
  if (!chosen) throw_unknown_tactic(node, tactic);
  const Tile& t = *chosen;
  StepSpec step = step_for(node, tactic.id);
  const bool along_k = runs_along_k(*p);
  const bool pair = p->n % 2 == 0 && allows_vector(p->y, 2) && allows_vector(p->r, 2);
  CudaSource source;
  source.nhwc("A", p->a)
      .nhwc("W", p->b)
      .nhwc("Y", p->y)
      .nhwc("R", p->r)
      .constant("kCountQ", p->y.shape[1])
      .constant("kM", p->m)
      .constant("kN", p->n)
      .constant("kK", p->k)
      .constant("kBM", t.bm)
      .constant("kBN", t.bn)
      .constant("kBK", t.bk)
      .constant("kStages", t.stages)
      .constant("kWarpsM", t.warps_m)
      .constant("kWarpsN", t.warps_n)
      .flag("kAWhole", is_whole(p->a))
      .flag("kBWhole", is_whole(along_k ? transposed(p->b) : p->b))
      .flag("kBAlongK", along_k)
      .flag("kPair", pair)
      .pointer("const A*", "a")
      .pointer("const W*", "b")
      .epilogue_constants(node, node.as<MatMulAttributes>().epilogue)
      .pointer("Y*", "y");
  const int64_t blocks = ceil_div(p->m, t.bm) * ceil_div(p->n, t.bn) * p->batches();
  step.launch = source.kernel_of_header(
      "batch_gemm",
      {.grid = {blocks, 1, 1}, .threads = t.threads(), .dynamic_smem = t.stage_bytes() * t.stages});
  step.flops = 2.0 * static_cast<double>(p->y.elements()) * static_cast<double>(p->k);
  step.bytes = moved_bytes(graph, node);
  allow_residual_in_place(graph, node, step);
  return step;
}

}  // namespace

const Family kBatchGemmFamily = {"batch_gemm", tactics, lower};

}  // namespace stint::builder
