// Which decoder the shapes of a model's outputs speak for.
#pragma once

#include <string>

#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/graph/graph.h"

namespace stint::builder {

/// The start of a SPEC, such as "boxes-scores,boxes=b,scores=s,labels=l"; empty when no shape fits
/// or `refused`, which the user tried, is all there is.
std::string fitting_decoder(const Graph& graph, PostprocessKind refused, int64_t grid_rows);

}  // namespace stint::builder
