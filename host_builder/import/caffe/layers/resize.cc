// Upsample and Interp.
#include "host_builder/import/caffe/layers/layer_table.h"

namespace stint::builder {
namespace {

void resize(LayerTranslation& n, ResizeAttributes a, int64_t height, int64_t width) {
  const Shape x = n.shape(0);
  if (height < 1 || width < 1 || height > kMaxWindowExtent || width > kMaxWindowExtent ||
      x[2] < 1 || x[3] < 1)
    n.fail("cannot resize " + shape_text(x) + " to " + std::to_string(height) + " by " +
           std::to_string(width));
  const Shape result{x[0], x[1], height, width};
  if (result == x) {
    n.bind(0, n.in(0));
    return;
  }
  for (size_t i = 0; i < 4; ++i)
    a.scales.push_back(
        static_cast<float>(static_cast<double>(result[i]) / static_cast<double>(x[i])));
  n.bind(0, n.network().add(Op::kResize, std::move(a), {n.in(0)}, {{DType::kF32, result}}));
}

void require_picture(LayerTranslation& n) {
  n.require_tops(1, 1);
  if (n.bottom_count() < 1 || n.rank(0) != 4) n.fail("needs a bottom with 4 axes");
}

/// Every pixel becomes a block. With a second bottom of places it is the inverse of a pooling.
void translate_upsample(LayerTranslation& n) {
  require_picture(n);
  const caffe::UpsampleParameter& p = n.layer().upsample_param();
  if (n.bottom_count() > 1 || p.has_upsample_h() || p.has_upsample_w() || p.pad_out_h() ||
      p.pad_out_w()) {
    n.fail("puts values back to the places of a pooling's maxima, which is not supported",
           "use a variant of the net that enlarges with Deconvolution");
  }
  ResizeAttributes a;
  a.mode = ResizeMode::kNearest;
  a.coordinate = CoordinateMode::kAsymmetric;
  a.nearest = NearestMode::kFloor;
  const int64_t h = p.has_scale_h() ? p.scale_h() : p.scale();
  const int64_t w = p.has_scale_w() ? p.scale_w() : p.scale();
  if (h < 1 || w < 1 || n.shape(0)[2] > kMaxWindowExtent || n.shape(0)[3] > kMaxWindowExtent)
    n.fail("has a scale below 1");
  resize(n, std::move(a), n.shape(0)[2] * h, n.shape(0)[3] * w);
}

/// Linear interpolation with the corners in place.
void translate_interp(LayerTranslation& n) {
  n.require_bottoms(1, 2);
  require_picture(n);
  const caffe::InterpParameter& p = n.layer().interp_param();
  if (p.pad_beg() > 0 || p.pad_end() > 0) n.fail("has pads above 0, only 0 and below are meant");
  ResizeAttributes a;
  a.mode = ResizeMode::kLinear;
  a.coordinate = CoordinateMode::kAlignCorners;
  if (p.pad_beg() != 0 || p.pad_end() != 0)
    n.fail("crops its bottom (pad_beg, pad_end), which is not supported",
           "replace that by a Crop layer before it");
  if (p.zoom_factor() < 1 || p.shrink_factor() < 1)
    n.fail("has a zoom_factor or shrink_factor below 1");
  const auto extent = [&](size_t axis, int32_t wanted) -> int64_t {
    if (n.bottom_count() == 2) return n.rank(1) == 4 ? n.shape(1)[axis] : 0;
    if (wanted > 0) return wanted;
    const int64_t shrunk = (n.shape(0)[axis] - 1) / p.shrink_factor() + 1;
    return shrunk + (shrunk - 1) * (p.zoom_factor() - 1);
  };
  resize(n, std::move(a), extent(2, p.height()), extent(3, p.width()));
}

}  // namespace

const std::vector<LayerEntry> kResizeLayers = {
    {"Upsample", translate_upsample},
    {"Interp", translate_interp},
};

}  // namespace stint::builder
