// Inputs of a net: of its own fields, and of layers.
#pragma once

#include <optional>
#include <string>

#include "host_builder/import/caffe/layer_translation.h"

namespace stint::builder {

/// A new input under the blob's name. A first extent is the batch; without extents --shape must
/// give them, and it may give others than the net has, for a net fits itself to its input. What is
/// wrong becomes a finding.
void declare_input(NetTranslation& net, const std::string& value, std::optional<Shape> extents);

/// Those that the net's own fields list.
void declare_net_inputs(NetTranslation& net, const caffe::Net& topology,
                        const std::vector<std::string>& values);

}  // namespace stint::builder
