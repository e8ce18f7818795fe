// Constant folding: a pass that needs the kernels.
#pragma once

#include "host_builder/passes/pass.h"

namespace stint::builder {

extern const Pass kFoldConstantsPass;

}  // namespace stint::builder
