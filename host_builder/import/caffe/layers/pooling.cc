// Pooling.
#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/network/window.h"

namespace stint::builder {
namespace {

std::vector<int64_t> extents(const LayerTranslation& n, const char* what, bool has, uint32_t value,
                             bool has_h, bool has_w, uint32_t h, uint32_t w) {
  if (!has_h && !has_w) return {value, value};
  if (has || has_h != has_w)
    n.fail(std::string("needs either ") + what + " or both of " + what + "_h and " + what + "_w");
  return {h, w};
}

Window window_of(const LayerTranslation& n) {
  const caffe::PoolingParameter& p = n.layer().pooling_param();
  const Shape& x = n.shape(0);
  Window w;
  const bool has_kernel = p.has_kernel_size() || p.has_kernel_h() || p.has_kernel_w();
  if (p.global_pooling()) {
    if (has_kernel) n.fail("pools globally and has a kernel", "leave one of the two out");
    w.kernel = {x[2], x[3]};
    return w;
  }
  if (!has_kernel) n.fail("has no kernel_size");
  const std::string kernel = p.has_kernel_size() ? "kernel_size" : "kernel";
  w.kernel = extents(n, kernel.c_str(), p.has_kernel_size(), p.kernel_size(), p.has_kernel_h(),
                     p.has_kernel_w(), p.kernel_h(), p.kernel_w());
  w.strides = extents(n, "stride", p.has_stride(), p.stride(), p.has_stride_h(), p.has_stride_w(),
                      p.stride_h(), p.stride_w());
  // Other than those above these have defaults, so that one of the two may stand alone.
  w.pads_begin = {p.pad_h(), p.pad_w()};
  if (p.has_pad() || (!p.has_pad_h() && !p.has_pad_w())) {
    if (p.has_pad_h() || p.has_pad_w()) n.fail("needs either pad or pad_h and pad_w");
    w.pads_begin = {p.pad(), p.pad()};
  }
  w.pads_end = w.pads_begin;
  for (size_t i = 0; i < 2; ++i) {
    if (w.pads_begin[i] >= w.kernel[i])
      n.fail("pads " + std::to_string(w.pads_begin[i]) + ", which is not less than its kernel of " +
             std::to_string(w.kernel[i]));
  }
  w.round_up = p.round_mode() == caffe::PoolingParameter::CEIL && p.ceil_mode();
  return w;
}

/// Caffe drops a last window that starts beyond the bottom only where there is padding: without it
/// such a window lies outside, and what it holds is undefined.
void refuse_outside_window(const LayerTranslation& n, const Window& w) {
  const Window full = resolved(w, n.shape(0));
  for (size_t i = 0; i < full.kernel.size(); ++i) {
    const int64_t room = n.shape(0)[2 + i] - full.kernel[i];
    const bool over =
        room > 0 &&
        (room + full.strides[i] - 1) / full.strides[i] * full.strides[i] >= n.shape(0)[2 + i];
    if (full.round_up && full.pads_begin == std::vector<int64_t>{0, 0} && over) {
      n.fail("has a last window that starts beyond the bottom " + shape_text(n.shape(0)),
             "set round_mode: FLOOR, or a stride of at most the kernel");
    }
  }
}

/// An average divides by the window that lies in the padded bottom, as it does with ONNX's
/// count_include_pad.
void translate_pooling(LayerTranslation& n) {
  const caffe::PoolingParameter& p = n.layer().pooling_param();
  n.require_bottoms(1, 1);
  n.require_tops(1, 2);
  if (n.rank(0) != 4) n.fail("needs a bottom with 4 axes, it is " + shape_text(n.shape(0)));
  if (p.pool() == caffe::PoolingParameter::STOCHASTIC)
    n.fail("stochastic pooling is for training", "replace it by pool: AVE");
  if (n.top_count() > 1)
    n.fail("gives the places of its maxima as a second top, which is not supported",
           "remove that top and the layers that read it");
  const bool is_max = p.pool() == caffe::PoolingParameter::MAX;
  const Window w = window_of(n);
  refuse_outside_window(n, w);
  n.bind(0, n.network().pool(is_max ? PoolKind::kMax : PoolKind::kAverage, n.in(0), w, !is_max));
}

}  // namespace

const std::vector<LayerEntry> kPoolingLayers = {{"Pooling", translate_pooling}};

}  // namespace stint::builder
