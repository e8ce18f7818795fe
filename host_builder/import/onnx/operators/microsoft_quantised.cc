// Quantised operators of the domain com.microsoft, as onnxruntime's quantiser writes them: real
// arithmetic between Dequantize and Quantize.
#include <functional>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/import/onnx/operators/quantised_operands.h"
#include "host_builder/import/onnx/operators/window_attributes.h"

namespace stint::builder {
namespace {

/// The operands (integers, scale, zero point) from `i` on, as real numbers.
ValueId real(NodeTranslation& n, size_t i) {
  return dequantised(n.network(), n.in(i), quant_operands(n, i + 1, i + 2));
}

/// The result, quantised as operands `scale` and the one behind it say.
void bind_quantised(NodeTranslation& n, ValueId y, size_t scale) {
  const DType dtype = n.has(scale + 1) ? n.dtype(scale + 1) : n.dtype(0);
  n.bind(0, quantised(n.network(), y, quant_operands(n, scale, scale + 1), dtype));
}

void translate_binary(NodeTranslation& n) {
  const EltOp op = n.op() == "QLinearAdd" ? EltOp::kAdd : EltOp::kMul;
  bind_quantised(n, n.network().binary(op, real(n, 0), real(n, 3)), 6);
}

void translate_sigmoid(NodeTranslation& n) {
  bind_quantised(n, n.network().unary(EltOp::kSigmoid, real(n, 0)), 3);
}

void translate_leaky_relu(NodeTranslation& n) {
  const float alpha = n.number("alpha", 0.01f);
  bind_quantised(n, n.network().unary(EltOp::kLeakyRelu, real(n, 0), alpha), 3);
}

void translate_softmax(NodeTranslation& n) {
  if (n.integer("opset", 13) < 13)
    n.fail("computes Softmax as before opset 13", "export the model with opset 13 or later");
  const SoftmaxAttributes a{normalize_axis(n.integer("axis", -1), n.rank(0), "axis"), false};
  bind_quantised(n, n.network().add(Op::kSoftmax, a, {real(n, 0)}), 3);
}

/// Pools in the order of axes that the operator's images have.
void bind_pooled(NodeTranslation& n, const std::function<ValueId(ValueId)>& pooled) {
  NetworkBuilder& net = n.network();
  if (n.integer("channels_last", 0) == 0) return bind_quantised(n, pooled(real(n, 0)), 3);
  const auto rank = static_cast<int64_t>(n.rank(0));
  std::vector<int64_t> to_front{0, rank - 1}, to_back{0};
  for (int64_t i = 1; i < rank - 1; ++i) to_front.push_back(i);
  for (int64_t i = 2; i < rank; ++i) to_back.push_back(i);
  to_back.push_back(1);
  bind_quantised(n, net.transpose(pooled(net.transpose(real(n, 0), to_front)), to_back), 3);
}

void translate_global_average_pool(NodeTranslation& n) {
  if (n.rank(0) < 3)
    n.fail("needs an input with spatial axes, it is " + shape_text(n.shape(0)), kCheckModel);
  bind_pooled(n, [&](ValueId x) {
    NetworkBuilder& net = n.network();
    ReduceAttributes a{ReduceOp::kMean, {}, true};
    const auto rank = static_cast<int64_t>(net.graph().value(x).shape.size());
    for (int64_t axis = 2; axis < rank; ++axis) a.axes.push_back(axis);
    return net.add(Op::kReduce, std::move(a), {x});
  });
}

void translate_average_pool(NodeTranslation& n) {
  const size_t spatial = spatial_rank(n.shape(0));
  const Window w = read_window(n, spatial, {});
  const bool count_padding = n.integer("count_include_pad", 0) != 0;
  if (n.integer("ceil_mode", 0) != 0)
    n.fail("attribute 'ceil_mode' is 1, needs 0", "export the model without ceil_mode");
  bind_pooled(n,
              [&](ValueId x) { return n.network().pool(PoolKind::kAverage, x, w, count_padding); });
}

/// Scale and zero point of the result, then operands by threes.
void translate_concat(NodeTranslation& n) {
  std::vector<ValueId> parts;
  for (size_t i = 2; i + 2 < n.input_count(); i += 3) parts.push_back(real(n, i));
  if (parts.empty()) n.fail("has no operands to join", kCheckModel);
  const AxisAttributes a{normalize_axis(n.required_integer("axis"), n.rank(2), "axis")};
  const ValueId y = n.network().add(Op::kConcat, a, std::move(parts));
  n.bind(0, quantised(n.network(), y, quant_operands(n, 0, 1), n.dtype(1)));
}

/// alpha * A' * B' + C, C as i32 of the operands' scales.
void translate_gemm(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const bool trans_b = n.integer("transB", 0) != 0;
  QuantOperands of_b = quant_operands(n, 4, 5);
  of_b.axis = trans_b ? 0 : 1;
  ValueId a = real(n, 0), b = dequantised(net, n.in(3), of_b);
  if (n.integer("transA", 0) != 0) a = net.transpose(a, {1, 0});
  if (trans_b) b = net.transpose(b, {1, 0});
  ValueId y = net.add(Op::kMatMul, MatMulAttributes{}, {a, b});
  if (n.has(6)) {
    const ValueId scale = net.binary(EltOp::kMul, net.reshape(n.in(1), {1}),
                                     net.reshape(n.in(4), {n.value(4).elements()}));
    y = net.binary(EltOp::kAdd, y, net.binary(EltOp::kMul, net.cast(n.in(6), DType::kF32), scale));
  }
  if (const float alpha = n.number("alpha", 1.0f); alpha != 1.0f)
    y = net.binary(EltOp::kMul, y, net.scalar(DType::kF32, alpha));
  if (n.has(7))
    bind_quantised(n, y, 7);
  else
    n.bind(0, y);
}

ValueId plus_bias(NodeTranslation& n, ValueId y, size_t bias) {
  return n.has(bias) ? n.network().binary(EltOp::kAdd, y, n.in(bias)) : y;
}

/// A in f32, quantised by its own range; B, its scale and zero point; bias.
void translate_dynamic_matmul(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const DynamicQuantisation a = quantised_by_own_range(net, n.in(0));
  QuantOperands of_b = quant_operands(n, 2, 3);
  of_b.axis = -1;
  const ValueId y = net.add(
      Op::kMatMul, MatMulAttributes{},
      {dequantised(net, a.y, {a.scale, a.zero_point, 0, 0}), dequantised(net, n.in(1), of_b)});
  n.bind(0, plus_bias(n, y, 4));
}

/// A, B, their scales, their zero points, bias.
void translate_matmul_to_float(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  QuantOperands of_a = quant_operands(n, 2, 4), of_b = quant_operands(n, 3, 5);
  of_a.axis = -2;
  of_b.axis = -1;
  const ValueId y = net.add(Op::kMatMul, MatMulAttributes{},
                            {dequantised(net, n.in(0), of_a), dequantised(net, n.in(1), of_b)});
  n.bind(0, plus_bias(n, y, 6));
}

/// `bits` of each byte, the lowest first, `count` of them in each of `rows` rows of `row_bytes`.
HostTensor unpacked(const std::vector<std::byte>& packed, int64_t rows, int64_t count,
                    int64_t row_bytes, int64_t bits) {
  std::vector<uint8_t> result(static_cast<size_t>(rows * count));
  const int64_t per_byte = 8 / bits;
  const auto mask = static_cast<uint8_t>((1 << bits) - 1);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < count; ++i) {
      const auto byte =
          std::to_integer<uint8_t>(packed[static_cast<size_t>(r * row_bytes + i / per_byte)]);
      result[static_cast<size_t>(r * count + i)] =
          static_cast<uint8_t>(byte >> (i % per_byte * bits)) & mask;
    }
  }
  return HostTensor::of(DType::kU8, {rows, count}, result);
}

