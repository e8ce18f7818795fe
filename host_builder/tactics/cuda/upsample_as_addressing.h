// Nearest-neighbour upsampling by whole factors without a step of its own: the convolution before
// it writes every result once more wherever it is repeated, in a concatenation's storage as well.
#pragma once

#include "host_builder/graph/graph.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

/// Such a kResize of a convolution's result becomes the convolution's second result. What nobody
/// reads but the kResize is not written on its own any more. Left alone where the target's kernels
/// cannot do it, or where their predicted time exceeds that of the two steps. Requires a physical,
/// aliased graph with its final types; returns the number of kResize that are gone.
size_t upsample_as_addressing(Graph& graph, const Target& target);

}  // namespace stint::builder
