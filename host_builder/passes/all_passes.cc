#include "host_builder/passes/passes.h"

namespace stint::builder {

const std::vector<Pass>& all_passes() {
  static const std::vector<Pass> passes = {
      kDeadCodePass,
  };
  return passes;
}

}  // namespace stint::builder
