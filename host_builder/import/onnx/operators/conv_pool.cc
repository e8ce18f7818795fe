// Conv, ConvTranspose and the pools.
#include <algorithm>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

using Extents = std::vector<int64_t>;

// Bounds of what a file may ask of a window, so that sums and products of a few of them cannot
// overflow.
constexpr int64_t kMaxExtent = int64_t{1} << 30;

struct WindowAttributes {
  Extents kernel, strides, dilations, pads_begin, pads_end;
  std::string auto_pad;
};

void check_extents(const NodeTranslation& n, const Extents& values, size_t count, int64_t least,
                   const char* what) {
  if (values.size() != count) {
    n.fail(std::string("attribute '") + what + "' has " + std::to_string(values.size()) +
               " entries, needs " + std::to_string(count),
           kCheckModel);
  }
  for (int64_t v : values) {
    if (v < least || v > kMaxExtent)
      n.fail(std::string("attribute '") + what + "' holds " + std::to_string(v) +
                 ", which is out of range",
             kCheckModel);
  }
}

/// Every extent of the input is within bounds afterwards.
size_t spatial_rank(const NodeTranslation& n) {
  if (n.rank(0) < 3 || n.rank(0) > 5) {
    n.fail("needs an input with 1 to 3 spatial axes, it is " + shape_text(n.shape(0)),
           "reshape the input to three spatial axes at most");
  }
  for (const int64_t extent : n.shape(0)) {
    if (extent < 0 || extent > kMaxExtent)
      n.fail("input " + shape_text(n.shape(0)) + " has an extent out of range",
             "reduce its extents");
  }
  return n.rank(0) - 2;
}

/// Reads kernel_shape, strides, dilations, pads and auto_pad. Pads are explicit afterwards unless
/// auto_pad is SAME_*.
WindowAttributes read_window(NodeTranslation& n, size_t spatial, const Extents& default_kernel) {
  WindowAttributes w;
  w.kernel = n.integers("kernel_shape", default_kernel);
  w.strides = n.integers("strides", Extents(spatial, 1));
  w.dilations = n.integers("dilations", Extents(spatial, 1));
  w.auto_pad = n.text("auto_pad", "NOTSET");
  Extents pads = n.integers("pads", Extents(2 * spatial, 0));
  check_extents(n, w.kernel, spatial, 1, "kernel_shape");
  check_extents(n, w.strides, spatial, 1, "strides");
  check_extents(n, w.dilations, spatial, 1, "dilations");
  check_extents(n, pads, 2 * spatial, 0, "pads");
  if (w.auto_pad != "NOTSET" && w.auto_pad != "VALID" && w.auto_pad != "SAME_UPPER" &&
      w.auto_pad != "SAME_LOWER") {
    n.fail("attribute 'auto_pad' is '" + w.auto_pad +
               "', needs NOTSET, VALID, SAME_UPPER or SAME_LOWER",
           kCheckModel);
  }
  if (w.auto_pad != "NOTSET") pads.assign(2 * spatial, 0);
  w.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(spatial));
  w.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(spatial), pads.end());
  return w;
}

bool same_padding(const WindowAttributes& w) {
  return w.auto_pad == "SAME_UPPER" || w.auto_pad == "SAME_LOWER";
}

int64_t window_extent(const WindowAttributes& w, size_t i) {
  return (w.kernel[i] - 1) * w.dilations[i] + 1;
}

void split_padding(int64_t total, bool more_at_end, int64_t& begin, int64_t& end) {
  begin = more_at_end ? total / 2 : total - total / 2;
  end = total - begin;
}

/// SAME_*: as many outputs as ceil(extent / stride).
void resolve_same_padding(const NodeTranslation& n, WindowAttributes& w) {
  if (!same_padding(w)) return;
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    const int64_t extent = n.shape(0)[2 + i];
    const int64_t outputs = (extent + w.strides[i] - 1) / w.strides[i];
    const int64_t total =
        std::max<int64_t>((outputs - 1) * w.strides[i] + window_extent(w, i) - extent, 0);
    split_padding(total, w.auto_pad == "SAME_UPPER", w.pads_begin[i], w.pads_end[i]);
  }
}

Extents kernel_of_weights(const NodeTranslation& n, size_t spatial) {
  if (n.rank(1) != spatial + 2) {
    n.fail("weights " + shape_text(n.shape(1)) + " do not have the input's rank " +
               std::to_string(spatial + 2),
           kCheckModel);
  }
  return {n.shape(1).begin() + 2, n.shape(1).end()};
}

std::vector<ValueId> conv_operands(const NodeTranslation& n) {
  std::vector<ValueId> operands{n.in(0), n.in(1)};
  if (n.has(2)) operands.push_back(n.in(2));
  return operands;
}

