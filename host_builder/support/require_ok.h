// The runtime's statuses as errors of the builder.
#pragma once

#include <string>

#include "core/include/stint/stint.h"

namespace stint::builder {

/// Throws BuildError("<what>: <status>") unless the status is OK.
void require(const stint_status& status, const std::string& what);

}  // namespace stint::builder
