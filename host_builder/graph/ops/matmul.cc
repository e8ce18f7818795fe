// Matrix product.
#include <algorithm>

#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_matmul(const InferenceContext& c) {
  c.same_dtype(0, 1);
  Shape a = c.shape(0), b = c.shape(1);
  c.require(!a.empty() && !b.empty(),
            "matrix product of a scalar: both operands need rank 1 or more");
  const bool a_vector = a.size() == 1, b_vector = b.size() == 1;
  if (a_vector) a.insert(a.begin(), 1);
  if (b_vector) b.push_back(1);
  const int64_t m = a[a.size() - 2], k = a.back(), n = b.back();
  c.require(b[b.size() - 2] == k,
            "inner extents differ: " + shape_text(c.shape(0)) + " times " + shape_text(c.shape(1)));
  Shape result = broadcast_shapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!a_vector) result.push_back(m);
  if (!b_vector) result.push_back(n);
  if (c.has(2)) {
    c.require(c.in(2).elements() == n, "bias has " + std::to_string(c.in(2).elements()) +
                                           " elements, the product has " + std::to_string(n) +
                                           " columns");
  }
  if (c.has(3))
    c.require(c.shape(3) == result,
              "residual is " + shape_text(c.shape(3)) + ", the product is " + shape_text(result));
  return {{c.dtype(0), result}};
}

double matmul_products(const Graph& graph, const Node& node) {
  return elements_of(graph, node.outputs.at(0)) *
         static_cast<double>(graph.value(node.inputs.at(0)).shape.back());
}

std::string print_matmul(const Attributes& attributes) {
  return Words().epilogue(std::get<MatMulAttributes>(attributes).epilogue).text();
}

MovedSamples move_matmul(const BatchMove& m) {
  const size_t rank_a = m.in(0).size(), rank_b = m.in(1).size();
  const size_t leading = std::max({rank_a, rank_b, size_t{2}}) - 2;
  std::optional<BatchPlace> result;
  for (const BatchMove::Operand& operand : m.operands) {
    const bool left = operand.index == 0;
    const size_t rank = left ? rank_a : rank_b;
    BatchPlace at = operand.place;
    const size_t summed = left ? rank - 1 : rank - std::min<size_t>(rank, 2);
    if (at.axis == summed) return lost_along(at);
    if (at.axis + 2 < rank)
      at.axis += leading - (rank - 2);
    else  // rows of the left operand, columns of the right one
      at.axis = left ? leading : m.out().size() - 1;
    if (result && !(*result == at))
      return LostSamples{
          "it multiplies every sample of one operand with every sample of the other"};
    result = at;
  }
  return *result;
}

double matmul_folding_work(const Graph& graph, const Node& node) {
  return elements_of(graph, node.outputs) *
             static_cast<double>(graph.value(node.inputs[0]).shape.back()) +
         elements_of(graph, node.inputs);
}

}  // namespace

constinit const OpDef ops::kMatMul = {
    .name = "MatMul",
    .arity = {2, 4, 1, 1},
    .has_its_attributes = has<MatMulAttributes>,
    .types = {kProductOperands, kQuantizable},
    .infer = infer_matmul,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_any(move_matmul),
    .doubles = Doubles::kAsFloats,
    .products = matmul_products,
    .folding_work = matmul_folding_work,
    .print = print_matmul,
};

}  // namespace stint::builder
