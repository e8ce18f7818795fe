// A model through the builder and the runtime, as a user's model goes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/tactics/evaluate.h"

namespace stint::conformance {

/// Builds the model for the cpu target and runs the plan once through the C API. `inputs` are those
/// of the model that are not initializers, in order. Throws builder::BuildError.
std::vector<builder::HostTensor> run_model(const std::filesystem::path& model,
                                           const std::vector<const builder::HostTensor*>& inputs);

}  // namespace stint::conformance
