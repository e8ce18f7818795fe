// Replaces outputs of an imported graph by a decoder's.
#pragma once

#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/graph/graph.h"

namespace stint::builder {

/// What was put into the graph, for whoever wants to look at what it will read.
struct InsertedDecoder {
  PostprocessSpec spec;
  DecodeAttributes attributes;    // of decoders of detections
  std::vector<ValueId> operands;  // of the decoder's node; of argmax the output itself
  std::vector<ValueId> outputs;   // of the network, that the decoder took the place of
};

/// See insert_frames.
InsertedDecoder insert_decoder(Graph& graph, const PostprocessSpec& spec);

}  // namespace stint::builder
