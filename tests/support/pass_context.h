// What passes are told in tests that are about the CPU target.
#pragma once

#include "host_builder/passes/pass.h"

namespace stint::builder::test {

inline const PassContext& on_cpu() {
  static const PassContext context{find_target("cpu")};
  return context;
}

}  // namespace stint::builder::test
