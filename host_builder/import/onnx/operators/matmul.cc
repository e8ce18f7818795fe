// Matrix products.
#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/arithmetic.h"

namespace stint::builder {
namespace {

/// Of integers there is no kernel.
void require_floats(NodeTranslation& n, ValueId a) {
  const DType dtype = n.network().graph().value(a).dtype;
  const bool is_float =
      dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kF16 || dtype == DType::kBF16;
  if (is_float) return;
  n.fail(std::string("multiplies matrices of type ") + dtype_name(dtype) +
             ", there are kernels for floating-point types only",
         "cast its operands to float32 in the model, and its result back");
}

ValueId product(NodeTranslation& n, ValueId a, ValueId b) {
  if (are_known_integers(n, a, b)) return integer_product(n, a, b);
  require_floats(n, a);
  return n.network().add(Op::kMatMul, MatMulAttributes{}, {a, b});
}

void translate_matmul(NodeTranslation& n) { n.bind(0, product(n, n.in(0), n.in(1))); }

/// alpha * A' * B' + beta * C
void translate_gemm(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  if (n.opset() < 7) n.ignore("broadcast");  // C broadcasts from opset 7 on without saying so
  const float alpha = n.number("alpha", 1.0f), beta = n.number("beta", 1.0f);
  if (n.rank(0) != 2 || n.rank(1) != 2)
    n.fail(
        "needs two matrices, they are " + shape_text(n.shape(0)) + " and " + shape_text(n.shape(1)),
        kCheckModel);
  const ValueId a = n.integer("transA", 0) ? net.transpose(n.in(0), {1, 0}) : n.in(0);
  const ValueId b = n.integer("transB", 0) ? net.transpose(n.in(1), {1, 0}) : n.in(1);
  // The factor goes where it can be folded.
  const bool scale_b = net.graph().value(b).is_constant();
  const ValueId y = product(n, scale_b ? a : times_constant(net, a, alpha),
                            scale_b ? times_constant(net, b, alpha) : b);
  if (!n.has(2)) {
    n.bind(0, y);
    return;
  }
  const Shape& result = net.graph().value(y).shape;
  if (broadcast_shapes(n.shape(2), result) != result) {
    n.fail("C " + shape_text(n.shape(2)) + " cannot be broadcast to " + shape_text(result),
           kCheckModel);
  }
  n.bind(0, net.binary(EltOp::kAdd, y, times_constant(net, n.in(2), beta)));
}

}  // namespace

const std::vector<OperatorEntry> kMatMulOperators = {
    {"MatMul", 1, kNewestOpset, translate_matmul},
    {"Gemm", 6, kNewestOpset, translate_gemm},
};

}  // namespace stint::builder
