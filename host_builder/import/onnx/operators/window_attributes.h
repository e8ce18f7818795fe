// The window of a convolution or pool, as ONNX's attributes say it.
#pragma once

#include "host_builder/import/onnx/node_translation.h"
#include "host_builder/network/window.h"

namespace stint::builder {

using Extents = std::vector<int64_t>;

/// Throws Refusal unless there are `count` values from `least` on.
void check_extents(const NodeTranslation& n, const Extents& values, size_t count, int64_t least,
                   const char* what);

/// Reads kernel_shape, strides, dilations, pads and auto_pad.
Window read_window(NodeTranslation& n, size_t spatial, const Extents& default_kernel);

/// Spatial extents of the weights, operand `weights`.
Extents kernel_of_weights(const NodeTranslation& n, size_t spatial, size_t weights = 1);

}  // namespace stint::builder
