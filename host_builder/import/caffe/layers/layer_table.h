// The layers the importer knows.
#pragma once

#include <string>
#include <vector>

#include "host_builder/import/caffe/layer_translation.h"

namespace stint::builder {

struct LayerEntry {
  const char* type;
  void (*translate)(LayerTranslation& n);
};

// One list per file of translations.
extern const std::vector<LayerEntry> kActivationLayers;
extern const std::vector<LayerEntry> kArithmeticLayers;
extern const std::vector<LayerEntry> kConvolutionLayers;
extern const std::vector<LayerEntry> kDetectionLayers;
extern const std::vector<LayerEntry> kInnerProductLayers;
extern const std::vector<LayerEntry> kInputLayers;
extern const std::vector<LayerEntry> kNormLayers;
extern const std::vector<LayerEntry> kPartLayers;
extern const std::vector<LayerEntry> kPoolingLayers;
extern const std::vector<LayerEntry> kReductionLayers;
extern const std::vector<LayerEntry> kResizeLayers;
extern const std::vector<LayerEntry> kScaleLayers;
extern const std::vector<LayerEntry> kShapeLayers;

/// Throws Refusal for a layer that is not translated.
const LayerEntry& find_layer(const caffe::Layer& layer);

/// Why a type that is in no list is refused, and what to do instead.
Refusal refused_layer(const caffe::Layer& layer);

}  // namespace stint::builder
