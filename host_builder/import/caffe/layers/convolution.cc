// Convolution and Deconvolution.
#include <utility>

#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/network/window.h"

namespace stint::builder {
namespace {

using Extents = std::vector<int64_t>;

/// One entry for each spatial axis: of a list, which has one for all or one for each, or of the two
/// fields _h and _w.
template <typename List>
Extents extents(const LayerTranslation& n, const char* what, const List& list, bool has_h,
                bool has_w, uint32_t h, uint32_t w, size_t spatial, int64_t fallback) {
  if (has_h || has_w) {
    if (spatial != 2 || !list.empty() || has_h != has_w) {
      const std::string each = std::string(what) == "kernel_size" ? "kernel" : what;
      n.fail("has " + each + "_h or " + each + "_w, which are for two spatial axes, both given " +
             "and no " + what + " beside them");
    }
    return {h, w};
  }
  if (list.empty() && fallback < 0) n.fail(std::string("has no ") + what);
  const auto count = static_cast<size_t>(list.size());
  if (count > 1 && count != spatial) {
    n.fail("lists " + std::to_string(count) + " values of " + what + ", the bottom has " +
           std::to_string(spatial) + " spatial axes");
  }
  if (count > 1) return {list.begin(), list.end()};
  return Extents(spatial, count == 0 ? fallback : list.Get(0));
}

Window window_of(const LayerTranslation& n, size_t spatial) {
  const caffe::ConvolutionParameter& p = n.layer().convolution_param();
  Window w;
  w.kernel = extents(n, "kernel_size", p.kernel_size(), p.has_kernel_h(), p.has_kernel_w(),
                     p.kernel_h(), p.kernel_w(), spatial, -1);
  w.strides = extents(n, "stride", p.stride(), p.has_stride_h(), p.has_stride_w(), p.stride_h(),
                      p.stride_w(), spatial, 1);
  w.pads_begin = w.pads_end =
      extents(n, "pad", p.pad(), p.has_pad_h(), p.has_pad_w(), p.pad_h(), p.pad_w(), spatial, 0);
  w.dilations = extents(n, "dilation", p.dilation(), false, false, 0, 0, spatial, 1);
  return w;
}

/// Bottoms share the weights; each has its top.
void translate_convolution(LayerTranslation& n) {
  const caffe::ConvolutionParameter& p = n.layer().convolution_param();
  const bool transposed = n.type() == "Deconvolution";
  n.require_bottoms(1, SIZE_MAX);
  n.require_tops(n.bottom_count(), n.bottom_count());
  const size_t spatial = spatial_rank(n.shape(0));
  if (n.axis(p.axis()) != 1)
    n.fail("convolves channels of axis " + std::to_string(p.axis()) + ", channels must be axis 1");
  Window w = resolved(window_of(n, spatial), n.shape(0));
  const int64_t channels = n.shape(0)[1], outputs = p.num_output();
  // Variants of Caffe with a layer for depthwise convolution leave the groups out.
  const bool depthwise = n.type() != "Convolution" && !transposed;
  const int64_t groups = depthwise && !p.has_group() ? channels : p.group();
  if (outputs < 1) n.fail("has no num_output");
  if (groups < 1 || channels % groups != 0 || outputs % groups != 0) {
    n.fail("cannot divide " + std::to_string(channels) + " channels and " +
           std::to_string(outputs) + " outputs into " + std::to_string(groups) + " groups");
  }
  Shape shape = transposed ? Shape{channels, outputs / groups} : Shape{outputs, channels / groups};
  shape.insert(shape.end(), w.kernel.begin(), w.kernel.end());
  Shape read = w.kernel;
  read.push_back(channels / groups);
  n.expect_blobs(p.bias_term() ? 2 : 1);
  const ValueId weights = n.blob(0, shape, {checked_elements(read).value_or(1)});
  const ValueId bias = p.bias_term() ? n.blob(1, {outputs}, {}) : kNoValue;
  for (size_t i = 0; i < n.bottom_count(); ++i) {
    n.bind(i, transposed ? n.network().conv_transpose(n.in(i), weights, bias, w, groups)
                         : n.network().conv(n.in(i), weights, bias, w, groups));
  }
}

}  // namespace

const std::vector<LayerEntry> kConvolutionLayers = {
    {"Convolution", translate_convolution},
    {"Deconvolution", translate_convolution},
    {"ConvolutionDepthwise", translate_convolution},
    {"DepthwiseConvolution", translate_convolution},
};

}  // namespace stint::builder
