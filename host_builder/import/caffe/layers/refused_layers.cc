// Layers that are not translated: why, and what to do instead.
#include <algorithm>
#include <string_view>
#include <vector>

#include "host_builder/import/caffe/layers/layer_table.h"

namespace stint::builder {
namespace {

struct RefusedGroup {
  const char* reason;
  Action action;
  std::vector<std::string_view> types;
};

constexpr Action kRemoveFromHere =
    "replace it by other layers, or remove it and what follows from the prototxt and compute the "
    "rest in your program";

const std::vector<RefusedGroup>& refused_groups() {
  static const std::vector<RefusedGroup> groups = {
      {"recurrent networks are not supported",
       "use a variant of the net with convolutions, or remove it and what follows from the "
       "prototxt",
       {"RNN", "LSTM", "Recurrent", "LSTMUnit", "Lstm"}},
      {"regions that depend on the picture are not supported: every shape in a plan is static",
       kRemoveFromHere,
       {"ROIPooling", "ROIAlign", "PSROIPooling", "Proposal", "Filter", "BatchReindex"}},
      {"boxes are decoded by the plan's own decoders",
       "remove it from the prototxt and pass --postprocess yolo-anchors (stint build --help lists "
       "the decoders)",
       {"Region", "RegionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput", "Yolo"}},
      {"constant or random data is for training", "replace it by an Input layer", {"DummyData"}},
      {"the layer is not supported yet",
       kRemoveFromHere,
       {"SPP", "Embed", "Im2col", "Parameter", "Correlation", "Axpy"}},
  };
  return groups;
}

}  // namespace

Refusal refused_layer(const caffe::Layer& layer) {
  if (layer.type().empty()) {
    return Refusal("has no type",
                   "add its type (Caffe's upgrade_net_proto_text converts the oldest "
                   "form, a layer inside 'layers')");
  }
  if (layer.type() == "Python") {
    return Refusal("is Python code (class '" + layer.python_param().layer() + "' of module '" +
                       layer.python_param().module() + "'), which a plan cannot run",
                   kRemoveFromHere);
  }
  for (const RefusedGroup& group : refused_groups()) {
    if (std::find(group.types.begin(), group.types.end(), layer.type()) != group.types.end())
      return Refusal(group.reason, group.action);
  }
  return Refusal(
      "layers of type '" + layer.type() + "' are not known, which is none of Caffe's own",
      kRemoveFromHere);
}

}  // namespace stint::builder
