// The layers that a net has at inference, and who reads whose results.
#pragma once

#include <string>
#include <vector>

#include "host_builder/import/caffe/net_text.h"
#include "host_builder/network/network_builder.h"

namespace stint::builder {

/// A layer that is translated. A blob that a layer changes in place is a value of its own before
/// and after it: the last one has the blob's name, those before it names that no blob can have.
struct ListedLayer {
  const caffe::Layer* layer = nullptr;
  std::vector<std::string> bottoms, tops;
  std::vector<UnknownField> unknown;
};

struct LayerList {
  std::vector<std::string> inputs;  // of the net's own fields
  std::vector<ListedLayer> layers;
  std::vector<std::string> outputs;  // blobs that no layer reads, in the order of their layers
};

/// "layer 'conv1' (Convolution)"
std::string where_of(const caffe::Layer& layer);

/// Whether the name is a blob's, not that of a value which a later layer changes in place.
bool is_blob_name(const std::string& name);
/// The blob that a value belongs to.
std::string blob_of(const std::string& value);

/// Layers of other phases and stages are left out, and those of training with a note. What is wrong
/// with the wiring becomes findings.
LayerList list_layers(const NetText& text, NetworkBuilder& network);

}  // namespace stint::builder
