// Parts of blobs and blobs of parts: Concat, Slice, Split, Crop.
#include "host_builder/import/caffe/layers/layer_table.h"

namespace stint::builder {
namespace {

/// Before axes could be counted from the end they had a field of their own.
template <typename Parameter>
size_t axis_of(const LayerTranslation& n, const Parameter& p, bool has_old, uint32_t old,
               const char* name_of_old) {
  if (has_old && p.has_axis())
    n.fail(std::string("has both axis and ") + name_of_old, "leave one of the two out");
  return n.axis(has_old ? static_cast<int64_t>(old) : p.axis());
}

void translate_concat(LayerTranslation& n) {
  const caffe::ConcatParameter& p = n.layer().concat_param();
  n.require_bottoms(1, SIZE_MAX);
  n.require_tops(1, 1);
  const size_t axis = axis_of(n, p, p.has_concat_dim(), p.concat_dim(), "concat_dim");
  if (n.bottom_count() == 1) {
    n.bind(0, n.in(0));
    return;
  }
  n.bind(0,
         n.network().add(Op::kConcat, AxisAttributes{static_cast<int64_t>(axis)}, n.all_bottoms()));
}

/// Where the parts begin, and the end of the last.
std::vector<int64_t> cuts_of(const LayerTranslation& n, int64_t extent) {
  const caffe::SliceParameter& p = n.layer().slice_param();
  const auto parts = static_cast<int64_t>(n.top_count());
  std::vector<int64_t> cuts{0};
  if (p.slice_point_size() > 0) {
    if (p.slice_point_size() + 1 != parts)
      n.fail("has " + std::to_string(p.slice_point_size()) + " slice points for " +
             std::to_string(parts) + " tops, needs one less than tops");
    cuts.insert(cuts.end(), p.slice_point().begin(), p.slice_point().end());
  } else {
    if (extent % parts != 0)
      n.fail("cannot divide an extent of " + std::to_string(extent) + " into " +
             std::to_string(parts) + " equal parts");
    for (int64_t i = 1; i < parts; ++i) cuts.push_back(i * (extent / parts));
  }
  cuts.push_back(extent);
  for (size_t i = 1; i < cuts.size(); ++i) {
    if (cuts[i] <= cuts[i - 1])
      n.fail("slices an extent of " + std::to_string(extent) + " at " +
             std::to_string(cuts[i - 1]) + " and " + std::to_string(cuts[i]) +
             ", which leaves nothing between");
  }
  return cuts;
}

void translate_slice(LayerTranslation& n) {
  const caffe::SliceParameter& p = n.layer().slice_param();
  n.require_bottoms(1, 1);
  n.require_tops(1, SIZE_MAX);
  const size_t axis = axis_of(n, p, p.has_slice_dim(), p.slice_dim(), "slice_dim");
  const std::vector<int64_t> cuts = cuts_of(n, n.shape(0)[axis]);
  Shape starts(n.rank(0), 0), part = n.shape(0);
  for (size_t i = 0; i < n.top_count(); ++i) {
    starts[axis] = cuts[i];
    part[axis] = cuts[i + 1] - cuts[i];
    n.bind(i, n.network().slice(n.in(0), starts, part));
  }
}

void translate_split(LayerTranslation& n) {
  n.require_bottoms(1, 1);
  n.require_tops(1, SIZE_MAX);
  for (size_t i = 0; i < n.top_count(); ++i) n.bind(i, n.in(0));
}

/// Bottom 0 with the extents of bottom 1 from an axis on.
void translate_crop(LayerTranslation& n) {
  const caffe::CropParameter& p = n.layer().crop_param();
  n.require_bottoms(2, 2);
  n.require_tops(1, 1);
  const size_t axis = n.axis(p.axis()), rank = n.rank(0);
  const auto offsets = static_cast<size_t>(p.offset_size());
  if (n.rank(1) != rank || (offsets > 1 && offsets != rank - axis)) {
    n.fail("crops " + shape_text(n.shape(0)) + " to " + shape_text(n.shape(1)) + " with " +
           std::to_string(offsets) + " offsets, needs as many axes and one offset or one for each");
  }
  Shape starts(rank, 0), extents = n.shape(0);
  for (size_t i = axis; i < rank; ++i) {
    if (offsets > 0) starts[i] = p.offset(offsets == 1 ? 0 : static_cast<int>(i - axis));
    extents[i] = n.shape(1)[i];
    if (starts[i] + extents[i] > n.shape(0)[i])
      n.fail("crops axis " + std::to_string(i) + " of " + shape_text(n.shape(0)) + " to " +
             std::to_string(extents[i]) + " from " + std::to_string(starts[i]) +
             " on, which is more than there is");
  }
  n.bind(0, n.network().slice(n.in(0), starts, extents));
}

}  // namespace

const std::vector<LayerEntry> kPartLayers = {
    {"Concat", translate_concat},
    {"Slice", translate_slice},
    {"Split", translate_split},
    {"Crop", translate_crop},
};

}  // namespace stint::builder
