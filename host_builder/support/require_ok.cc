#include "host_builder/support/require_ok.h"

#include <cstring>

#include "core/include/stint/engine.hpp"
#include "host_builder/support/error.h"

namespace stint::builder {

void require(const stint_status& status, const std::string& what) {
  if (status.code == STINT_FILE_FAILED)
    throw BuildError(what + ": " + status.message + ": " +
                     std::strerror(static_cast<int>(status.found)));
  if (!ok(status)) throw BuildError(what + ": " + describe(status));
}

}  // namespace stint::builder
