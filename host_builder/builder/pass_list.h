// Which passes a build runs, and when. Each is defined in the stage that has what it needs.
#pragma once

#include "host_builder/passes/pass.h"

namespace stint::builder {

/// All passes of all targets, in execution order.
const std::vector<Pass>& all_passes();

/// Those before precision is decided: they leave the optimised network, physical and in f32.
std::vector<Pass> passes_before_precision();

}  // namespace stint::builder