/// y = A * B', where B [N, K] is packed in blocks of K with a scale and a zero point each.
void translate_matmul_nbits(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const int64_t k = n.required_integer("K"), columns = n.required_integer("N");
  const int64_t bits = n.integer("bits", 4), block = n.required_integer("block_size");
  n.ignore("accuracy_level");
  n.ignore("weight_prepacked");
  if ((bits != 2 && bits != 4 && bits != 8) || k < 1 || columns < 1 || block < 1)
    n.fail("has " + std::to_string(bits) + "-bit weights of " + std::to_string(columns) + " x " +
               std::to_string(k) + " in blocks of " + std::to_string(block),
           kCheckModel);
  if (n.has(4)) n.fail("reorders its weights (g_idx)", "export the model without act_order");
  const int64_t blocks = (k + block - 1) / block, row_bytes = blocks * (block * bits / 8);
  if (!n.value(1).is_constant() || n.dtype(1) != DType::kU8 ||
      n.value(1).elements() != columns * row_bytes || n.value(2).elements() != columns * blocks)
    n.fail("weights " + shape_text(n.shape(1)) + " and scales " + shape_text(n.shape(2)) +
               " are not those of " + std::to_string(columns) + " x " + std::to_string(k) +
               " in blocks of " + std::to_string(block),
           kCheckModel);
  QuantOperands q;
  q.scale = net.reshape(net.cast(n.in(2), DType::kF32), {columns, blocks});
  q.axis = 1;
  q.block = block;
  if (n.has(3) && n.dtype(3) == DType::kU8) {
    const int64_t zero_bytes = (blocks * bits + 7) / 8;
    if (!n.value(3).is_constant() || n.value(3).elements() != columns * zero_bytes)
      n.fail("zero points " + shape_text(n.shape(3)) + " do not belong to its blocks", kCheckModel);
    q.zero_point = net.constant(unpacked(*n.value(3).constant, columns, blocks, zero_bytes, bits));
  } else if (n.has(3)) {
    q.zero_point = net.reshape(n.in(3), {columns, blocks});
  } else {
    q.zero_point = net.constant(DType::kU8, {columns, blocks},
                                std::vector<uint8_t>(static_cast<size_t>(columns * blocks),
                                                     static_cast<uint8_t>(1 << (bits - 1))));
  }
  const ValueId b = net.constant(unpacked(*n.value(1).constant, columns, k, row_bytes, bits));
  const ValueId weights = net.transpose(dequantised(net, b, q), {1, 0});
  const ValueId y =
      net.add(Op::kMatMul, MatMulAttributes{}, {net.cast(n.in(0), DType::kF32), weights});
  n.bind(0, net.cast(plus_bias(n, y, 5), n.dtype(0)));
}

}  // namespace

const std::vector<OperatorEntry> kMicrosoftQuantisedOperators = {
    {"QLinearAdd", 1, 1, translate_binary},
    {"QLinearMul", 1, 1, translate_binary},
    {"QLinearSigmoid", 1, 1, translate_sigmoid},
    {"QLinearLeakyRelu", 1, 1, translate_leaky_relu},
    {"QLinearSoftmax", 1, 1, translate_softmax},
    {"QLinearGlobalAveragePool", 1, 1, translate_global_average_pool},
    {"QLinearAveragePool", 1, 1, translate_average_pool},
    {"QLinearConcat", 1, 1, translate_concat},
    {"QGemm", 1, 1, translate_gemm},
    {"DynamicQuantizeMatMul", 1, 1, translate_dynamic_matmul},
    {"MatMulIntegerToFloat", 1, 1, translate_matmul_to_float},
    {"MatMulNBits", 1, 1, translate_matmul_nbits},
};

}  // namespace stint::builder
