// Which release of NVIDIA's run-time compiler makes the code of which targets. Another release of
// the same library makes other machine code of the same source, so that plans are the same
// everywhere only with the pinned one; with another one the builder warns, and the plan names it.
#pragma once

#include <string>
#include <vector>

#include "host_builder/targets/target.h"

namespace stint::builder {

struct NvrtcRelease {
  const char* version;               // as the compiler itself names it
  const char* library;               // file name
  const char* wheel;                 // of PyPI, without the version
  std::vector<std::string> folders;  // where the wheel puts the library, below nvidia/
};

const NvrtcRelease& pinned_nvrtc(NvrtcFamily family);

/// How a user gets the pinned release, as a command that needs no root and that a Python managed by
/// the system does not refuse.
std::string nvrtc_advice(NvrtcFamily family);

}  // namespace stint::builder
