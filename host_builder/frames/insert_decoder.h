// Replaces outputs of an imported graph by a decoder's.
#pragma once

#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/graph/graph.h"

namespace stint::builder {

/// See insert_frames.
void insert_decoder(Graph& graph, const PostprocessSpec& spec);

}  // namespace stint::builder
