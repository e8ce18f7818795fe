// Caffe net (.prototxt, with or without its .caffemodel) -> graph.
#pragma once

#include "host_builder/import/format.h"

namespace stint::builder {

/// The model is the topology, in text; its weights are the second file that the user gives. Without
/// them every layer gets random ones, the same for every build, and the user is told.
///
/// Layers are those that the phase TEST has. What only training needs (losses, accuracies) is left
/// out with a note; the first result of a layer that reads a data set becomes an input, whose shape
/// --shape gives. A DetectionOutput becomes the plan's decoder (ImportOptions::own_decoder).
///
/// A first extent of an input is a batch, whatever number the file has there.
extern const Format kCaffeFormat;

}  // namespace stint::builder
