// What a plan's steps compute, as the device of its session computes it: for `stint verify
// --layers`.
#pragma once

#include <functional>
#include <string>

#include "core/include/stint/engine.hpp"
#include "host_builder/graph/host_tensor.h"

namespace stint::builder {

/// Runs the program once per step, each time cut off behind that step, and hands over what the step
/// wrote: later steps may reuse its memory. `set_inputs` fills a new session's inputs; names are
/// those of the graph's values, tensors have the plan's own type and order of axes. Results without
/// a name are left out. Throws BuildError if a run fails.
void observe_layers(const Plan& plan, const char* target, uint32_t batch,
                    const stint_options& options, const std::function<void(Session&)>& set_inputs,
                    const std::function<void(const std::string& name, const HostTensor&)>& observe);

}  // namespace stint::builder
