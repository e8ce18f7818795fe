// Matrix product.
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

}  // namespace

constinit const OpDef ops::kMatMul = {
    .name = "MatMul",
    .arity = {2, 4, 1, 1},
    .has_its_attributes = has<MatMulAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_matmul,
    .layout = LayoutRule::any_order(),
    .products = matmul_products,
    .print = print_matmul,
};

}  // namespace stint::builder
