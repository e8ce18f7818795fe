// Nearest-neighbour upsampling by whole factors without a step of its own: the convolution before
// it writes every result once for each place that repeats it, in a concatenation's storage as well.
#pragma once

#include "host_builder/passes/pass.h"

namespace stint::builder {

/// GPUs. A kResize that repeats the pixels of a convolution's result becomes the convolution's
/// second result. The first is no longer written on its own if only the kResize read it: it is then
/// a view of the second, every n-th pixel. Left alone where the target's kernels cannot do it, or
/// where their predicted time exceeds that of the two steps. Requires a physical, aliased graph
/// with its final types.
extern const Pass kUpsampleAsAddressingPass;

}  // namespace stint::builder
