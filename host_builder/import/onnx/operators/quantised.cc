// Quantised operators of the standard domain. They become real arithmetic between Dequantize and
// Quantize; passes/store_quantised.cc finds the integers again.
#include <cmath>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/import/onnx/operators/quantised_operands.h"
#include "host_builder/import/onnx/operators/window_attributes.h"

namespace stint::builder {
namespace {

/// The attributes that a pair of quantisers shares.
QuantOperands read_operands(NodeTranslation& n) {
  QuantOperands q = quant_operands(n, 1, 2);
  q.axis = n.integer("axis", 1);
  q.block = n.integer("block_size", 0);
  if (q.block < 0)
    n.fail("attribute 'block_size' is " + std::to_string(q.block) + ", needs 0 or more",
           kCheckModel);
  n.ignore("saturate");  // of floating-point results
  return q;
}

void translate_quantize(NodeTranslation& n) {
  const QuantOperands q = read_operands(n);
  DType dtype = n.has(2) ? n.dtype(2) : DType::kU8;
  if (const int64_t wanted = n.integer("output_dtype", 0); wanted != 0 && !n.has(2)) {
    const auto known = dtype_from_onnx(static_cast<int32_t>(wanted));
    if (!known)
      n.fail(
          "results of type " + onnx_type_name(static_cast<int32_t>(wanted)) + " are not supported",
          "export the model with 8-bit integers");
    dtype = *known;
  }
  if (const int64_t in = n.integer("precision", 0); in != 0 && in != onnx::TensorProto::FLOAT)
    n.fail("divides in " + onnx_type_name(static_cast<int32_t>(in)) + ", float32 is supported",
           "leave the attribute 'precision' out");
  require_integers(n, dtype);
  n.bind(0, quantised(n.network(), n.in(0), q, dtype));
}

void translate_dequantize(NodeTranslation& n) {
  const QuantOperands q = read_operands(n);
  const DType dtype = n.has_attribute("output_dtype")
                          ? dtype_from_onnx(static_cast<int32_t>(n.integer("output_dtype", 1)))
                                .value_or(DType::kF32)
                          : n.dtype(1);
  n.bind(0, n.network().cast(dequantised(n.network(), n.in(0), q), dtype));
}

/// y, scale and zero point of x's own range, 0 included.
void translate_dynamic_quantize(NodeTranslation& n) {
  const DynamicQuantisation q = quantised_by_own_range(n.network(), n.in(0));
  const ValueId results[] = {q.y, q.scale, q.zero_point};
  for (size_t i = 0; i < 3; ++i)
    if (n.wants(i)) n.bind(i, results[i]);
}

/// x, scale, zero point, w, scale, zero point, scale and zero point of y, bias as i32 of x's times
/// w's scale.
void translate_qlinear_conv(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const size_t spatial = spatial_rank(n.shape(0));
  const Window w = read_window(n, spatial, kernel_of_weights(n, spatial, 3));
  QuantOperands weights = quant_operands(n, 4, 5);
  weights.axis = 0;
  ValueId bias = kNoValue;
  if (n.has(8)) {
    const ValueId scale = net.binary(EltOp::kMul, net.reshape(n.in(1), {1}),
                                     net.reshape(n.in(4), {n.value(4).elements()}));
    bias = net.binary(EltOp::kMul, net.cast(n.in(8), DType::kF32), scale);
  }
  const ValueId y = net.conv(dequantised(net, n.in(0), quant_operands(n, 1, 2)),
                             dequantised(net, n.in(3), weights), bias, w, n.integer("group", 1));
  n.bind(0, quantised(net, y, quant_operands(n, 6, 7), n.dtype(7)));
}

void translate_qlinear_matmul(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  // Several scales are those of a's rows and b's columns.
  QuantOperands a = quant_operands(n, 1, 2), b = quant_operands(n, 4, 5);
  a.axis = -2;
  b.axis = -1;
  const ValueId y = net.add(Op::kMatMul, MatMulAttributes{},
                            {dequantised(net, n.in(0), a), dequantised(net, n.in(3), b)});
  QuantOperands result = quant_operands(n, 6, 7);
  result.axis = -2;
  n.bind(0, quantised(net, y, result, n.dtype(7)));
}

void translate_matmul_integer(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  if (n.rank(0) == 0 || n.rank(1) == 0) n.fail("multiplies a scalar", kCheckModel);
  const ValueId a = without_zero_point(n, 0, 2, -2), b = without_zero_point(n, 1, 3, -1);
  n.bind(0, exact_product(net, a, b, n.shape(0).back(), [&](ValueId x, ValueId w) {
           return net.add(Op::kMatMul, MatMulAttributes{}, {x, w});
         }));
}

void translate_conv_integer(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const size_t spatial = spatial_rank(n.shape(0));
  const Window window = read_window(n, spatial, kernel_of_weights(n, spatial));
  const int64_t groups = n.integer("group", 1);
  const ValueId x = without_zero_point(n, 0, 2, 1), w = without_zero_point(n, 1, 3, 0);
  const int64_t terms = n.value(1).elements() / std::max<int64_t>(n.shape(1)[0], 1);
  n.bind(0, exact_product(net, x, w, terms, [&](ValueId part, ValueId weights) {
           return net.conv(part, weights, kNoValue, window, groups);
         }));
}

}  // namespace

const std::vector<OperatorEntry> kQuantisedOperators = {
    {"QuantizeLinear", 10, kNewestOpset, translate_quantize},
    {"DequantizeLinear", 10, kNewestOpset, translate_dequantize},
    {"DynamicQuantizeLinear", 11, kNewestOpset, translate_dynamic_quantize},
    {"QLinearConv", 10, kNewestOpset, translate_qlinear_conv},
    {"QLinearMatMul", 10, kNewestOpset, translate_qlinear_matmul},
    {"ConvInteger", 10, kNewestOpset, translate_conv_integer},
    {"MatMulInteger", 10, kNewestOpset, translate_matmul_integer},
};

}  // namespace stint::builder
