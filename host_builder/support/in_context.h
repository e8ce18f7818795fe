// Errors that say which part of the work they are of.
#pragma once

#include <string>

#include "host_builder/support/error.h"

namespace stint::builder {

/// The same error as "part: what happened".
inline BuildError in_context(const std::string& part, const BuildError& error) {
  return BuildError(part + ": " + error.what());
}

}  // namespace stint::builder
