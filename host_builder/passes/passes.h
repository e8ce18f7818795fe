// The passes, each defined in the file of its name.
#pragma once

#include "host_builder/passes/pass.h"

namespace stint::builder {

extern const Pass kDeadCodePass;

}  // namespace stint::builder
