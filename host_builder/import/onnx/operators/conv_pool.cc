// Conv, ConvTranspose and the pools.
#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/import/onnx/operators/window_attributes.h"
#include "host_builder/network/window.h"

namespace stint::builder {
namespace {

ValueId bias_of(const NodeTranslation& n) { return n.has(2) ? n.in(2) : kNoValue; }

void translate_conv(NodeTranslation& n) {
  const size_t spatial = spatial_rank(n.shape(0));
  const Window w = read_window(n, spatial, kernel_of_weights(n, spatial));
  n.bind(0, n.network().conv(n.in(0), n.in(1), bias_of(n), w, n.integer("group", 1)));
}

void translate_conv_transpose(NodeTranslation& n) {
  const size_t spatial = spatial_rank(n.shape(0));
  const Window w = read_window(n, spatial, kernel_of_weights(n, spatial));
  Extents output_padding = n.integers("output_padding", Extents(spatial, 0));
  check_extents(n, output_padding, spatial, 0, "output_padding");
  const Extents output_shape = n.integers("output_shape");
  if (!output_shape.empty()) check_extents(n, output_shape, spatial, 1, "output_shape");
  n.bind(0, n.network().conv_transpose(n.in(0), n.in(1), bias_of(n), w, n.integer("group", 1),
                                       std::move(output_padding), output_shape));
}

void translate_pool(NodeTranslation& n) {
  const bool is_max = n.op() == "MaxPool";
  const size_t spatial = spatial_rank(n.shape(0));
  if (!n.has_attribute("kernel_shape")) n.fail("attribute 'kernel_shape' is missing", kCheckModel);
  const Window w = resolved(read_window(n, spatial, {}), n.shape(0));
  PoolAttributes a = pool_attributes(is_max ? PoolKind::kMax : PoolKind::kAverage, w);
  if (is_max)
    a.column_major_indices = n.integer("storage_order", 0) != 0;
  else
    a.count_include_pad = n.integer("count_include_pad", 0) != 0;
  std::vector<TensorType> declared;
  if (n.integer("ceil_mode", 0) != 0) declared.push_back({n.dtype(0), rounded_up(w, n.shape(0))});
  const DType dtype = n.dtype(0);
  // Pooling computes in floats; 8-bit integers pass through them exactly.
  const bool small_integer = dtype == DType::kI8 || dtype == DType::kU8;
  const ValueId x = small_integer ? n.network().cast(n.in(0), DType::kF32) : n.in(0);
  const auto results = n.network().add_all(Op::kPool, std::move(a), {x},
                                           {true, is_max && n.wants(1)}, std::move(declared));
  n.bind(0, n.network().cast(results[0], dtype));
  if (is_max && n.wants(1)) n.bind(1, results[1]);
}

void translate_global_pool(NodeTranslation& n) {
  const bool is_max = n.op() == "GlobalMaxPool";
  const size_t rank = n.rank(0);
  if (rank < 3)
    n.fail("needs an input with spatial axes, it is " + shape_text(n.shape(0)), kCheckModel);
  if (rank > 5) {
    ReduceAttributes a{is_max ? ReduceOp::kMax : ReduceOp::kMean, {}, true};
    for (size_t i = 2; i < rank; ++i) a.axes.push_back(static_cast<int64_t>(i));
    n.bind(0, n.network().add(Op::kReduce, std::move(a), {n.in(0)}));
    return;
  }
  Window w;
  w.kernel.assign(n.shape(0).begin() + 2, n.shape(0).end());
  w.strides = w.dilations = Extents(rank - 2, 1);
  w.pads_begin = w.pads_end = Extents(rank - 2, 0);
  n.bind(0, n.network().add(Op::kPool,
                            pool_attributes(is_max ? PoolKind::kMax : PoolKind::kAverage, w),
                            {n.in(0)}));
}

}  // namespace

const std::vector<OperatorEntry> kConvPoolOperators = {
    {"Conv", 1, kNewestOpset, translate_conv},
    {"ConvTranspose", 1, kNewestOpset, translate_conv_transpose},
    {"MaxPool", 1, kNewestOpset, translate_pool},
    {"AveragePool", 1, kNewestOpset, translate_pool},
    {"GlobalAveragePool", 1, kNewestOpset, translate_global_pool},
    {"GlobalMaxPool", 1, kNewestOpset, translate_global_pool},
};

}  // namespace stint::builder