void translate_conv(NodeTranslation& n) {
  const size_t spatial = spatial_rank(n);
  WindowAttributes w = read_window(n, spatial, kernel_of_weights(n, spatial));
  resolve_same_padding(n, w);
  ConvAttributes a{
      w.kernel, w.strides, w.dilations, w.pads_begin, w.pads_end, n.integer("group", 1), {}};
  n.bind(0, n.emitter().emit(Op::kConv, std::move(a), conv_operands(n)));
}

void translate_conv_transpose(NodeTranslation& n) {
  const size_t spatial = spatial_rank(n);
  WindowAttributes w = read_window(n, spatial, kernel_of_weights(n, spatial));
  Extents output_padding = n.integers("output_padding", Extents(spatial, 0));
  check_extents(n, output_padding, spatial, 0, "output_padding");
  const Extents output_shape = n.integers("output_shape");
  if (!output_shape.empty()) check_extents(n, output_shape, spatial, 1, "output_shape");
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t extent = n.shape(0)[2 + i];
    if (output_shape.empty() && !same_padding(w)) continue;
    const int64_t wanted = output_shape.empty() ? extent * w.strides[i] : output_shape[i];
    const int64_t total =
        (extent - 1) * w.strides[i] + output_padding[i] + window_extent(w, i) - wanted;
    if (total < 0) output_padding[i] -= total;  // larger than the product itself: zeros at the end
    split_padding(std::max<int64_t>(total, 0), w.auto_pad == "SAME_UPPER", w.pads_begin[i],
                  w.pads_end[i]);
  }
  ConvTransposeAttributes a{w.kernel,   w.strides,      w.dilations,           w.pads_begin,
                            w.pads_end, output_padding, n.integer("group", 1), {}};
  n.bind(0, n.emitter().emit(Op::kConvTranspose, std::move(a), conv_operands(n)));
}

/// Extents of the result with ceil_mode: the last window may hang over the end, but must not start
/// beyond it.
Shape rounded_up_shape(const NodeTranslation& n, const WindowAttributes& w) {
  Shape result = n.shape(0);
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    const int64_t padded = n.shape(0)[2 + i] + w.pads_begin[i] + w.pads_end[i];
    const int64_t room = std::max<int64_t>(padded - window_extent(w, i), 0);
    int64_t count = (room + w.strides[i] - 1) / w.strides[i] + 1;
    if ((count - 1) * w.strides[i] >= n.shape(0)[2 + i] + w.pads_begin[i]) --count;
    result[2 + i] = count;
  }
  return result;
}

PoolAttributes pool_attributes(PoolKind kind, const WindowAttributes& w) {
  PoolAttributes a;
  a.kind = kind;
  a.kernel = w.kernel;
  a.strides = w.strides;
  a.dilations = w.dilations;
  a.pads_begin = w.pads_begin;
  a.pads_end = w.pads_end;
  return a;
}

void translate_pool(NodeTranslation& n) {
  const bool is_max = n.op() == "MaxPool";
  const size_t spatial = spatial_rank(n);
  if (!n.has_attribute("kernel_shape")) n.fail("attribute 'kernel_shape' is missing", kCheckModel);
  WindowAttributes w = read_window(n, spatial, {});
  resolve_same_padding(n, w);
  PoolAttributes a = pool_attributes(is_max ? PoolKind::kMax : PoolKind::kAverage, w);
  if (is_max)
    a.column_major_indices = n.integer("storage_order", 0) != 0;
  else
    a.count_include_pad = n.integer("count_include_pad", 0) != 0;
  std::vector<TensorType> declared;
  if (n.integer("ceil_mode", 0) != 0) declared.push_back({n.dtype(0), rounded_up_shape(n, w)});
  const DType dtype = n.dtype(0);
  // Pooling computes in floats; 8-bit integers pass through them exactly.
  const bool small_integer = dtype == DType::kI8 || dtype == DType::kU8;
  const ValueId x = small_integer ? n.emitter().cast(n.in(0), DType::kF32) : n.in(0);
  const auto results = n.emitter().emit_all(Op::kPool, std::move(a), {x},
                                            {true, is_max && n.wants(1)}, std::move(declared));
  n.bind(0, n.emitter().cast(results[0], dtype));
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
    n.bind(0, n.emitter().emit(Op::kReduce, std::move(a), {n.in(0)}));
    return;
  }
  WindowAttributes w;
  w.kernel.assign(n.shape(0).begin() + 2, n.shape(0).end());
  w.strides = w.dilations = Extents(rank - 2, 1);
  w.pads_begin = w.pads_end = Extents(rank - 2, 0);
  n.bind(0, n.emitter().emit(Op::kPool,
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
