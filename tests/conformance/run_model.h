// A model through the builder and the runtime, as a user's model goes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/evaluate/evaluate.h"

namespace stint::conformance {

/// What the models are built for and run on: STINT_DEVICE is cpu (the default), cuda (the first GPU
/// of this machine), or the name of a target, for which models are built and not run.
struct Device {
  std::string target = "cpu";
  bool runs = true;
  bool on_gpu = false;
};
/// Throws builder::BuildError.
Device device_from_environment();

/// Builds the model and runs the plan once through the C API. `inputs` are those of the model that
/// are not initializers, in order. Empty if the device only builds. Throws builder::BuildError.
std::vector<builder::HostTensor> run_model(const Device& device, const std::filesystem::path& model,
                                           const std::vector<const builder::HostTensor*>& inputs);

}  // namespace stint::conformance
