#include "host_builder/import/caffe/layers/layer_table.h"

namespace stint::builder {

const LayerEntry& find_layer(const caffe::Layer& layer) {
  for (const auto* list :
       {&kActivationLayers, &kArithmeticLayers, &kConvolutionLayers, &kDetectionLayers,
        &kInnerProductLayers, &kInputLayers, &kNormLayers, &kPartLayers, &kPoolingLayers,
        &kReductionLayers, &kResizeLayers, &kScaleLayers, &kShapeLayers}) {
    for (const LayerEntry& entry : *list)
      if (layer.type() == entry.type) return entry;
  }
  throw refused_layer(layer);
}

}  // namespace stint::builder
