// Puts --preprocess and --postprocess into an imported graph.
#pragma once

#include <optional>
#include <string>

#include "host_builder/frames/insert_decoder.h"
#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Works on the graph as imported (ONNX axes), before any pass; an empty SPEC changes nothing.
///
/// preprocess: the network's image input ([n, channels, height, width] or channels last) becomes
/// the result of a Preprocess node, and Graph::images gets the frame under the input's name.
///
/// postprocess: the outputs it decodes are replaced by "detections" and "counts" (one entry of
/// Graph::detections) or by "mask"; other outputs stay.
///
/// Throws BuildError that names what the SPEC asks for, what the model offers and what to do.
std::optional<InsertedDecoder> insert_frames(Graph& graph, const std::string& preprocess,
                                             const std::string& postprocess);

}  // namespace stint::builder
