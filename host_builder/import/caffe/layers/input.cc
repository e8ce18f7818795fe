// Layers that are inputs: Input, and those that read a data set.
#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/import/caffe/net_input.h"

namespace stint::builder {
namespace {

void translate_input(LayerTranslation& n) {
  const caffe::InputParameter& p = n.layer().input_param();
  n.require_bottoms(0, 0);
  n.require_tops(1, SIZE_MAX);
  const auto shapes = static_cast<size_t>(p.shape_size());
  if (shapes > 1 && shapes != n.top_count())
    n.fail("has " + std::to_string(shapes) + " shapes for " + std::to_string(n.top_count()) +
           " tops, needs one for all or one for each");
  for (size_t i = 0; i < n.top_count(); ++i) {
    std::optional<Shape> extents;
    if (shapes > 0) {
      const auto& dim = p.shape(shapes == 1 ? 0 : static_cast<int>(i)).dim();
      extents.emplace(dim.begin(), dim.end());
    }
    declare_input(n.net(), n.top_name(i), std::move(extents));
  }
}

/// Its pictures come from outside: the first top is an input. The file or database does not say how
/// large they are; a memory does.
void translate_data(LayerTranslation& n) {
  n.require_bottoms(0, 0);
  n.require_tops(1, 1);
  std::optional<Shape> extents;
  if (n.layer().has_memory_data_param()) {
    const caffe::MemoryDataParameter& p = n.layer().memory_data_param();
    extents = Shape{p.batch_size(), p.channels(), p.height(), p.width()};
  }
  n.network().note(where_of(n.layer()) + " is an input of the plan: give it data that its " +
                   "transform_param (mean, scale, crop) was applied to, or use --preprocess");
  declare_input(n.net(), n.top_name(0), std::move(extents));
}

}  // namespace

const std::vector<LayerEntry> kInputLayers = {
    {"Input", translate_input},    {"AnnotatedData", translate_data},
    {"Data", translate_data},      {"HDF5Data", translate_data},
    {"ImageData", translate_data}, {"MemoryData", translate_data},
    {"VideoData", translate_data}, {"WindowData", translate_data},
};

}  // namespace stint::builder
