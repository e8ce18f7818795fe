// A fault of this program, not of what it was given.
#pragma once

#include <string>

#include "host_builder/support/error.h"

namespace stint::builder {

/// Not a finding about the input: whoever turns a BuildError into a note must let this one pass.
/// what() starts with "internal: ".
class InternalError : public BuildError {
 public:
  explicit InternalError(const std::string& text) : BuildError("internal: " + text) {}
};

}  // namespace stint::builder
