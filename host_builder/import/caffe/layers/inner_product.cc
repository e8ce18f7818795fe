// InnerProduct.
#include <functional>
#include <numeric>

#include "host_builder/import/caffe/layers/layer_table.h"

namespace stint::builder {
namespace {

/// Rows of `columns` become columns: a product wants [in, out].
std::vector<float> transposed(const std::vector<float>& x, size_t columns) {
  const size_t rows = x.size() / columns;
  std::vector<float> y(x.size());
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) y[c * rows + r] = x[r * columns + c];
  return y;
}

/// The axes from `axis` on are one vector.
void translate_inner_product(LayerTranslation& n) {
  NetworkBuilder& net = n.network();
  const caffe::InnerProductParameter& p = n.layer().inner_product_param();
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
  const auto axis = static_cast<std::ptrdiff_t>(n.axis(p.axis()));
  const Shape x = n.shape(0);
  const int64_t outputs = p.num_output();
  const int64_t inputs =
      std::accumulate(x.begin() + axis, x.end(), int64_t{1}, std::multiplies<>());
  if (outputs < 1 || inputs < 1)
    n.fail("needs a num_output and a bottom with elements, they are " + std::to_string(outputs) +
           " and " + shape_text(x));
  n.expect_blobs(p.bias_term() ? 2 : 1);
  std::vector<float> weights =
      n.numbers(0, p.transpose() ? Shape{inputs, outputs} : Shape{outputs, inputs}, {inputs});
  if (!p.transpose()) weights = transposed(weights, static_cast<size_t>(inputs));
  const ValueId w = net.constant(DType::kF32, {inputs, outputs}, weights);
  Shape rows(x.begin(), x.begin() + axis);
  if (rows.empty()) rows = {1};
  Shape flat = rows;
  flat.push_back(inputs);
  ValueId y = net.add(Op::kMatMul, MatMulAttributes{}, {net.reshape(n.in(0), flat), w});
  if (p.bias_term()) y = net.binary(EltOp::kAdd, y, n.blob(1, {outputs}, {}));
  n.bind(0, axis == 0 ? net.reshape(y, {outputs}) : y);
}

}  // namespace

const std::vector<LayerEntry> kInnerProductLayers = {{"InnerProduct", translate_inner_product}};

}  // namespace stint::builder
